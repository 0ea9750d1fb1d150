"""Numba kernels of the placement: hashed grid, neighbour lists, repulsion, walking on triangles.

Compiled once and cached on disk. No parallel loops and no fast-math: the same input gives the same
bits on one platform.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any
RANGE = 1.47
"""Reach of the repulsion 1 - u / RANGE [pitches]. At this reach the pressure of a hexagonal pattern equals
that of the evenly spread density of the same amount, so a border (where the prescribed density pushes back)
neither draws spots nor repels them [D]."""
SKIN = 0.25
"""How much further than RANGE neighbours are listed, so that a list serves several steps [pitches]."""


@njit(cache=True)
def build_grid(points: Array, cell: float) -> Any:
    """Sort points `(N, 3)` by cell: `(starts, members (N,), sorted points (N, 3), their column (N,),
    low (3,), cells along y, along z)`.

    Cells are numbered along z, then y, then x, modulo the table: neighbours stay neighbours in memory, and
    only far apart cells share a place.
    """
    inverse = 1.0 / cell
    low, high = np.empty(3), np.empty(3)
    for k in range(3):
        low[k] = high[k] = points[0, k]
        for i in range(len(points)):
            low[k] = min(low[k], points[i, k])
            high[k] = max(high[k], points[i, k])
    ny, nz = int((high[1] - low[1]) * inverse) + 3, int((high[2] - low[2]) * inverse) + 1
    size = 64
    while size < 4 * len(points):
        size *= 2
    places, keys = np.empty(len(points), np.int32), np.empty(len(points), np.int64)
    starts = np.zeros(size + nz + 3, np.int32)
    for i in range(len(points)):
        keys[i] = int((points[i, 0] - low[0]) * inverse) * ny + int((points[i, 1] - low[1]) * inverse)
        places[i] = ((keys[i] * nz) & (size - 1)) + int((points[i, 2] - low[2]) * inverse)
        starts[places[i] + 1] += 1
    for b in range(len(starts) - 1):
        starts[b + 1] += starts[b]
    fill = starts.copy()
    members, by_place = np.empty(len(points), np.int32), np.empty((len(points), 3))
    column = np.empty(len(points), np.int64)
    for i in range(len(points)):
        k = fill[places[i]]
        fill[places[i]] += 1
        members[k], column[k] = i, keys[i]
        by_place[k, 0], by_place[k, 1], by_place[k, 2] = points[i, 0], points[i, 1], points[i, 2]
    return starts, members, by_place, column, low, ny, nz


@njit(cache=True)
def list_near(points: Array, reach: Array, others: Array, cell: float, most: int) -> Any:
    """Return `(starts (N+1,), others (M,))`: at most `most` others within `reach` `(N,)` [m] of each."""
    grid_starts, members, by_place, column, low, ny, nz = build_grid(others, cell)
    mask = len(grid_starts) - nz - 4
    out = np.empty(16 * len(points) + 64, np.int32)
    starts = np.zeros(len(points) + 1, np.int64)
    count = 0
    inverse = 1.0 / cell
    for i in range(len(points)):
        r, r2 = reach[i], reach[i] * reach[i]
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x0, x1 = int(np.floor((px - r - low[0]) * inverse)), int(np.floor((px + r - low[0]) * inverse))
        y0, y1 = int(np.floor((py - r - low[1]) * inverse)), int(np.floor((py + r - low[1]) * inverse))
        z0, z1 = int(np.floor((pz - r - low[2]) * inverse)), int(np.floor((pz + r - low[2]) * inverse))
        z0, z1 = max(z0, 0), min(z1, nz - 1)
        if r2 > 0.0 and z0 <= z1:
            for x in range(x0, x1 + 1):
                for y in range(max(y0, 0), min(y1, ny - 2) + 1):
                    key = x * ny + y
                    b = (key * nz) & mask
                    first, end = grid_starts[b + z0], grid_starts[b + z1 + 1]
                    if count + end - first > len(out):
                        longer = np.empty(2 * (count + end - first), np.int32)
                        for k in range(count):
                            longer[k] = out[k]
                        out = longer
                    for k in range(first, end):  # no branches: most candidates are as likely in as out
                        ux, uy, uz = px - by_place[k, 0], py - by_place[k, 1], pz - by_place[k, 2]
                        out[count] = members[k]
                        count += int((ux * ux + uy * uy + uz * uz < r2) & (column[k] == key))
                    if count > starts[i] + most:
                        count = starts[i] + most
        starts[i + 1] = count
    return starts, out[:count]


@njit(cache=True)
def keep_pairs(
    near: Any, points: Array, normals: Array, pitch: Array, others: Array, other_normals: Array,
    other_pitch: Array, reach: float, same: bool,
) -> Any:  # fmt: skip
    """Return of the lists `near` those within `reach` mean pitches; with `same` each pair once, under one of
    the two. Points whose normals oppose lie on the two sides of a thin fold and do not see each other."""
    near_starts, near_others = near
    starts, out = np.zeros(len(near_starts), np.int64), np.empty(len(near_others), np.int32)
    count = 0
    for i in range(len(points)):
        for m in range(near_starts[i], near_starts[i + 1]):
            j = near_others[m]
            ux, uy, uz = points[i, 0] - others[j, 0], points[i, 1] - others[j, 1], points[i, 2] - others[j, 2]
            d2 = ux * ux + uy * uy + uz * uz
            if same and (j == i or (j < i and d2 < (1.1 * reach * pitch[j]) ** 2)):
                continue  # listed under j
            if d2 >= (0.5 * reach * (pitch[i] + other_pitch[j])) ** 2:
                continue
            if (
                normals[i, 0] * other_normals[j, 0]
                + normals[i, 1] * other_normals[j, 1]
                + normals[i, 2] * other_normals[j, 2]
            ) < 0.0:
                continue
            out[count] = j
            count += 1
        starts[i + 1] = count
    return starts, out[:count]


@njit(cache=True)
def walk(q: Array, face: int, frame: Array, across: Array) -> Any:
    """Return the face and `(u, v)` (barycentrics of its corners b, c) that `q` `(3,)` near `face` comes to.

    Step by step over the edge that q lies beyond, q brought onto each plane; at a border the nearest
    point of the edge.
    """
    before = -1
    for _ in range(24):
        r = frame[face]
        x, y, z = q[0] - r[0], q[1] - r[1], q[2] - r[2]
        u = x * r[9] + y * r[10] + z * r[11]
        v = x * r[12] + y * r[13] + z * r[14]
        w = 1.0 - u - v
        if u >= 0.0 and v >= 0.0 and w >= 0.0:
            return face, u, v
        following, least = -1, 0.0
        if w < least and across[face, 0] >= 0 and across[face, 0] != before:
            following, least = across[face, 0], w
        if u < least and across[face, 1] >= 0 and across[face, 1] != before:
            following, least = across[face, 1], u
        if v < least and across[face, 2] >= 0 and across[face, 2] != before:
            following, least = across[face, 2], v
        if following < 0:
            break
        before, face = face, following
    return face, *_nearest(q, frame[face])


@njit(cache=True)
def _nearest(q: Array, r: Array) -> Any:
    """Return `(u, v)` of the point of the three edges of triangle `r` nearest to `q`."""
    best, bu, bv = np.inf, 0.0, 0.0
    for k in range(3):
        u0, v0, du, dv = 0.0, 0.0, 1.0, 0.0
        if k == 0:
            u0, v0, du, dv = 1.0, 0.0, -1.0, 1.0
        elif k == 1:
            u0, v0, du, dv = 0.0, 0.0, 0.0, 1.0
        ex, ey, ez = du * r[3] + dv * r[6], du * r[4] + dv * r[7], du * r[5] + dv * r[8]
        x = q[0] - r[0] - u0 * r[3] - v0 * r[6]
        y = q[1] - r[1] - u0 * r[4] - v0 * r[7]
        z = q[2] - r[2] - u0 * r[5] - v0 * r[8]
        length2 = ex * ex + ey * ey + ez * ez
        t = min(max((x * ex + y * ey + z * ez) / length2, 0.0), 1.0) if length2 > 0.0 else 0.0
        d2 = (x - t * ex) ** 2 + (y - t * ey) ** 2 + (z - t * ez) ** 2
        if d2 < best:
            best, bu, bv = d2, u0 + t * du, v0 + t * dv
    return bu, bv


@njit(cache=True)
def relax(
    points: Array, last: Array, owner: Array, bary: Array, pitch: Array, corner_density: Array,
    frame: Array, across: Array, pairs: Any, field_pairs: Any, field: Array, field_pitch: Array,
    field_weight: float, steps: int, step: float, momentum: float, least: float,
) -> None:  # fmt: skip
    """Move `points` `(N, 3)` in place, `steps` times; `last` `(N, 3)` is where they came from.

    Neighbours push with 1 - u / RANGE [mean pitches]; near a border the prescribed density pushes back.
    With `least` > 0 instead: each pair closer than `least` pitches is set that far apart.
    """
    starts, others = pairs
    field_starts, field_others = field_pairs
    force = np.zeros(points.shape)
    q = np.empty(3)
    for _ in range(steps):
        for i in range(len(points)):
            fx, fy, fz = 0.0, 0.0, 0.0
            px, py, pz = points[i, 0], points[i, 1], points[i, 2]
            for m in range(starts[i], starts[i + 1]):
                j = others[m]
                x, y, z = px - points[j, 0], py - points[j, 1], pz - points[j, 2]
                mean = 0.5 * (pitch[i] + pitch[j])
                d2 = x * x + y * y + z * z
                if d2 < 1e-6 * mean * mean:  # on top of each other: apart, whichever way
                    x, y, z = x + 0.02 * mean, y + 0.03 * mean, z + 0.05 * mean
                    d2 = x * x + y * y + z * z
                if least > 0.0:
                    if d2 >= (least * mean) ** 2:
                        continue
                    w = 0.55 * (least * mean / np.sqrt(d2) - 1.0)
                else:
                    if d2 >= (RANGE * mean) ** 2:
                        continue
                    w = mean / np.sqrt(d2) - 1.0 / RANGE
                fx += w * x
                fy += w * y
                fz += w * z
                force[j, 0] -= w * x
                force[j, 1] -= w * y
                force[j, 2] -= w * z
            if least == 0.0:
                for m in range(field_starts[i], field_starts[i + 1]):
                    j = field_others[m]
                    x, y, z = px - field[j, 0], py - field[j, 1], pz - field[j, 2]
                    mean = 0.5 * (pitch[i] + field_pitch[j])
                    d2 = x * x + y * y + z * z
                    if d2 >= (RANGE * mean) ** 2 or d2 == 0.0:
                        continue
                    w = -field_weight * (mean / np.sqrt(d2) - 1.0 / RANGE)
                    fx += w * x
                    fy += w * y
                    fz += w * z
            force[i, 0] += fx
            force[i, 1] += fy
            force[i, 2] += fz
        for i in range(len(points)):
            sx = step * force[i, 0] + momentum * (points[i, 0] - last[i, 0])
            sy = step * force[i, 1] + momentum * (points[i, 1] - last[i, 1])
            sz = step * force[i, 2] + momentum * (points[i, 2] - last[i, 2])
            most = 0.3 * pitch[i]
            length = np.sqrt(sx * sx + sy * sy + sz * sz)
            cut = most / length if length > most else 1.0
            force[i, 0], force[i, 1], force[i, 2] = 0.0, 0.0, 0.0
            q[0] = points[i, 0] + cut * sx
            q[1] = points[i, 1] + cut * sy
            q[2] = points[i, 2] + cut * sz
            face, u, v = walk(q, owner[i], frame, across)
            owner[i] = face
            w = max(1.0 - u - v, 0.0)
            bary[i, 0], bary[i, 1], bary[i, 2] = w, u, v
            n = w * corner_density[face, 0] + u * corner_density[face, 1] + v * corner_density[face, 2]
            pitch[i] = np.sqrt(1.1547005383792515e-4 / n)
            for k in range(3):
                last[i, k] = points[i, k]
                points[i, k] = frame[face, k] + u * frame[face, 3 + k] + v * frame[face, 6 + k]
