"""Which depth frames may be fused: only those taken while the arm stood still.

Pure: depth frames and joint states go in as they arrive, decisions come out. A frame waits until a
joint state at or after its stamp says whether the arm stood still when it was taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOVING = "arm moving"
SURPLUS = "surplus"
EARLY = "before the first move"
NO_JOINTS = "no joint states"
OLD = "older than a frame already judged"


@dataclass(frozen=True, eq=False)
class StillFrame:
    """A frame to fuse. `joints` `(J,)` [rad] at rest; `standstill` counts rests from 0, `index` within."""

    stamp_s: float
    payload: Any
    joints: NDArray[np.float64]
    standstill: int
    index: int


class FrameGate:
    """Judges frames by the joint states around them.

    Args:
        per_standstill: at most this many frames are taken per rest; more are `surplus`.
        settle_s: joints must not have changed since this long before the frame [s].
        tolerance_rad: change of a joint that still counts as rest [rad]; 0 suits a simulated or
            braked arm, real encoders need about 2e-4.
        after_move_only: take only rests whose beginning was seen. The number of frames before the
            first move depends on when the capture was started, so taking them would make the surface
            depend on time; a fixed camera or a hand-driven test may switch this off.
        gap_s: joint states further apart than this say nothing about a frame between them [s].
        memory_s: joint states are kept this long for frames that arrive late [s].
        max_waiting: frames held while joint states are missing; the oldest is rejected beyond it.
    """

    def __init__(
        self,
        per_standstill: int = 5,
        settle_s: float = 0.05,
        tolerance_rad: float = 0.0,
        after_move_only: bool = True,
        gap_s: float = 1.0,
        memory_s: float = 3.0,
        max_waiting: int = 64,
    ) -> None:
        if per_standstill < 1:
            raise ValueError(f"per_standstill must be at least 1, got {per_standstill}")
        self.per_standstill = per_standstill
        self.settle_s = settle_s
        self.tolerance_rad = tolerance_rad
        self.after_move_only = after_move_only
        self.gap_s = gap_s
        self.memory_s = memory_s
        self.max_waiting = max_waiting
        self.received = 0
        self.accepted = 0
        self.rejections: Counter[str] = Counter()
        self._waiting: deque[tuple[float, Any]] = deque()
        self._states: deque[_JointState] = deque()
        self._anchor: NDArray[np.float64] | None = None
        self._taken: Counter[int] = Counter()
        self._last_judged = -np.inf

    def add_joints(self, stamp_s: float, joints: ArrayLike) -> None:
        """Note the joint positions `(J,)` [rad] measured at `stamp_s`. Older than the last: ignored.

        Positions that are not finite count as motion.
        """
        q = np.array(joints, np.float64)
        if not self._states:
            self._anchor = q
            self._states.append(_JointState(stamp_s, q, stamp_s, 0))
            return
        last = self._states[-1]
        if stamp_s <= last.stamp_s:
            return
        if _same(q, last.joints, self.tolerance_rad) and _same(q, self._anchor, self.tolerance_rad):
            self._states.append(_JointState(stamp_s, q, last.rest_since_s, last.rest))
        else:
            self._anchor = q
            self._states.append(_JointState(stamp_s, q, stamp_s, last.rest + 1))
        self._forget()

    def add_frame(self, stamp_s: float, payload: Any) -> None:
        """Take a frame in; `payload` is handed back as it is with the decision."""
        self.received += 1
        if stamp_s <= self._last_judged:
            self.rejections[OLD] += 1
            return
        self._waiting.append((stamp_s, payload))
        if len(self._waiting) > 1 and stamp_s < self._waiting[-2][0]:
            self._waiting = deque(sorted(self._waiting, key=lambda item: item[0]))
        if len(self._waiting) > self.max_waiting:
            self._waiting.popleft()
            self.rejections[NO_JOINTS] += 1

    def drain(self, final: bool = False) -> list[StillFrame]:
        """Return the frames that may be fused, in order of their stamps.

        Args:
            final: nothing more will come: frames still waiting for joint states are rejected.
        """
        ready: list[StillFrame] = []
        while self._waiting and self._states and self._waiting[0][0] <= self._states[-1].stamp_s:
            stamp_s, payload = self._waiting.popleft()
            self._last_judged = stamp_s
            verdict = self._judge(stamp_s)
            if isinstance(verdict, str):
                self.rejections[verdict] += 1
                continue
            rest = verdict.rest
            ready.append(StillFrame(stamp_s, payload, verdict.joints, rest, self._taken[rest]))
            self._taken[rest] += 1
            self.accepted += 1
        if final:
            self.rejections[NO_JOINTS] += len(self._waiting)
            self._waiting.clear()
        return ready

    @property
    def waiting(self) -> int:
        """Frames not judged yet."""
        return len(self._waiting)

    def rejection_texts(self) -> list[str]:
        """Return `cause: count` of every cause that occurred, sorted."""
        return [f"{cause}: {count}" for cause, count in sorted(self.rejections.items()) if count]

    def _judge(self, stamp_s: float) -> _JointState | str:
        row = bisect_right(self._states, stamp_s, key=lambda state: state.stamp_s) - 1
        if row < 0:
            return NO_JOINTS
        before = self._states[row]
        after = before if before.stamp_s == stamp_s else self._states[row + 1]
        if after.stamp_s - before.stamp_s > self.gap_s:
            return NO_JOINTS
        if before.rest != after.rest:
            return MOVING
        if before.rest == 0 and self.after_move_only:
            return EARLY
        if before.rest_since_s > stamp_s - self.settle_s:
            return NO_JOINTS if before.rest == 0 else MOVING
        return before if self._taken[before.rest] < self.per_standstill else SURPLUS

    def _forget(self) -> None:
        """Drop joint states older than any frame that may still be judged."""
        oldest = self._waiting[0][0] if self._waiting else self._states[-1].stamp_s - self.memory_s
        while len(self._states) > 2 and self._states[1].stamp_s < oldest:
            self._states.popleft()


@dataclass(frozen=True, eq=False)
class _JointState:
    stamp_s: float
    joints: NDArray[np.float64]
    rest_since_s: float
    rest: int


def _same(a: NDArray[np.float64], b: NDArray[np.float64] | None, tolerance: float) -> bool:
    return b is not None and a.shape == b.shape and bool((np.abs(a - b) <= tolerance).all())
