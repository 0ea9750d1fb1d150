"""Where the joints were at a past instant: a ring of the last two seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class JointHistory:
    """Joints `(6,)` [rad] by increasing time [s], the newest `capacity` entries."""

    def __init__(self, capacity: int = 1024) -> None:
        self._times = np.zeros(capacity)
        self._joints = np.zeros((capacity, 6))
        self._count = 0

    def add(self, time_s: float, q: Array) -> None:
        """Remember joints; an instant not later than the newest one overwrites it."""
        size = len(self._times)
        if self._count and time_s <= self._times[(self._count - 1) % size]:
            self._joints[(self._count - 1) % size] = q
            return
        row = self._count % size
        self._times[row] = time_s
        self._joints[row] = q
        self._count += 1

    def ordered(self) -> tuple[Array, Array]:
        """Return times `(K,)` and joints `(K, 6)`, oldest first."""
        size = len(self._times)
        if self._count <= size:
            return self._times[: self._count].copy(), self._joints[: self._count].copy()
        turn = -(self._count % size)
        return np.roll(self._times, turn), np.roll(self._joints, turn, axis=0)

    def at(self, times_s: Array) -> Array:
        """Return joints `(N, 6)` at instants `(N,)`, linear between entries, held beyond both ends.

        Raises:
            LookupError: nothing remembered yet.
        """
        times, joints = self.ordered()
        if len(times) == 0:
            raise LookupError("no joints remembered yet")
        wanted = np.asarray(times_s, np.float64).reshape(-1)
        right = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
        left, right = right - 1, np.minimum(right, len(times) - 1)
        span = np.maximum(times[right] - times[left], 1e-12)
        weight = np.clip((wanted - times[left]) / span, 0.0, 1.0)[:, None]
        # Equal ends give exactly their value: at rest a blend must not stir the last bit.
        return joints[left] + weight * (joints[right] - joints[left])
