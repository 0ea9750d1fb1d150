"""All spots, the stations so far, and which station fires which spot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.planning.stations import cell_grid, view_kernels
from openmtz.planning.stations.greedy_cover import Head
from openmtz.planning.stations.sight import Sight
from openmtz.planning.stations.slivers import Slivers

SPARE_SHARE = 0.01
"""So few of the spots may use `SPARE_FOCUS_SHARE` of the depth of focus, where that saves a station."""
SEAM_COST = 1.5
"""Weight of agreeing with the neighbours against standing upright and sharp."""
NEIGHBOURS = 12


class Assignment:
    """All spots, the stations chosen so far, and which of the spots each station can fire."""

    def __init__(
        self,
        points: NDArray[np.float64],
        normals: NDArray[np.float64],
        head: Head,
        sight: Sight | None = None,
    ) -> None:
        self.points, self.normals, self.head, self.sight = points, normals, head, sight
        self._grid = cell_grid.make_grid(points, head.reach)
        self.poses: list[NDArray[np.float64]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._cost: list[NDArray[np.float64]] = []
        self._tight: list[NDArray[np.bool_]] = []
        self.sharp = np.zeros(len(points), np.int64)
        self.reached = np.zeros(len(points), np.int64)

    def add(self, pose: NDArray[np.float64]) -> None:
        """Add a station at this pose, and find out which spots it can fire."""
        rows, cost, tight = self.head.seen(pose, self.points, self.normals, self._grid, self.sight)
        self.poses.append(pose)
        self._rows.append(rows)
        self._cost.append(cost)
        self._tight.append(tight)
        self.sharp[rows[tight]] += 1
        self.reached[rows] += 1

    def without_slivers(self, reached: Callable[[NDArray[np.float64]], bool]) -> Assignment:
        """Return the stations that remain after stations with few spots have given these to their neighbours.
        `reached` asks the arm whether it can take a pose."""
        blurred = self.sharp == 0
        slivers = Slivers(self.points, self.normals, self.head, self._grid, blurred, reached, self.sight)
        result = Assignment(self.points, self.normals, self.head, self.sight)
        for pose in slivers.merge(self.poses):
            result.add(pose)
        return result

    def to_cover(self) -> NDArray[np.bool_]:
        """Return `(N,)` bool, the spots that still need a station. So few that they may be fired a little
        out of focus need none where a station can fire them so."""
        rest = self.sharp == 0
        if self.sight is not None:
            rest &= ~self.sight.hidden
        return rest & (self.reached == 0) if rest.mean() <= SPARE_SHARE else rest

    def assign(self) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
        """Drop stations the others can do without, fewest own spots first; give each spot its best one.

        Returns the poses kept and `(N,)` their row, -1 where no station covers the spot.
        """
        count = len(self.points)
        kept = np.ones(len(self.poses), np.bool_)
        loose = int(((self.sharp == 0) & (self.reached > 0)).sum())
        for row in sorted(range(len(kept)), key=lambda r: (int(self._tight[r].sum()), r)):
            mine, tight = self._rows[row], self._tight[row]
            new_loose = int((self.sharp[mine[tight]] == 1).sum())
            if (self.reached[mine] <= 1).any() or loose + new_loose > SPARE_SHARE * count:
                continue
            kept[row] = False
            loose += new_loose
            self.sharp[mine[tight]] -= 1
            self.reached[mine] -= 1
        rows = np.flatnonzero(kept)
        if len(rows) == 0:
            return [], np.full(count, -1, np.int64)
        spot = np.concatenate([self._rows[r] for r in rows])
        who = np.repeat(np.arange(len(rows)), [len(self._rows[r]) for r in rows])
        cost = np.concatenate([self._cost[r] for r in rows])
        fit = np.concatenate([self._tight[r] for r in rows]) | (self.sharp[spot] == 0)
        order = np.argsort(spot[fit], kind="stable")
        spot, who, cost = spot[fit][order], who[fit][order], cost[fit][order]
        starts = np.searchsorted(spot, np.arange(count + 1))
        station = view_kernels.settle(starts, who, cost, self._neighbours(), SEAM_COST, 12)
        used = np.unique(station[station >= 0])
        renumber = np.full(len(rows) + 1, -1, np.int64)
        renumber[used] = np.arange(len(used))
        return [self.poses[rows[k]] for k in used], renumber[station]

    def _neighbours(self) -> NDArray[np.int64]:
        """Return `(N, K)` rows of the nearest other spots."""
        count = min(NEIGHBOURS, len(self.points) - 1)
        if count == 0:
            return np.zeros((len(self.points), 0), np.int64)
        found = cKDTree(self.points).query(self.points, k=count + 1)[1]
        return np.ascontiguousarray(found[:, 1:], np.int64)
