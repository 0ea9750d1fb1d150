"""The limit without a model: energy delivered within any 1 cm2 in 10 s (design, section 5.7).

Discs of 1 cm2 are centred on a grid of 1.5 mm along the planned spots. What was fired within the window
is charged when the device reports it, what is credited but not yet fired in advance.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.spatial import cKDTree

from openmtz.plan import TreatmentPlan

DISC_RADIUS_M = float(np.sqrt(1e-4 / np.pi))
"""Radius of a disc of 1 cm2 [m]; a ball of it around a point of gently curved skin cuts out about that."""
GRID_M = 0.0015


class HeatMeter:
    """Sliding energy per disc for one plan. Building it takes tens of ms, a look-up tens of us."""

    def __init__(self, plan: TreatmentPlan, limit_j_cm2: float, window_s: float) -> None:
        self._limit_uj = limit_j_cm2 * 1e6
        self._window_s = window_s
        self._energy = plan.energy_uj.astype(np.float64)
        positions = plan.positions_m
        cells = np.unique(np.rint(positions / GRID_M).astype(np.int64), axis=0)
        anchors = cells * GRID_M if len(cells) else np.zeros((1, 3))
        lists = cKDTree(anchors).query_ball_point(positions, DISC_RADIUS_M) if len(positions) else []
        lengths = np.array([len(x) for x in lists], np.int64)
        self._start = np.concatenate([[0], np.cumsum(lengths)])
        self._anchor = np.concatenate([np.asarray(x, np.int64) for x in lists] or [np.empty(0, np.int64)])
        self._weight = np.repeat(self._energy, lengths)
        self._heat = np.zeros(len(anchors))
        self._fired: deque[tuple[float, int, int]] = deque()

    def fire(self, first: int, end: int, now: float) -> None:
        """Charge spots `[first, end)` as fired now."""
        self._heat += self._of(first, end)
        self._fired.append((now, first, end))

    def allowed_until(self, first: int, end: int, now: float) -> int:
        """Return the largest index up to which spots from `first` may be credited now."""
        while self._fired and now - self._fired[0][0] > self._window_s:
            _, a, b = self._fired.popleft()
            self._heat -= self._of(a, b)
        if not self._fired:
            self._heat[:] = 0.0  # rounding must not pile up over hours
        low, high = first, end
        if self._fits(first, high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(first, middle) else (low, middle)
        return low

    def peak_j_cm2(self) -> float:
        """Return the highest energy within a disc now [J/cm2]."""
        return float(self._heat.max()) * 1e-6

    def _fits(self, first: int, end: int) -> bool:
        return float((self._heat + self._of(first, end)).max()) <= self._limit_uj

    def _of(self, first: int, end: int) -> np.ndarray:
        a, b = self._start[first], self._start[end]
        return np.bincount(self._anchor[a:b], self._weight[a:b], minlength=len(self._heat))
