"""Numba kernels of the placement: where the border is, and what lies near it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


@njit(cache=True)
def border_points(across: Array, frame: Array, spacing: float) -> Any:
    """Return points `(B, 3)` along the border, at most `spacing` [m] apart."""
    out = np.empty((0, 3), np.float32)
    for fill in range(2):
        count = 0
        for f in range(len(across)):
            r = frame[f]
            for k in range(3):
                if across[f, k] >= 0:
                    continue
                u0, v0, du, dv = 0.0, 0.0, 1.0, 0.0  # k == 2: from a to b
                if k == 0:
                    u0, v0, du, dv = 1.0, 0.0, -1.0, 1.0
                elif k == 1:
                    u0, v0, du, dv = 0.0, 0.0, 0.0, 1.0
                x = du * r[3] + dv * r[6]
                y = du * r[4] + dv * r[7]
                z = du * r[5] + dv * r[8]
                parts = int(np.ceil(np.sqrt(x * x + y * y + z * z) / spacing))
                for m in range(parts + 1):
                    if fill:
                        t = m / max(parts, 1)
                        for d in range(3):
                            out[count, d] = r[d] + (u0 + t * du) * r[3 + d] + (v0 + t * dv) * r[6 + d]
                    count += 1
        if not fill:
            out = np.empty((count, 3), np.float32)
    return out


@njit(cache=True)
def mark_cells(points: Array, cell: float) -> Any:
    """Return a hashed set of the cells of width `cell` [m] around points `(B, 3)`: any place within `cell`
    of a point is in it, and by chance a few others."""
    size = 1024
    while size < 64 * len(points):
        size *= 2
    table = np.zeros(size, np.bool_)
    bx, by, bz = 1 << 30, 0, 0
    for i in range(len(points)):
        x = int(np.floor(points[i, 0] / cell))
        y = int(np.floor(points[i, 1] / cell))
        z = int(np.floor(points[i, 2] / cell))
        if x == bx and y == by and z == bz:
            continue
        bx, by, bz = x, y, z
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                for dz in range(-1, 2):
                    table[_place(x + dx, y + dy, z + dz) & (size - 1)] = True
    return table


@njit(cache=True)
def _place(x: int, y: int, z: int) -> int:
    return (x * 73856093) ^ (y * 19349663) ^ (z * 83492791)


@njit(cache=True)
def marked(points: Array, cell: float, table: Array) -> Any:
    """Return `(N,)` bool: points `(N, 3+)` in the set of `mark_cells`."""
    out, inverse = np.empty(len(points), np.bool_), 1.0 / cell
    for i in range(len(points)):
        x, y, z = points[i, 0] * inverse, points[i, 1] * inverse, points[i, 2] * inverse
        out[i] = table[_place(int(np.floor(x)), int(np.floor(y)), int(np.floor(z))) & (len(table) - 1)]
    return out


@njit(cache=True)
def marked_faces(frame: Array, cell: float, longest: float, table: Array) -> Any:
    """Return `(F,)` bool: triangles whose centre is in the set, and those with an edge above `longest`
    [m]."""
    out, inverse = np.empty(len(frame), np.bool_), 1.0 / cell
    for f in range(len(frame)):
        r = frame[f]
        x = int(np.floor((r[0] + (r[3] + r[6]) / 3.0) * inverse))
        y = int(np.floor((r[1] + (r[4] + r[7]) / 3.0) * inverse))
        z = int(np.floor((r[2] + (r[5] + r[8]) / 3.0) * inverse))
        out[f] = r[15] > longest or table[_place(x, y, z) & (len(table) - 1)]
    return out
