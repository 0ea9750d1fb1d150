"""The gaps between spots: triangles of three neighbours, and their middles, where healthy skin is hottest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay, QhullError

WIDEST = 1.0
"""Circumradius of a gap in median edge lengths: 0.58 in a hexagonal grid, 0.71 in a square one; above it the
triangle spans a hole or the border, and its middle lies beside a spot, not between three."""


class Gaps(NamedTuple):
    """`corners` `(M, 3)` rows of the spots around each gap; `middle` `(M, 2)` [m] its centroid; `area_m2`
    `(M,)`."""

    corners: NDArray[np.int64]
    middle: NDArray[np.float64]
    area_m2: NDArray[np.float64]

    def across(self) -> NDArray[np.int64]:
        """Return `(M, 3)` the spot beyond the edge opposite to each corner, -1 where there is no gap."""
        count = len(self.corners)
        ends = np.sort(
            np.stack([np.roll(self.corners, -1, axis=1), np.roll(self.corners, -2, axis=1)], axis=2), axis=2
        )
        key = (ends[..., 0] * (int(self.corners.max(initial=0)) + 1) + ends[..., 1]).ravel()
        order = np.argsort(key, kind="stable")
        twin = np.flatnonzero(key[order][1:] == key[order][:-1])
        beyond = np.full(3 * count, -1, np.int64)
        apex = self.corners.ravel()
        beyond[order[twin]] = apex[order[twin + 1]]
        beyond[order[twin + 1]] = apex[order[twin]]
        return beyond.reshape(count, 3)


def gaps(uv_m: ArrayLike) -> Gaps:
    """Return the gaps between spots `(N, 2)` [m] in the tangent plane; none for fewer than three, or in a
    line."""
    uv = np.asarray(uv_m, np.float64).reshape(-1, 2)
    none = Gaps(np.zeros((0, 3), np.int64), np.zeros((0, 2)), np.zeros(0))
    if len(uv) < 4:
        return none
    try:
        mesh = Delaunay((uv - uv.mean(axis=0)) * 1e3)
    except QhullError:
        return none
    corners = mesh.simplices.astype(np.int64)
    a, b, c = (uv[corners[:, k]] for k in range(3))
    squared = [((p - q) ** 2).sum(axis=1) for p, q in ((a, b), (b, c), (c, a))]
    area = 0.5 * np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    circumradius = np.sqrt(squared[0] * squared[1] * squared[2]) / np.maximum(4.0 * area, 1e-30)
    kept = np.flatnonzero(circumradius < WIDEST * np.sqrt(np.median(np.concatenate(squared))))
    return Gaps(corners[kept], ((a + b + c) / 3.0)[kept], area[kept])


def sample(points_m: NDArray[np.float64], most: int, seed: int = 0) -> NDArray[np.float64]:
    """Return a random choice of `most` of the points `(M, 2)`; all of them where there are no more."""
    if len(points_m) <= most:
        return points_m
    return points_m[np.sort(np.random.default_rng(seed).choice(len(points_m), most, replace=False))]
