"""Numba kernels of the placement: hashed grid, repulsion minus target density, walking on triangles.

Compiled once and cached on disk. No parallel loops and no fast-math: the same input gives the same
bits on one platform.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


@njit(cache=True, inline="always")
def _hash(x: int, y: int, z: int, mask: int) -> int:
    return ((x * 73856093) ^ (y * 19349663) ^ (z * 83492791)) & mask


@njit(cache=True)
def build_grid(points: Array, cell: float) -> Any:
    """Bucket points `(N, 3)` by hashed cell: `(starts (T+1,), members (N,), cells (N, 3))`."""
    count = len(points)
    size = 16
    while size < 2 * count:
        size *= 2
    mask = size - 1
    cells = np.empty((count, 3), np.int64)
    buckets = np.empty(count, np.int64)
    starts = np.zeros(size + 1, np.int64)
    for i in range(count):
        for k in range(3):
            cells[i, k] = int(np.floor(points[i, k] / cell))
        buckets[i] = _hash(cells[i, 0], cells[i, 1], cells[i, 2], mask)
        starts[buckets[i] + 1] += 1
    for b in range(size):
        starts[b + 1] += starts[b]
    fill = starts[:-1].copy()
    members = np.empty(count, np.int64)
    for i in range(count):
        members[fill[buckets[i]]] = i
        fill[buckets[i]] += 1
    return starts, members, cells


@njit(cache=True)
def push(
    points: Array,
    normals: Array,
    pitch: Array,
    others: Array,
    other_normals: Array,
    other_pitch: Array,
    grid: Any,
    cell: float,
    weight: float,
    sigma: float,
    skip_self: bool,
    out: Array,
) -> None:
    """Add `weight * sum u exp(-|u|^2 / 2 sigma^2)` of `others` to `out`, `u` in local pitches.

    Others whose normal opposes the point's lie on the far side of a thin fold and do not act.
    """
    starts, members, cells = grid
    mask = len(starts) - 2
    reach2 = (3.0 * sigma) ** 2
    factor = -0.5 / sigma**2
    for i in range(len(points)):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        cx, cy, cz = int(np.floor(px / cell)), int(np.floor(py / cell)), int(np.floor(pz / cell))
        fx, fy, fz = 0.0, 0.0, 0.0
        for x in range(cx - 1, cx + 2):
            for y in range(cy - 1, cy + 2):
                for z in range(cz - 1, cz + 2):
                    b = _hash(x, y, z, mask)
                    for m in range(starts[b], starts[b + 1]):
                        j = members[m]
                        if skip_self and j == i:
                            continue
                        if cells[j, 0] != x or cells[j, 1] != y or cells[j, 2] != z:
                            continue
                        inverse = 2.0 / (pitch[i] + other_pitch[j])
                        ux = (px - others[j, 0]) * inverse
                        uy = (py - others[j, 1]) * inverse
                        uz = (pz - others[j, 2]) * inverse
                        d2 = ux * ux + uy * uy + uz * uz
                        if d2 >= reach2:
                            continue
                        facing = (
                            normals[i, 0] * other_normals[j, 0]
                            + normals[i, 1] * other_normals[j, 1]
                            + normals[i, 2] * other_normals[j, 2]
                        )
                        if facing < 0.0:
                            continue
                        w = np.exp(d2 * factor)
                        fx += w * ux
                        fy += w * uy
                        fz += w * uz
        out[i, 0] += weight * fx
        out[i, 1] += weight * fy
        out[i, 2] += weight * fz


@njit(cache=True)
def separate(
    points: Array, normals: Array, pitch: Array, grid: Any, cell: float, least: float, out: Array
) -> None:
    """Add to `out` [pitches] half of what each pair lacks to a distance of `least` pitches."""
    starts, members, cells = grid
    mask = len(starts) - 2
    for i in range(len(points)):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        cx, cy, cz = int(np.floor(px / cell)), int(np.floor(py / cell)), int(np.floor(pz / cell))
        for x in range(cx - 1, cx + 2):
            for y in range(cy - 1, cy + 2):
                for z in range(cz - 1, cz + 2):
                    b = _hash(x, y, z, mask)
                    for m in range(starts[b], starts[b + 1]):
                        j = members[m]
                        if j == i or cells[j, 0] != x or cells[j, 1] != y or cells[j, 2] != z:
                            continue
                        inverse = 2.0 / (pitch[i] + pitch[j])
                        ux = (px - points[j, 0]) * inverse
                        uy = (py - points[j, 1]) * inverse
                        uz = (pz - points[j, 2]) * inverse
                        d2 = ux * ux + uy * uy + uz * uz
                        if d2 >= least * least or d2 == 0.0:
                            continue
                        if (
                            normals[i, 0] * normals[j, 0]
                            + normals[i, 1] * normals[j, 1]
                            + normals[i, 2] * normals[j, 2]
                        ) < 0.0:
                            continue
                        d = np.sqrt(d2)
                        w = 0.55 * (least - d) / d
                        out[i, 0] += w * ux
                        out[i, 1] += w * uy
                        out[i, 2] += w * uz


@njit(cache=True)
def closest_on_triangle(px: float, py: float, pz: float, vertices: Array, face: Array) -> Any:
    """Return barycentric `(u, v, w)` of the point of a triangle nearest to p (Ericson 2005, 5.1.5)."""
    a, b, c = face[0], face[1], face[2]
    ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
    abx, aby, abz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
    acx, acy, acz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
    apx, apy, apz = px - ax, py - ay, pz - az
    d1 = abx * apx + aby * apy + abz * apz
    d2 = acx * apx + acy * apy + acz * apz
    if d1 <= 0.0 and d2 <= 0.0:
        return 1.0, 0.0, 0.0
    bpx, bpy, bpz = apx - abx, apy - aby, apz - abz
    d3 = abx * bpx + aby * bpy + abz * bpz
    d4 = acx * bpx + acy * bpy + acz * bpz
    if d3 >= 0.0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v = d1 / (d1 - d3)
        return 1.0 - v, v, 0.0
    cpx, cpy, cpz = apx - acx, apy - acy, apz - acz
    d5 = abx * cpx + aby * cpy + abz * cpz
    d6 = acx * cpx + acy * cpy + acz * cpz
    if d6 >= 0.0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        w = d2 / (d2 - d6)
        return 1.0 - w, 0.0, w
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and (d4 - d3) >= 0.0 and (d5 - d6) >= 0.0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1.0 - w, w
    total = va + vb + vc
    if total <= 0.0:
        return 1.0, 0.0, 0.0
    return va / total, vb / total, vc / total


@njit(cache=True)
def walk(
    points: Array,
    faces_of: Array,
    vertices: Array,
    faces: Array,
    ring_starts: Array,
    ring: Array,
    bary: Array,
) -> None:
    """Bring moved points back onto the mesh, in place: nearest point among the triangles around
    the one each point came from, walking on while that gets nearer (at most 8 triangles)."""
    for i in range(len(points)):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        face = faces_of[i]
        best = 1e300
        for step in range(9):
            start_face = face
            for k in range(3):
                first, end = ring_starts[faces[start_face, k]], ring_starts[faces[start_face, k] + 1]
                if step == 0:
                    first, end = 0, (1 if k == 0 else 0)
                for m in range(first, end):
                    f = face if step == 0 else ring[m]
                    u, v, w = closest_on_triangle(px, py, pz, vertices, faces[f])
                    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
                    qx = u * vertices[a, 0] + v * vertices[b, 0] + w * vertices[c, 0]
                    qy = u * vertices[a, 1] + v * vertices[b, 1] + w * vertices[c, 1]
                    qz = u * vertices[a, 2] + v * vertices[b, 2] + w * vertices[c, 2]
                    d = (qx - px) ** 2 + (qy - py) ** 2 + (qz - pz) ** 2
                    if d < best:
                        best = d
                        face = f
                        points[i, 0], points[i, 1], points[i, 2] = qx, qy, qz
                        bary[i, 0], bary[i, 1], bary[i, 2] = u, v, w
            if step == 0:
                if bary[i, 0] > 0.0 and bary[i, 1] > 0.0 and bary[i, 2] > 0.0:
                    break  # it stayed inside its own triangle: the usual case
            elif face == start_face:
                break
        faces_of[i] = face
