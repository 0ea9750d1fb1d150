"""Numba kernels of the placement: hashed grid, pairs of neighbours, repulsion, walking on triangles.

Compiled once and cached on disk. Single precision relative to the middle of the mesh: 6e-9 m on a decimetre,
a hundred-thousandth of a pitch; where a spot is comes from its barycentrics, in double, at the end. No
parallel loops: the same input gives the same bits on one platform.

A spot's state is one row of four: x, y, z [m] and one over its local pitch [1/m]: one cache line holds four
spots. The distance of two spots in pitches is their distance times the mean of the two: the length of the
way between them where the pitch is the unit. (So the mean of two pitches is harmonic: it stays finite where
the density ends.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any
RANGE = 1.3
"""Reach of the repulsion 1 / u - 1 / RANGE, u in pitches: between the first (1) and the second ring (1.73)
of a hexagonal pattern. Engineering default: of 1.3, 1.47 and 1.6 the one with the widest spacing."""
PRESSURE = 6.0 * (1.0 - 1.0 / RANGE) / (2.0 * np.pi / np.sqrt(0.75) * RANGE**2 / 6.0)
"""Pressure of a hexagonal pattern over that of the evenly spread density of the same amount: with the
prescribed density pushing back this much, a border neither draws spots nor repels them [D]."""
SKIN = 0.2
"""How much further than RANGE neighbours are listed, so that a list serves several steps [pitches]."""
WIDER = 1.1
"""A spot looks this much further than its own pitch says: the other one's may be larger."""
TINY = np.float32(1e-16)


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


@njit(cache=True, fastmath=True)
def border_force(
    state: Array, normals: Array, rows: Array, near: Any, field: Array, field_normals: Array,
    weight: float, scale: float,
) -> Any:  # fmt: skip
    """Return `(R, 9)` for the spots `rows` `(R,)`: the pull back of the prescribed density, sampled at
    `field` `(M, 4)` with `weight` spots each, and its derivative (xx, yy, zz, xy, xz, yz). Pitches are
    `scale` times those of the states."""
    starts, others = near
    out = np.zeros((len(rows), 9), np.float32)
    inverse, double, soft = np.float32(1.0 / RANGE), np.float32(2.0 * scale), np.float32(0.04)
    for a in range(len(rows)):
        i, r = rows[a], out[a]
        for m in range(starts[a], starts[a + 1]):
            j = others[m]
            x, y, z = state[i, 0] - field[j, 0], state[i, 1] - field[j, 1], state[i, 2] - field[j, 2]
            mean = double / (state[i, 3] + field[j, 3])
            # softened: what one sample within a fifth of a pitch does is chance
            d2 = x * x + y * y + z * z + soft * mean * mean
            facing = (
                normals[i, 0] * field_normals[j, 0]
                + normals[i, 1] * field_normals[j, 1]
                + normals[i, 2] * field_normals[j, 2]
            )
            v = mean / np.sqrt(d2)
            w = v - inverse
            if w > 0.0 and facing >= 0.0:
                s = v * (np.float32(2.0) * v - inverse) / d2
                w *= v
                r[0] -= w * x
                r[1] -= w * y
                r[2] -= w * z
                r[3] -= w - s * x * x
                r[4] -= w - s * y * y
                r[5] -= w - s * z * z
                r[6] += s * x * y
                r[7] += s * x * z
                r[8] += s * y * z
        for k in range(9):
            r[k] *= np.float32(weight)
    return out


@njit(cache=True, fastmath=True)
def push(state: Array, pairs: Any, scale: float, force: Array) -> None:
    """Add to `force` `(N, 4)` what the pairs push with: 1 / u - 1 / RANGE, in `scale` mean pitches."""
    starts, others = pairs
    inverse, double, zero = np.float32(1.0 / RANGE), np.float32(2.0 * scale), np.float32(0.0)
    for i in range(len(starts) - 1):
        fx, fy, fz = zero, zero, zero
        px, py, pz, g = state[i, 0], state[i, 1], state[i, 2], state[i, 3]
        for m in range(starts[i], starts[i + 1]):
            j = others[m]
            x, y, z = px - state[j, 0], py - state[j, 1], pz - state[j, 2]
            w = double / ((g + state[j, 3]) * np.sqrt(x * x + y * y + z * z + TINY))
            w = max(w * (w - inverse), zero)
            fx += w * x
            fy += w * y
            fz += w * z
            force[j, 0] -= w * x
            force[j, 1] -= w * y
            force[j, 2] -= w * z
        force[i, 0] += fx
        force[i, 1] += fy
        force[i, 2] += fz


@njit(cache=True, fastmath=True)
def walk(x: float, y: float, z: float, face: int, frame: Array, across: Array) -> Any:
    """Return the face and `(u, v)` (barycentrics of its corners b, c) that a point near `face` comes to.

    Step by step over the edge that it lies beyond, brought onto each plane; at a border the nearest
    point of the edge.
    """
    before = -1
    zero = np.float32(0.0)
    for _ in range(24):
        dx, dy, dz = x - frame[face, 0], y - frame[face, 1], z - frame[face, 2]
        u = dx * frame[face, 9] + dy * frame[face, 10] + dz * frame[face, 11]
        v = dx * frame[face, 12] + dy * frame[face, 13] + dz * frame[face, 14]
        w = np.float32(1.0) - u - v
        if min(min(u, v), w) >= zero:
            return face, u, v
        following, least = -1, zero
        if w < least and across[face, 0] >= 0 and across[face, 0] != before:
            following, least = across[face, 0], w
        if u < least and across[face, 1] >= 0 and across[face, 1] != before:
            following, least = across[face, 1], u
        if v < least and across[face, 2] >= 0 and across[face, 2] != before:
            following, least = across[face, 2], v
        if following < 0:
            break
        before, face = face, following
    u, v = _nearest(x, y, z, frame[face])
    return face, u, v


@njit(cache=True)
def _nearest(qx: float, qy: float, qz: float, r: Array) -> Any:
    """Return `(u, v)` of the point of the three edges of triangle `r` nearest to a point."""
    best, bu, bv = np.float32(3e38), np.float32(0.0), np.float32(0.0)
    one, zero = np.float32(1.0), np.float32(0.0)
    for k in range(3):
        u0, v0, du, dv = zero, zero, one, zero
        if k == 0:
            u0, v0, du, dv = one, zero, -one, one
        elif k == 1:
            u0, v0, du, dv = zero, zero, zero, one
        ex, ey, ez = du * r[3] + dv * r[6], du * r[4] + dv * r[7], du * r[5] + dv * r[8]
        x = qx - r[0] - u0 * r[3] - v0 * r[6]
        y = qy - r[1] - u0 * r[4] - v0 * r[7]
        z = qz - r[2] - u0 * r[5] - v0 * r[8]
        length2 = ex * ex + ey * ey + ez * ez
        t = min(max((x * ex + y * ey + z * ez) / length2, zero), one) if length2 > zero else zero
        d2 = (x - t * ex) ** 2 + (y - t * ey) ** 2 + (z - t * ez) ** 2
        if d2 < best:
            best, bu, bv = d2, u0 + t * du, v0 + t * dv
    return bu, bv


@njit(cache=True, fastmath=True)
def relax(
    state: Array, last: Array, owner: Array, inside: Array, frame: Array, across: Array,
    pairs: Any, own_pairs: Any, own_scale: float, rows: Array, pull: Array,
    steps: int, step: float, momentum: float,
) -> None:  # fmt: skip
    """Move `state` `(N, 4)` in place, `steps` times; `last` `(N, 4)` is where they came from, `inside` `(N,
    2)` the barycentrics of corners b and c of the face `owner` `(N,)`.

    All neighbours push in local pitches, those of one pass (`own_pairs`) in `own_scale` times as long ones;
    near a border (spots `rows`) the prescribed density pushes back with `pull`.
    """
    count = len(state)
    force = np.zeros((count, 4), np.float32)
    origin = state[rows]
    zero = np.float32(0.0)
    ahead, keep, most = np.float32(step), np.float32(momentum), np.float32(0.3)
    for _ in range(steps):
        push(state, pairs, 1.0, force)
        if len(own_pairs[1]):
            push(state, own_pairs, own_scale, force)
        for a in range(len(rows)):
            i, r = rows[a], pull[a]
            x, y, z = state[i, 0] - origin[a, 0], state[i, 1] - origin[a, 1], state[i, 2] - origin[a, 2]
            force[i, 0] += r[0] + r[3] * x + r[6] * y + r[7] * z
            force[i, 1] += r[1] + r[6] * x + r[4] * y + r[8] * z
            force[i, 2] += r[2] + r[7] * x + r[8] * y + r[5] * z
        for i in range(count):
            px, py, pz = state[i, 0], state[i, 1], state[i, 2]
            sx = ahead * force[i, 0] + keep * (px - last[i, 0])
            sy = ahead * force[i, 1] + keep * (py - last[i, 1])
            sz = ahead * force[i, 2] + keep * (pz - last[i, 2])
            force[i, 0], force[i, 1], force[i, 2] = zero, zero, zero
            last[i, 0], last[i, 1], last[i, 2] = px, py, pz
            limit = most / state[i, 3]
            length2 = sx * sx + sy * sy + sz * sz
            if length2 > limit * limit:
                cut = limit / np.sqrt(length2)
                sx, sy, sz = cut * sx, cut * sy, cut * sz
            face, u, v = walk(px + sx, py + sy, pz + sz, owner[i], frame, across)
            owner[i], inside[i, 0], inside[i, 1] = face, u, v
            state[i, 0] = frame[face, 0] + u * frame[face, 3] + v * frame[face, 6]
            state[i, 1] = frame[face, 1] + u * frame[face, 4] + v * frame[face, 7]
            state[i, 2] = frame[face, 2] + u * frame[face, 5] + v * frame[face, 8]
