"""Compiled rays against a triangle mesh: the triangles sorted into cubic cells, cells walked one by one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh

CELL_M = 0.002
MOST_CELLS = 4_000_000
"""About twice the edges of captured skin; coarser cells where there would be more than so many of them.
Engineering defaults."""


class MeshGrid(NamedTuple):
    """`corners` `(F, 3, 3)` [m]; `rows` of triangles by cell, those of cell c from `starts[c]` to before
    `starts[c + 1]`; `shape` `(3,)` cells, the last axis fastest; `low` `(3,)`, `size` [m]."""

    corners: NDArray[np.float64]
    rows: NDArray[np.int32]
    starts: NDArray[np.int64]
    shape: NDArray[np.int64]
    low: NDArray[np.float64]
    size: float


def mesh_grid(mesh: TriangleMesh) -> MeshGrid:
    """Return the grid of a mesh."""
    corners = np.ascontiguousarray(mesh.vertices[mesh.faces])
    low, high = corners.min(axis=(0, 1)) - 1e-9, corners.max(axis=(0, 1)) + 1e-9
    span = high - low
    size = CELL_M
    while float(np.prod(np.floor(span / size) + 1.0)) > MOST_CELLS:
        size *= 1.25
    shape = np.floor(span / size).astype(np.int64) + 1
    starts, rows = sort_triangles(corners, low, size, shape)
    return MeshGrid(corners, rows, starts, shape, low, size)


@njit(cache=True)
def sort_triangles(corners: Any, low: Any, size: float, shape: Any) -> Any:
    """Return (`starts`, `rows`) of a `MeshGrid`: a triangle is in every cell its bounding box touches."""
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    rows = np.empty(0, np.int32)
    for writing in range(2):
        if writing:
            for cell in range(len(starts) - 1):
                starts[cell + 1] += starts[cell]
            rows = np.empty(starts[-1], np.int32)
        for f in range(len(corners) - 1, -1, -1):
            for k in range(3):
                lowest = min(corners[f, 0, k], corners[f, 1, k], corners[f, 2, k])
                highest = max(corners[f, 0, k], corners[f, 1, k], corners[f, 2, k])
                first[k] = int(np.floor((lowest - low[k]) / size))
                last[k] = int(np.floor((highest - low[k]) / size))
            for x in range(first[0], last[0] + 1):
                for y in range(first[1], last[1] + 1):
                    for z in range(first[2], last[2] + 1):
                        cell = (x * shape[1] + y) * shape[2] + z
                        if writing:  # fills each cell from its end; its start is then where it belongs
                            starts[cell] -= 1
                            rows[starts[cell]] = f
                        else:
                            starts[cell] += 1
    return starts, rows


@njit(cache=True)
def crosses(a: Any, origin: Any, direction: Any, nearest: float, farthest: float) -> bool:
    """Return True if a ray meets the triangle `(3, 3)` between two distances [m] (Moeller and Trumbore)."""
    e0, e1, e2 = a[1, 0] - a[0, 0], a[1, 1] - a[0, 1], a[1, 2] - a[0, 2]
    g0, g1, g2 = a[2, 0] - a[0, 0], a[2, 1] - a[0, 1], a[2, 2] - a[0, 2]
    p0 = direction[1] * g2 - direction[2] * g1
    p1 = direction[2] * g0 - direction[0] * g2
    p2 = direction[0] * g1 - direction[1] * g0
    det = e0 * p0 + e1 * p1 + e2 * p2
    if det == 0.0:
        return False
    s0, s1, s2 = origin[0] - a[0, 0], origin[1] - a[0, 1], origin[2] - a[0, 2]
    u = (s0 * p0 + s1 * p1 + s2 * p2) / det
    if u < 0.0 or u > 1.0:
        return False
    q0, q1, q2 = s1 * e2 - s2 * e1, s2 * e0 - s0 * e2, s0 * e1 - s1 * e0
    v = (direction[0] * q0 + direction[1] * q1 + direction[2] * q2) / det
    if v < 0.0 or u + v > 1.0:
        return False
    t = (g0 * q0 + g1 * q1 + g2 * q2) / det
    return nearest <= t <= farthest


@njit(cache=True)
def blocked(origin: Any, direction: Any, nearest: float, farthest: float, grid: Any) -> bool:
    """Return True if a triangle of `grid` (a `MeshGrid` as a tuple) lies on the ray from `origin` `(3,)`
    along unit `direction` `(3,)`, between two distances [m]. The origin must lie within the grid."""
    corners, rows, starts, shape, low, size = grid
    at, step = np.empty(3, np.int64), np.empty(3, np.int64)
    following, stride = np.empty(3), np.empty(3)
    for k in range(3):
        at[k] = min(max(int(np.floor((origin[k] - low[k]) / size)), 0), shape[k] - 1)
        if direction[k] > 0.0:
            step[k] = 1
            following[k] = (low[k] + (at[k] + 1) * size - origin[k]) / direction[k]
            stride[k] = size / direction[k]
        elif direction[k] < 0.0:
            step[k] = -1
            following[k] = (low[k] + at[k] * size - origin[k]) / direction[k]
            stride[k] = -size / direction[k]
        else:
            step[k], following[k], stride[k] = 0, np.inf, np.inf
    entered = 0.0
    while entered <= farthest:
        cell = (at[0] * shape[1] + at[1]) * shape[2] + at[2]
        for e in range(starts[cell], starts[cell + 1]):
            if crosses(corners[rows[e]], origin, direction, nearest, farthest):
                return True
        k = 0
        if following[1] < following[k]:
            k = 1
        if following[2] < following[k]:
            k = 2
        entered = following[k]
        following[k] += stride[k]
        at[k] += step[k]
        if at[k] < 0 or at[k] >= shape[k]:
            return False
    return False
