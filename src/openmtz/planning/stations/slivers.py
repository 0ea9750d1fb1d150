"""Second stage of station planning: slivers that greedy covering left between stations are given to their
neighbours, which move to the middle of what they then have to fire.

A station is dropped when its neighbours, each moved to the plane and the middle of what only it covers plus a
part of the sliver, still cover everything. Nothing that was in focus gets lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openmtz.geometry import make_pose
from openmtz.planning.stations.greedy_cover import Head
from openmtz.planning.stations.sight import Sight

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

NEIGHBOURS = 6
SHARES = (1.0, 0.5, 0.25)
"""How much of a sliver a neighbour is asked to take, nearest spots first (engineering default)."""
LEVELLING = 4
"""Steps of Lawson's weighting towards the plane with the least greatest distance."""
MOST_BARRED = 3
"""Neighbours that the arm holds where they are, before a sliver is left alone (engineering default)."""
HOPELESS = 1.7
"""The weighting makes a slab thinner by a third at most (measured on the head: 99.9 %)."""


class Fired(NamedTuple):
    """A pose, and the rows of the spots it fires well in focus, ascending."""

    pose: Array
    rows: Rows


class Slivers:
    """Stations being thinned out over spots `(N, 3)` [m] with unit normals `(N, 3)`.

    `blurred` `(N,)` bool: spots for which the spare depth of focus will do; `reached`: asks the arm about a
    pose; `sight`: of the spots, where lines of sight are looked at.
    """

    def __init__(
        self, points: Array, normals: Array, head: Head, grid: Any, blurred: NDArray[np.bool_],
        reached: Callable[[Array], bool], sight: Sight | None = None,
    ) -> None:  # fmt: skip
        self._points, self._normals, self._head, self._grid = points, normals, head, grid
        self._blurred, self._reached, self._sight = blurred, reached, sight
        self._mark = np.zeros(len(points), np.bool_)
        self._times = np.zeros(len(points), np.int64)
        self.stations: dict[int, Fired] = {}
        self._middles = np.zeros((0, 3))

    def merge(self, poses: list[Array]) -> list[Array]:
        """Return the poses that are left of `poses`, moved."""
        for number, pose in enumerate(poses):
            self._put(number, self._seen(pose))
        self._middles = np.array([self._middle(pose) for pose in poses])
        fresh = set(self.stations)
        while fresh:
            needed = {k: int((self._times[self.stations[k].rows] == 1).sum()) for k in fresh}
            fresh = set()
            for number in sorted(needed, key=lambda k: (needed[k], k)):
                if number in self.stations:
                    fresh |= self._drop(number)
            fresh &= set(self.stations)
        return [station.pose for station in self.stations.values()]

    def _drop(self, number: int, barred: frozenset[int] = frozenset()) -> set[int]:
        """Drop a station if its neighbours, but for those `barred`, can do without it; return those for which
        that changes something, none if they cannot."""
        before = {number: self._take(number)}
        rows = before[number].rows
        left = rows[self._times[rows] == 0]
        near = self._neighbours(left if len(left) else rows)
        for other in [k for k in near if k not in barred] if len(left) else ():
            moved = self._moved(self.stations[other], left)
            if moved is not None:
                before[other] = self._take(other)
                self._put(other, moved)
                left = left[self._times[left] == 0]
                if len(left) == 0:
                    break
        moves = [k for k in before if k != number]
        # the arm, slow to answer, is asked once all else is settled
        held = None
        if len(left) == 0:
            held = next((k for k in moves if not self._reached(self.stations[k].pose)), None)
        if len(left) or held is not None:
            for other in moves:
                self._take(other)
            for other, station in before.items():
                self._put(other, station)
            if held is None or len(barred) >= MOST_BARRED:
                return set()
            return self._drop(number, barred | {held})
        self._middles[number] = np.inf
        for other in moves:
            self._middles[other] = self._middle(self.stations[other].pose)
        return set(near)

    def _moved(self, station: Fired, left: Rows) -> Fired | None:
        """Return a station moved to cover some more of `left` and all that only it covers; None if none
        does."""
        own = station.rows[self._times[station.rows] == 1]
        away = ((self._points[left] - self._middle(station.pose)) ** 2).sum(axis=1)
        nearest = left[np.argsort(np.round(away, 15), kind="stable")]
        for share in SHARES:
            wanted = np.concatenate([own, nearest[: int(np.ceil(share * len(nearest)))]])
            pose = fitted(self._points[wanted], self._normals[wanted], station.pose, self._head)
            if pose is None:
                continue
            found = self._seen(pose)
            self._mark[found.rows] = True
            good = bool(self._mark[own].all() and self._mark[left].any())
            self._mark[found.rows] = False
            if good:
                return found
        return None

    def _neighbours(self, rows: Rows) -> list[int]:
        away = np.linalg.norm(self._middles - self._points[rows].mean(axis=0), axis=1)
        order = np.argsort(np.round(away, 9), kind="stable")[: NEIGHBOURS + 1]
        near = [int(k) for k in order if away[k] < 2.0 * self._head.reach and k in self.stations]
        return near[:NEIGHBOURS]

    def _seen(self, pose: Array) -> Fired:
        rows, _, tight = self._head.seen(pose, self._points, self._normals, self._grid, self._sight)
        return Fired(pose, rows[tight | self._blurred[rows]])

    def _middle(self, pose: Array) -> Array:
        return np.asarray(pose[:3, 3] + self._head.focus * pose[:3, 2])

    def _put(self, number: int, station: Fired) -> None:
        self.stations[number] = station
        self._times[station.rows] += 1

    def _take(self, number: int) -> Fired:
        station = self.stations.pop(number)
        self._times[station.rows] -= 1
        return station


def fitted(points: Array, normals: Array, like: Array, head: Head) -> Array | None:
    """Return the pose `(4, 4)` before the flattest plane of the points `(N, 3)` [m], over their middle, about
    the beam turned as `like` is; None where they lie deeper than the depth of focus."""
    # a little more is allowed: the beam is not parallel, its defocus not quite the height
    best, span = level(np.ascontiguousarray(points), 2.1 * head.budget)
    if span > 2.1 * head.budget:
        return None
    axis = -best if float((normals @ best).sum()) > 0.0 else best
    x = like[:3, 0] - axis * (like[:3, 0] @ axis)
    length = float(np.linalg.norm(x))
    if length < 0.1:
        return None
    x = x / length
    y = np.cross(axis, x)
    frame = np.round(np.column_stack([x, y, axis]), 12)
    local = points @ frame
    middle = frame @ (0.5 * (local.min(axis=0) + local.max(axis=0)))
    return make_pose(frame, middle - head.focus * frame[:, 2])


@njit(cache=True)
def level(points: Any, wanted: float) -> Any:
    """Return the unit normal `(3,)` of the plane that keeps points `(N, 3)` [m] within the thinnest slab
    found, and how thick that is [m]; gives up where the first is `HOPELESS` times too thick for `wanted`."""
    count = len(points)
    weight = np.full(count, 1.0 / count)
    height = np.empty(count)
    best, least = np.zeros(3), np.inf
    for step in range(LEVELLING):
        mean = np.zeros(3)
        for i in range(count):
            mean += weight[i] * points[i]
        moment = np.zeros((3, 3))
        for i in range(count):
            for j in range(3):
                for k in range(j + 1):
                    moment[j, k] += weight[i] * (points[i, j] - mean[j]) * (points[i, k] - mean[k])
        for j in range(3):
            for k in range(j):
                moment[k, j] = moment[j, k]
        normal = np.linalg.eigh(moment)[1][:, 0].copy()
        low, high, total = np.inf, -np.inf, 0.0
        for i in range(count):
            height[i] = (
                (points[i, 0] - mean[0]) * normal[0]
                + (points[i, 1] - mean[1]) * normal[1]
                + (points[i, 2] - mean[2]) * normal[2]
            )
            low, high = min(low, height[i]), max(high, height[i])
            weight[i] *= abs(height[i]) + 1e-9
            total += weight[i]
        if high - low < least:
            least, best = high - low, normal
        if step == 0 and least > HOPELESS * wanted:
            break
        weight /= total
    return best, least
