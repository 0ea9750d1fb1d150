"""Healthy skin between zones: how wide the bridges are from which it heals, and which zones merge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.planning.dose.footprints import Footprints
from openmtz.tissue import TissueError

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
NEIGHBOURS = 9
MOST_PAIRS = 30_000_000
"""More pairs than this touch only where spots lie in heaps: no plan, and no memory for it."""
WIDEST_UM = 10_000.0
"""Reported where a spot has no neighbour, and at most: a plan's numbers are finite."""


@dataclass(frozen=True, eq=False)
class Bridges:
    """Of `N` spots: `width_um` `(N,)` of the narrowest bridge of healthy skin beside each, below 0 where
    coagulated rims overlap; `neighbour` `(N,)` on its other side, -1 for a spot alone. Pairs of rows
    `(M, 2)`, first < second, sorted: `touching` rims, and among them `merging` craters."""

    width_um: Array
    neighbour: Rows
    touching: Rows
    merging: Rows

    @property
    def least_um(self) -> float:
        """Width of the narrowest bridge [um]."""
        return float(self.width_um.min())

    def percentile_um(self, percent: float = 5.0) -> float:
        """Return a percentile of the width over the spots [um]."""
        return float(np.percentile(self.width_um, percent))

    @property
    def merged_spots(self) -> Rows:
        """Rows of the spots whose craters merge with another, ascending."""
        return np.unique(self.merging)


class Nearby:
    """The nearest spots of each, found once for several questions."""

    def __init__(self, spots: Footprints) -> None:
        from openmtz.planning.dose.gap_kernels import Craters

        self.spots = spots
        self.tree = cKDTree(spots.position_m)
        self.far_m, near = self.tree.query(spots.position_m, k=min(NEIGHBOURS, len(spots)))
        self.near = near.reshape(len(spots), -1).astype(np.int64)
        self.craters = Craters(
            spots.position_m, spots.normal, spots.long_axis, spots.half_long_um * 1e-6,
            spots.half_short_um * 1e-6,
        )  # fmt: skip

    def narrowest(self, rim_m: Array) -> tuple[Array, Rows]:
        """Return the narrowest bridge `(N,)` [m] and the spot beyond it: from the nearest few, and where a
        wide one farther away could be closer by its edge, from all that could be."""
        from openmtz.planning.dose.gap_kernels import keep_narrowest

        count = len(self.spots)
        width, beside = np.full(count, WIDEST_UM * 1e-6), np.full(count, -1, np.int64)
        keep_narrowest(self.craters, rim_m, np.arange(count), self.near, width, beside)
        if count <= NEIGHBOURS:
            return width, beside
        outer = self.craters.half_long + rim_m
        widest = float(outer.max())
        rows = np.flatnonzero(self.far_m[:, -1] - outer - widest < width)
        reach = width[rows] + outer[rows] + widest
        where = self.spots.position_m[rows]
        _refuse_heaps(int(self.tree.query_ball_point(where, reach, return_length=True).sum()))
        for row, near in zip(rows, self.tree.query_ball_point(where, reach), strict=True):
            keep_narrowest(
                self.craters, rim_m, np.array([row]), np.array([near], np.int64), width, beside
            )  # fmt: skip
        return width, beside

    def pairs(self, reach_m: float) -> Rows:
        """Return `(M, 2)` the pairs within reach, first < second, sorted."""
        _refuse_heaps((int(self.tree.count_neighbors(self.tree, reach_m)) - self.tree.n) // 2)
        found = self.tree.query_pairs(reach_m, output_type="ndarray").astype(np.int64).reshape(-1, 2)
        found.sort(axis=1)
        return found[np.lexsort((found[:, 1], found[:, 0]))]


def find_bridges(spots: Footprints, rim_um: float | None = None, nearby: Nearby | None = None) -> Bridges:
    """Return the bridges between spots, measured along the skin.

    The distance between two spots is the arc between them: exact on planes, cylinders and spheres. A tilted
    spot's ellipse counts with the width it shows to its neighbour, which is never less than the truth: the
    bridge is not overstated. Spots whose normals oppose lie on two sides of a fold and have no bridge.

    Args:
        rim_um: a rim for all spots instead of the predicted one. nearby: of the same spots, if known.

    Raises:
        TissueError: spots in heaps (over 30 million pairs that could touch), a negative rim.
    """
    from openmtz.planning.dose.gap_kernels import gaps_m

    if rim_um is not None and not (np.isfinite(rim_um) and rim_um >= 0):
        raise TissueError(f"rim_um must be zero or more, got {rim_um!r}")
    nearby = nearby or Nearby(spots)
    rim = (spots.rim_um if rim_um is None else np.full(len(spots), float(rim_um))) * 1e-6
    width, beside = nearby.narrowest(rim)
    pairs = nearby.pairs(2.0 * float((nearby.craters.half_long + rim).max()))
    gap = gaps_m(nearby.craters, pairs)
    healthy = gap - rim[pairs[:, 0]] - rim[pairs[:, 1]]
    return Bridges(width * 1e6, beside, pairs[healthy <= 0.0], pairs[gap <= 0.0])


def _refuse_heaps(pairs: int) -> None:
    if pairs > MOST_PAIRS:
        raise TissueError(
            f"{pairs} pairs of spots could touch, limit {MOST_PAIRS}: spots lie in heaps; place them apart,"
            " or give positions in metres"
        )
