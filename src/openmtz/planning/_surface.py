"""Numba kernels of the placement: a mesh as tables to walk on, its border, points laid out by mass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


@njit(cache=True)
def weld(vertices: Array, faces: Array, tolerance: float) -> Any:
    """Return `(F, 3)` faces in which vertices within one cube of `tolerance` share the first one's index."""
    size = 16
    while size < 2 * len(vertices):
        size *= 2
    slots = np.full(size, -1, np.int64)
    to = np.empty(len(vertices), np.int32)
    cells = np.empty((len(vertices), 3), np.int64)
    for i in range(len(vertices)):
        for k in range(3):
            cells[i, k] = int(np.rint(vertices[i, k] / tolerance))
        slot = ((cells[i, 0] * 73856093) ^ (cells[i, 1] * 19349663) ^ (cells[i, 2] * 83492791)) & (size - 1)
        while True:
            j = slots[slot]
            if j < 0:
                slots[slot] = i
                to[i] = i
                break
            if cells[j, 0] == cells[i, 0] and cells[j, 1] == cells[i, 1] and cells[j, 2] == cells[i, 2]:
                to[i] = j
                break
            slot = (slot + 1) & (size - 1)
    out = np.empty(faces.shape, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            out[f, k] = to[faces[f, k]]
    return out


@njit(cache=True)
def neighbours(faces: Array, vertex_count: int) -> Any:
    """Return `(F, 3)` the face across the edge opposite each corner; -1 at borders and where more than two
    faces meet."""
    starts = np.zeros(vertex_count + 1, np.int64)
    for f in range(len(faces)):
        for k in range(3):
            starts[min(faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]) + 1] += 1
    for v in range(vertex_count):
        starts[v + 1] += starts[v]
    fill = starts.copy()
    halves = np.empty(3 * len(faces), np.int64)
    for f in range(len(faces)):
        for k in range(3):
            low = min(faces[f, (k + 1) % 3], faces[f, (k + 2) % 3])
            halves[fill[low]] = 3 * f + k
            fill[low] += 1
    across = np.full(faces.shape, -1, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            a, b = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            low, high = min(a, b), max(a, b)
            count, other = 0, -1
            for m in range(starts[low], starts[low + 1]):
                g, j = halves[m] // 3, halves[m] % 3
                if max(faces[g, (j + 1) % 3], faces[g, (j + 2) % 3]) == high:
                    count += 1
                    if g != f:
                        other = g
            if count == 2 and other >= 0:
                across[f, k] = other
    return across


@njit(cache=True)
def frames(vertices: Array, faces: Array) -> Any:
    """Return `(F, 18)`: corner a, edges ab and ac, the gradients of the barycentrics of b and c, normal."""
    out = np.zeros((len(faces), 18))
    for f in range(len(faces)):
        a, b, c, r = faces[f, 0], faces[f, 1], faces[f, 2], out[f]
        for k in range(3):
            r[k] = vertices[a, k]
            r[3 + k] = vertices[b, k] - vertices[a, k]
            r[6 + k] = vertices[c, k] - vertices[a, k]
        uu = r[3] * r[3] + r[4] * r[4] + r[5] * r[5]
        uv = r[3] * r[6] + r[4] * r[7] + r[5] * r[8]
        vv = r[6] * r[6] + r[7] * r[7] + r[8] * r[8]
        area2 = uu * vv - uv * uv
        if area2 > 1e-40:
            for k in range(3):
                r[9 + k] = (vv * r[3 + k] - uv * r[6 + k]) / area2
                r[12 + k] = (uu * r[6 + k] - uv * r[3 + k]) / area2
        r[15] = r[4] * r[8] - r[5] * r[7]
        r[16] = r[5] * r[6] - r[3] * r[8]
        r[17] = r[3] * r[7] - r[4] * r[6]
        length = np.sqrt(r[15] ** 2 + r[16] ** 2 + r[17] ** 2)
        if length > 0.0:
            r[15] /= length
            r[16] /= length
            r[17] /= length
    return out


@njit(cache=True)
def vertex_normals(vertices: Array, faces: Array, at: Array, bary: Array, frame: Array) -> Any:
    """Return `(N, 3)` area-weighted vertex normals interpolated at `bary` `(N, 3)` of faces `at` `(N,)`;
    the face's own where they cancel. Not welded: a crease between separate vertices stays one."""
    total = np.zeros(vertices.shape)
    for f in range(len(faces)):
        r = frame[f]
        nx = r[4] * r[8] - r[5] * r[7]
        ny = r[5] * r[6] - r[3] * r[8]
        nz = r[3] * r[7] - r[4] * r[6]
        for k in range(3):
            total[faces[f, k], 0] += nx
            total[faces[f, k], 1] += ny
            total[faces[f, k], 2] += nz
    for v in range(len(total)):
        length = np.sqrt(total[v, 0] ** 2 + total[v, 1] ** 2 + total[v, 2] ** 2)
        if length > 0.0:
            for k in range(3):
                total[v, k] /= length
    out = np.empty((len(at), 3))
    for i in range(len(at)):
        f = at[i]
        length = 0.0
        for k in range(3):
            out[i, k] = (
                total[faces[f, 0], k] * bary[i, 0]
                + total[faces[f, 1], k] * bary[i, 1]
                + total[faces[f, 2], k] * bary[i, 2]
            )
            length += out[i, k] ** 2
        length = np.sqrt(length)
        for k in range(3):
            out[i, k] = out[i, k] / length if length > 1e-6 else frame[f, 15 + k]
    return out


@njit(cache=True)
def hilbert(vertices: Array, faces: Array) -> Any:
    """Return the place `(F,)` of each triangle's centroid along a Hilbert curve, 2^10 steps over the longest
    side (Skilling 2004)."""
    low = np.zeros(3)
    span = 1e-12
    for k in range(3):
        least, most = np.inf, -np.inf
        for f in range(len(faces)):
            c = vertices[faces[f, 0], k] + vertices[faces[f, 1], k] + vertices[faces[f, 2], k]
            least, most = min(least, c), max(most, c)
        low[k] = least
        span = max(span, most - least)
    keys = np.zeros(len(faces), np.int64)
    x = np.zeros(3, np.int64)
    for f in range(len(faces)):
        for k in range(3):
            c = vertices[faces[f, 0], k] + vertices[faces[f, 1], k] + vertices[faces[f, 2], k]
            x[k] = min(int((c - low[k]) / span * 1023.0), 1023)
        q = 512
        while q > 1:
            for k in range(3):
                if x[k] & q:
                    x[0] ^= q - 1
                else:
                    t = (x[0] ^ x[k]) & (q - 1)
                    x[0] ^= t
                    x[k] ^= t
            q >>= 1
        x[1] ^= x[0]
        x[2] ^= x[1]
        t = 0
        q = 512
        while q > 1:
            if x[2] & q:
                t ^= q - 1
            q >>= 1
        for bit in range(10):
            for k in range(3):
                keys[f] |= (((x[k] ^ t) >> bit) & 1) << (3 * bit + 2 - k)
    return keys


@njit(cache=True)
def lay_out(mass: Array, count: int, offset: float, frame: Array) -> Any:
    """Cut the mass `(F,)` of triangles in a row into `count` equal parts; one point in the middle of each.

    Returns points `(N, 3)`, their triangle `(N,)` and barycentric coordinates `(N, 3)`. Within a triangle the
    base-4 digits of the place choose sub-triangles (Basu & Owen 2015).
    """
    total = mass.sum()
    points, owner, bary = np.empty((count, 3)), np.empty(count, np.int64), np.empty((count, 3))
    f, before = 0, 0.0
    for i in range(count):
        at = (i + offset) / count * total
        while f < len(mass) - 1 and before + mass[f] <= at:
            before += mass[f]
            f += 1
        rest = min(max((at - before) / mass[f], 0.0), 1.0 - 1e-12) if mass[f] > 0.0 else 0.5
        # the sub-triangle: its centre and the vectors from there to its corners b and c, in (b, c)
        u, v, scale = 1.0 / 3.0, 1.0 / 3.0, 1.0
        for _ in range(10):
            rest *= 4.0
            digit = min(int(rest), 3)
            rest -= digit
            if digit == 0:
                scale *= -0.5
            else:
                scale *= 0.5
                if digit == 1:
                    u, v = u - scale / 3.0, v - scale / 3.0
                elif digit == 2:
                    u, v = u + 2.0 * scale / 3.0, v - scale / 3.0
                else:
                    u, v = u - scale / 3.0, v + 2.0 * scale / 3.0
        owner[i] = f
        bary[i, 0], bary[i, 1], bary[i, 2] = 1.0 - u - v, u, v
        for k in range(3):
            points[i, k] = frame[f, k] + u * frame[f, 3 + k] + v * frame[f, 6 + k]
    return points, owner, bary


@njit(cache=True)
def border_points(across: Array, frame: Array, pitch: Array) -> Any:
    """Return points `(B, 3)` along the border, at most half a pitch `(F,)` of the face apart."""
    out = np.empty((0, 3))
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
                parts = int(np.ceil(np.sqrt(x * x + y * y + z * z) / (0.5 * pitch[f])))
                for m in range(parts + 1):
                    if fill:
                        t = m / max(parts, 1)
                        for d in range(3):
                            out[count, d] = r[d] + (u0 + t * du) * r[3 + d] + (v0 + t * dv) * r[6 + d]
                    count += 1
        if not fill:
            out = np.empty((count, 3))
    return out
