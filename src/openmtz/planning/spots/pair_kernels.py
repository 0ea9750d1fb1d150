"""Numba kernels of the placement: a hashed grid, and who lies near whom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any
WIDER = 1.1
"""A spot looks this much further than its own pitch says: the other one's may be larger."""


@njit(cache=True)
def build_grid(points: Array, reach: Array, cell: float, span: int) -> Any:
    """Sort points `(N, 3+)` by cell: `(starts, members (N,), x, y, z and squared reach (N, 4), low (3,),
    cells along y, along z)`.

    Cells are numbered along z, then y, then x, modulo a table so long that no two of the columns within
    `span` of each other share a place: neighbours stay neighbours in memory, and no cell is met twice in one
    look around.
    """
    inverse = 1.0 / cell
    low, high = np.empty(3), np.empty(3)
    for k in range(3):
        low[k] = high[k] = points[0, k]
    for i in range(len(points)):
        for k in range(3):
            low[k] = min(low[k], points[i, k])
            high[k] = max(high[k], points[i, k])
    nx, ny = int((high[0] - low[0]) * inverse) + 1, int((high[1] - low[1]) * inverse) + 3
    nz = int((high[2] - low[2]) * inverse) + 1
    size = 64
    while size < 2 * len(points):
        size *= 2
    apart = False
    while not apart:
        apart = True
        for dx in range(min(span, nx) + 1):
            for dy in range(-min(span, ny), min(span, ny) + 1):
                offset = ((dx * ny + dy) * nz) & (size - 1)
                if dx * ny + dy != 0 and (offset < nz or size - offset < nz):
                    apart = False
        if not apart:
            size *= 2
    places = np.empty(len(points), np.int32)
    starts = np.zeros(size + nz + 3, np.int32)
    for i in range(len(points)):
        key = int((points[i, 0] - low[0]) * inverse) * ny + int((points[i, 1] - low[1]) * inverse)
        places[i] = ((key * nz) & (size - 1)) + int((points[i, 2] - low[2]) * inverse)
        starts[places[i] + 1] += 1
    for b in range(len(starts) - 1):
        starts[b + 1] += starts[b]
    fill = starts.copy()
    members, by_place = np.empty(len(points), np.int32), np.empty((len(points), 4), np.float32)
    for i in range(len(points)):
        k = fill[places[i]]
        fill[places[i]] += 1
        members[k] = i
        by_place[k, 0], by_place[k, 1], by_place[k, 2] = points[i, 0], points[i, 1], points[i, 2]
        by_place[k, 3] = reach[i] * reach[i] if len(reach) else 0.0
    return starts, members, by_place, low, ny, nz


@njit(cache=True)
def list_near(points: Array, reach: Array, others: Array, cell: float, half: bool) -> Any:
    """Return `(starts (N+1,), others (M,))` within `reach` `(N,)` [m] of each; with `half` (others are the
    points) each pair once, under the one with the lower index of those whose reach covers it."""
    furthest = 0.0
    for i in range(len(reach)):
        furthest = max(furthest, reach[i])
    span = 2 * int(furthest / cell) + 3
    grid_starts, members, by_place, low, ny, nz = build_grid(others, reach if half else reach[:0], cell, span)
    mask = len(grid_starts) - nz - 4
    out = np.empty(16 * len(points) + 64, np.int32)
    starts = np.zeros(len(points) + 1, np.int32)
    count = 0
    inverse = 1.0 / cell
    low0, low1, low2 = low[0], low[1], low[2]
    for i in range(len(points)):
        r = reach[i]
        if r <= 0.0:
            starts[i + 1] = count
            continue
        r2 = np.float32(r * r)
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x0, x1 = int(np.floor((px - r - low0) * inverse)), int(np.floor((px + r - low0) * inverse))
        y0, y1 = int(np.floor((py - r - low1) * inverse)), int(np.floor((py + r - low1) * inverse))
        z0, z1 = int(np.floor((pz - r - low2) * inverse)), int(np.floor((pz + r - low2) * inverse))
        z0, z1 = max(z0, 0), min(z1, nz - 1)
        if z0 <= z1:
            for x in range(x0, x1 + 1):
                for y in range(max(y0, 0), min(y1, ny - 2) + 1):
                    b = ((x * ny + y) * nz) & mask
                    first, end = grid_starts[b + z0], grid_starts[b + z1 + 1]
                    if count + end - first > len(out):
                        longer = np.empty(2 * (count + end - first), np.int32)
                        longer[:count] = out[:count]
                        out = longer
                    for k in range(first, end):  # no branches: most candidates are as likely in as out
                        ux, uy, uz = px - by_place[k, 0], py - by_place[k, 1], pz - by_place[k, 2]
                        j = members[k]
                        d2 = ux * ux + uy * uy + uz * uz
                        out[count] = j
                        if half:
                            count += int((d2 < r2) & ((j > i) | ((j < i) & (d2 >= by_place[k, 3]))))
                        else:
                            count += int(d2 < r2)
        starts[i + 1] = count
    return starts, out[:count]


@njit(cache=True)
def keep_pairs(near: Any, state: Array, normals: Array, layer: Array, apart: int, reach: float) -> Any:
    """Return of the half lists `near` the pairs within `reach` mean pitches whose `layer` `(N,)` differs by
    at most `apart`. Spots whose normals oppose lie on the two sides of a thin fold and do not see each
    other."""
    near_starts, near_others = near
    starts, out = np.zeros(len(near_starts), np.int32), np.empty(len(near_others), np.int32)
    count = 0
    limit = np.float32(2.0 * reach)
    for i in range(len(near_starts) - 1):
        px, py, pz, g = state[i, 0], state[i, 1], state[i, 2], state[i, 3]
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        for m in range(near_starts[i], near_starts[i + 1]):
            j = near_others[m]
            x, y, z = px - state[j, 0], py - state[j, 1], pz - state[j, 2]
            far = limit / (g + state[j, 3])
            facing = nx * normals[j, 0] + ny * normals[j, 1] + nz * normals[j, 2]
            out[count] = j
            near_enough = (x * x + y * y + z * z < far * far) & (facing >= 0.0)
            count += int(near_enough & (abs(layer[i] - layer[j]) <= apart))
        starts[i + 1] = count
    return starts, out[:count]
