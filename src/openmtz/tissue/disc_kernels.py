"""Numba kernels: points sorted into cells, and the load of a disc around every point."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any
PARTS = 3
"""Cells per radius: fewer visit more points in vain, more visit more cells."""


class Ranges(NamedTuple):
    """Where, among points sorted by cell, those near a point are.

    All that may lie within the radius of a point i are in the ranges `first[c, row]` to `end[c, row]`, `(C,
    rows)` each, of its cell c = `cell[i]`, `(N,)`.
    """

    cell: Array
    first: Array
    end: Array


@njit(cache=True)
def sort_cells(points: Array, radius: float) -> Any:
    """Return the order `(N,)` that sorts points `(N, 3)` by cell, and the `Ranges` of what lies within
    `radius` of each of them, in that order.

    It needs no more memory than there are points, however far apart they are.
    """
    size = radius / PARTS
    low, high = points[0].copy(), points[0].copy()
    for i in range(len(points)):
        for k in range(3):
            low[k] = min(low[k], points[i, k])
            high[k] = max(high[k], points[i, k])
    ny = int((high[1] - low[1]) / size) + 2 * PARTS + 2
    nz = int((high[2] - low[2]) / size) + 2 * PARTS + 2
    keys = np.empty(len(points), np.int64)
    for i in range(len(points)):
        x, y, z = int((points[i, 0] - low[0]) / size), int((points[i, 1] - low[1]) / size), 0
        z = int((points[i, 2] - low[2]) / size)
        keys[i] = (x * ny + y + PARTS) * nz + z + PARTS
    order = np.argsort(keys, kind="mergesort")
    ordered = keys[order]
    cell = np.empty(len(points), np.int64)
    count = 0
    for i in range(len(points)):
        if i and ordered[i] != ordered[i - 1]:
            count += 1
        cell[i] = count
    rows = (2 * PARTS + 1) ** 2
    first, end = np.zeros((count + 1, rows), np.int64), np.zeros((count + 1, rows), np.int64)
    for i in range(len(points)):
        if i and cell[i] == cell[i - 1]:
            continue
        row = 0
        for dx in range(-PARTS, PARTS + 1):
            for dy in range(-PARTS, PARTS + 1):
                middle = ordered[i] + (dx * ny + dy) * nz
                first[cell[i], row] = np.searchsorted(ordered, middle - PARTS)
                end[cell[i], row] = np.searchsorted(ordered, middle + PARTS + 1)
                row += 1
    return order, Ranges(cell, first, end)


@njit(cache=True)
def disc_sums(xyz: Array, amount: Array, ranges: Ranges, radius: float) -> Any:
    """Return `(N,)` the sum of `amount` `(N,)` int64 around each point; `xyz` `(3, N)` sorted by cell."""
    cell, first, end = ranges.cell, ranges.first, ranges.end
    out = np.empty(len(amount), np.int64)
    limit = radius * radius
    x, y, z = xyz[0], xyz[1], xyz[2]
    for i in range(len(amount)):
        px, py, pz = x[i], y[i], z[i]
        total = 0
        for row in range(first.shape[1]):
            for k in range(first[cell[i], row], end[cell[i], row]):
                ux, uy, uz = x[k] - px, y[k] - py, z[k] - pz
                total += amount[k] if ux * ux + uy * uy + uz * uz <= limit else 0
        out[i] = total
    return out


@njit(cache=True)
def peak_loads(
    xyz: Array, amount: Array, time: Array, turn: Array, ranges: Ranges, radius: float, window: float
) -> Any:
    """Return `(N,)` the highest sum of `amount` `(N,)` int64 within `radius` of each point and `window`.

    `xyz` `(3, N)` sorted by cell; `turn` `(N,)` the points in the order of `time`. Integers: what is taken
    away again is exactly what was added.
    """
    load, peak = np.zeros(len(amount), np.int64), np.zeros(len(amount), np.int64)
    oldest = 0
    limit = radius * radius
    for at in turn:
        while time[at] - time[turn[oldest]] >= window:
            _spread(xyz, load, load, turn[oldest], -amount[turn[oldest]], ranges, limit)
            oldest += 1
        _spread(xyz, load, peak, at, amount[at], ranges, limit)
    return peak


@njit(cache=True)
def _spread(xyz: Array, load: Array, peak: Array, at: int, amount: int, ranges: Ranges, limit: float) -> None:
    """Add `amount` at the point `at` to the load of all points around it, and raise their peaks."""
    cell, first, end = ranges.cell, ranges.first, ranges.end
    px, py, pz = xyz[0, at], xyz[1, at], xyz[2, at]
    for row in range(first.shape[1]):
        for k in range(first[cell[at], row], end[cell[at], row]):
            ux, uy, uz = xyz[0, k] - px, xyz[1, k] - py, xyz[2, k] - pz
            new = load[k] + (amount if ux * ux + uy * uy + uz * uz <= limit else 0)
            load[k] = new
            peak[k] = max(peak[k], new)
