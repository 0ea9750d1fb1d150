"""Can the arm bring a tool to a pose, and how? Kinematics, motion and collision in one answer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.robot.collision import CellCollision, Collision
from openmtz.robot.description import HOME, SCAN_HEAD_FRAME
from openmtz.robot.kinematics import ArmKinematics
from openmtz.robot.trajectory import Trajectory, plan_motion

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MoveResult:
    """`trajectory` to follow, or None and the `reason` with what helps."""

    trajectory: Trajectory | None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """True where there is a trajectory."""
        return self.trajectory is not None


def plan_move(
    kinematics: ArmKinematics,
    collision: CellCollision | None,
    q_now: ArrayLike,
    target: Array,
    frame: str = SCAN_HEAD_FRAME,
    speed_fraction: float = 1.0,
) -> MoveResult:
    """Return the motion from rest at `q_now` `(6,)` [rad] that brings `frame` to `target` `(4, 4)`.

    The goal posture is sought from where the arm is and from HOME, and the straight joint motion to
    it is checked for collision; where that is blocked the motion goes by way of HOME's posture over
    the patient, stopping there.
    """
    now = np.asarray(q_now, np.float64)
    reasons: list[str] = []
    for seed in (now, HOME):
        found = kinematics.inverse(target, frame, seed)
        if not found.ok:
            return MoveResult(None, found.reason)
        for stops in ([now, found.q], [now, HOME, found.q]):
            legs = [plan_motion(a, b, speed_fraction) for a, b in pairwise(stops)]
            path = _join(legs)
            hit: Collision | None = collision.check_path(path.positions) if collision else None
            if hit is None:
                return MoveResult(path)
            reasons.append(hit.text)
    return MoveResult(None, f"no free way: {reasons[0]}; raise the standoff, tilt less, or move the patient")


def _join(legs: list[Trajectory]) -> Trajectory:
    """Return legs one after the other, each beginning where the one before ended."""
    times, parts = [legs[0].times], [legs[0]]
    for leg in legs[1:]:
        times.append(leg.times[1:] + times[-1][-1])
        parts.append(leg)
    return Trajectory(
        np.concatenate(times),
        *(
            np.concatenate([getattr(parts[0], name), *(getattr(p, name)[1:] for p in parts[1:])])
            for name in ("positions", "velocities", "accelerations")
        ),
    )


class StationCheck:
    """Says of a station whether the arm can stand there: the `reachable` hook of station planning."""

    def __init__(
        self,
        kinematics: ArmKinematics | None = None,
        collision: CellCollision | None = None,
        frame: str = SCAN_HEAD_FRAME,
    ) -> None:
        self.kinematics = kinematics or ArmKinematics()
        self.collision = collision
        self.frame = frame

    def reason(self, pose: Array) -> str:
        """Return why the frame cannot stand at `pose` `(4, 4)` in `world`; empty where it can."""
        found = self.kinematics.inverse(pose, self.frame, HOME)
        if not found.ok:
            return found.reason
        hit = self.collision.check(found.q) if self.collision else None
        return f"{hit.what}; tilt less or move the patient" if hit else ""

    def __call__(self, pose: Array) -> bool:
        """Return whether the frame can stand at `pose`."""
        return not self.reason(pose)
