"""Points sorted into cubic cells, for loops over neighbours in compiled code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Grid(NamedTuple):
    """`order` `(N,)` rows sorted by cell; occupied cells' `keys` `(C,)` ascending, and where each begins in
    `order`, `starts` `(C + 1,)`; `shape` `(3,)` of the grid with a rim of empty cells; `low` `(3,)`, `size`
    [m]."""

    order: NDArray[np.int64]
    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    shape: NDArray[np.int64]
    low: NDArray[np.float64]
    size: float


def make_grid(points_m: NDArray[np.float64], size_m: float) -> Grid:
    """Return the grid of points `(N, 3)` [m], N >= 1, with cells of `size_m` [m]."""
    low = points_m.min(axis=0)
    at = np.floor((points_m - low) / size_m).astype(np.int64) + 1
    shape = at.max(axis=0) + 2
    key = (at[:, 0] * shape[1] + at[:, 1]) * shape[2] + at[:, 2]
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    return Grid(order, keys, np.append(starts, len(points_m)).astype(np.int64), shape, low, float(size_m))


def thin(points_m: NDArray[np.float64], size_m: float) -> NDArray[np.int64]:
    """Return rows, ascending, of one point `(N, 3)` [m] per occupied cell: the one nearest to its cell's
    mean."""
    grid = make_grid(points_m, size_m)
    cell = np.repeat(np.arange(len(grid.keys)), np.diff(grid.starts))
    sorted_points = points_m[grid.order]
    count = np.diff(grid.starts)[:, None]
    mean = np.stack([np.bincount(cell, sorted_points[:, k]) for k in range(3)], axis=1) / count
    away = np.round(((sorted_points - mean[cell]) ** 2).sum(axis=1), 15)
    best = np.lexsort((away, cell))[grid.starts[:-1]]
    return np.sort(grid.order[best])


@njit(cache=True)
def near(point: Any, radius: float, points: Any, grid: Any, out: Any) -> int:
    """Write rows of `points` within `radius` of `point` `(3,)` into `out`, return how many; cells must be no
    smaller than the radius. `grid` is a `Grid` as a tuple."""
    order, keys, starts, shape, low, size = grid
    bx = int(np.floor((point[0] - low[0]) / size)) + 1
    by = int(np.floor((point[1] - low[1]) / size)) + 1
    bz = int(np.floor((point[2] - low[2]) / size)) + 1
    count = 0
    for x in range(max(bx - 1, 0), min(bx + 2, shape[0])):
        for y in range(max(by - 1, 0), min(by + 2, shape[1])):
            for z in range(max(bz - 1, 0), min(bz + 2, shape[2])):
                key = (x * shape[1] + y) * shape[2] + z
                at = np.searchsorted(keys, key)
                if at == len(keys) or keys[at] != key:
                    continue
                for c in range(starts[at], starts[at + 1]):
                    i = order[c]
                    r2 = 0.0
                    for k in range(3):
                        r2 += (points[i, k] - point[k]) ** 2
                    if r2 <= radius * radius:
                        out[count] = i
                        count += 1
    return count
