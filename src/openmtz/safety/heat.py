"""The limit without a model: energy delivered within any 1 cm2 in 10 s (design, section 5.7).

One meter for all that was fired, in world coordinates: heat belongs to the skin, whatever plan, seed or
approval it was fired under. Discs of 1 cm2 are centred on a world grid of 1.5 mm wherever spots are
planned or were fired within the window. What was fired is charged when the monitor hears of it, what is
credited but not yet fired in advance.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.plan import TreatmentPlan

DISC_RADIUS_M = float(np.sqrt(1e-4 / np.pi))
"""Radius of a disc of 1 cm2 [m]; a ball of it around a point of gently curved skin cuts out about that."""
GRID_M = 0.0015

Array = NDArray[np.float64]


class _Charge(NamedTuple):
    """Shots heard of at `time` [s]: `points` `(n, 3)` [m], None where nobody knows; `energy` `(n,)` [uJ]."""

    time: float
    points: Array | None
    energy: Array


class _Incidence(NamedTuple):
    """Which discs each of some points lies in: those of point i are `disc[start[i]:start[i + 1]]`."""

    start: NDArray[np.int64]
    disc: NDArray[np.int64]


class HeatMeter:
    """Sliding energy per disc. `adopt` takes tens of ms for a plan, a look-up tens of us."""

    def __init__(self, limit_j_cm2: float, window_s: float) -> None:
        self._limit_uj = limit_j_cm2 * 1e6
        self._window_s = window_s
        self._charges: deque[_Charge] = deque()
        self._everywhere = 0.0
        self._plan_points, self._plan_energy = np.empty((0, 3)), np.empty(0)
        self._lay_discs()

    def adopt(self, plan: TreatmentPlan, now: float) -> None:
        """Go on with another plan; what was fired within the window still counts."""
        self._plan_points, self._plan_energy = plan.positions_m, plan.energy_uj.astype(np.float64)
        self._expire(now)
        self._lay_discs()

    def fire(self, points_m: Array, energy_uj: Array, now: float) -> None:
        """Charge shots at `(n, 3)` [m, world] with energies `(n,)` [uJ] as fired now, of whatever plan."""
        if len(points_m) == 0:
            return
        charge = _Charge(now, np.asarray(points_m, np.float64), np.asarray(energy_uj, np.float64))
        self._charges.append(charge)
        if _cells(charge.points) <= self._cells:
            self._heat += self._on_discs(charge)
        else:
            self._lay_discs()

    def fire_somewhere(self, energy_uj: float, now: float) -> None:
        """Charge energy [uJ] fired nobody knows where: it counts in every disc."""
        self._charges.append(_Charge(now, None, np.array([energy_uj], np.float64)))
        self._everywhere += energy_uj

    def allowed_until(self, first: int, end: int, now: float) -> int:
        """Return the largest index up to which spots of the plan adopted, from `first`, may be credited."""
        self._expire(now)
        low, high = first, end
        if self._fits(first, high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(first, middle) else (low, middle)
        return low

    def peak_j_cm2(self) -> float:
        """Return the highest energy within a disc as of the last look [J/cm2]."""
        return (float(self._heat.max(initial=0.0)) + self._everywhere) * 1e-6

    def _expire(self, now: float) -> None:
        while self._charges and now - self._charges[0].time > self._window_s:
            charge = self._charges.popleft()
            if charge.points is None:
                self._everywhere -= float(charge.energy[0])
            else:
                self._heat -= self._on_discs(charge)
        if not self._charges:
            self._heat[:], self._everywhere = 0.0, 0.0  # rounding must not pile up over hours

    def _lay_discs(self) -> None:
        """Centre discs on the cells of every spot planned or fired, and fill in what was fired."""
        fired = [charge.points for charge in self._charges if charge.points is not None]
        self._cells = _cells(np.concatenate([self._plan_points, *fired]))
        anchors = np.array(sorted(self._cells), np.float64).reshape(-1, 3) * GRID_M
        self._tree = cKDTree(anchors) if len(anchors) else None
        self._plan_discs = self._incidence(self._plan_points)
        self._weight = np.repeat(self._plan_energy, np.diff(self._plan_discs.start))
        self._heat = np.zeros(len(anchors))
        for charge in self._charges:
            if charge.points is not None:
                self._heat += self._on_discs(charge)

    def _incidence(self, points: Array) -> _Incidence:
        found = self._tree.query_ball_point(points, DISC_RADIUS_M) if self._tree and len(points) else []
        start = np.concatenate([[0], np.cumsum([len(discs) for discs in found])]).astype(np.int64)
        disc = np.concatenate([np.asarray(discs, np.int64) for discs in found] or [np.empty(0, np.int64)])
        return _Incidence(start, disc)

    def _on_discs(self, charge: _Charge) -> Array:
        assert charge.points is not None
        start, disc = self._incidence(charge.points)
        return _sum_by(disc, np.repeat(charge.energy, np.diff(start)), len(self._heat))

    def _fits(self, first: int, end: int) -> bool:
        """Whether every disc that spots `[first, end)` lie in bears them beside what it has had."""
        a, b = self._plan_discs.start[first], self._plan_discs.start[end]
        disc = self._plan_discs.disc[a:b]
        total = self._heat + _sum_by(disc, self._weight[a:b], len(self._heat))
        return float(total[disc].max(initial=0.0)) + self._everywhere <= self._limit_uj


def _sum_by(disc: NDArray[np.int64], values: Array, count: int) -> Array:
    return np.bincount(disc, values, count).astype(np.float64, copy=False)


def _cells(points_m: Array | None) -> set[tuple[int, int, int]]:
    if points_m is None or len(points_m) == 0:
        return set()
    rows: list[tuple[int, int, int]] = [
        (int(x), int(y), int(z)) for x, y, z in np.unique(np.rint(points_m / GRID_M).astype(np.int64), axis=0)
    ]
    return set(rows)
