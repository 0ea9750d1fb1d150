"""Numba kernels of the placement: a mesh as tables to walk on."""

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
    owners, tops = np.empty(3 * len(faces), np.int32), np.empty(3 * len(faces), np.int32)
    for f in range(len(faces)):
        for k in range(3):
            a, b = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            low = min(a, b)
            owners[fill[low]], tops[fill[low]] = f, max(a, b)
            fill[low] += 1
    across = np.full(faces.shape, -1, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            a, b = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            low, high = min(a, b), max(a, b)
            count, other = 0, -1
            for m in range(starts[low], starts[low + 1]):
                if tops[m] == high:
                    count += 1
                    if owners[m] != f:
                        other = owners[m]
            if count == 2 and other >= 0:
                across[f, k] = other
    return across


@njit(cache=True, inline="always")
def _cross(vertices: Array, a: int, b: int, c: int) -> Any:
    """Return the cross product of the edges from vertex a to b and to c: twice the area, along the normal."""
    ux, uy, uz = (
        vertices[b, 0] - vertices[a, 0],
        vertices[b, 1] - vertices[a, 1],
        vertices[b, 2] - vertices[a, 2],
    )
    vx, vy, vz = (
        vertices[c, 0] - vertices[a, 0],
        vertices[c, 1] - vertices[a, 1],
        vertices[c, 2] - vertices[a, 2],
    )
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@njit(cache=True)
def face_mass(vertices: Array, faces: Array, density: Array) -> Any:
    """Return the integral `(F,)` of `density` `(V,)` per cm2 over each triangle [spots], and the area
    [cm2]."""
    mass, total = np.empty(len(faces)), 0.0
    for f in range(len(faces)):
        x, y, z = _cross(vertices, faces[f, 0], faces[f, 1], faces[f, 2])
        area = 0.5e4 * np.sqrt(x * x + y * y + z * z)
        total += area
        mass[f] = area * (density[faces[f, 0]] + density[faces[f, 1]] + density[faces[f, 2]]) / 3.0
    return mass, total


@njit(cache=True)
def frames(vertices: Array, faces: Array, middle: Array) -> Any:
    """Return `(F, 16)` corner a less `middle`, edges ab and ac, the gradients of the barycentrics of b and c,
    and the longer edge; and unit normals `(F, 3)`. Single precision: a row is one cache line."""
    out, normals = np.zeros((len(faces), 16), np.float32), np.zeros((len(faces), 3), np.float32)
    u, v, n = np.empty(3), np.empty(3), np.empty(3)
    for f in range(len(faces)):
        a, b, c, r = faces[f, 0], faces[f, 1], faces[f, 2], out[f]
        uu, uv, vv = 0.0, 0.0, 0.0
        for k in range(3):
            u[k], v[k] = vertices[b, k] - vertices[a, k], vertices[c, k] - vertices[a, k]
            r[k], r[3 + k], r[6 + k] = vertices[a, k] - middle[k], u[k], v[k]
            uu += u[k] * u[k]
            uv += u[k] * v[k]
            vv += v[k] * v[k]
        area2 = uu * vv - uv * uv
        if area2 > 1e-40:
            for k in range(3):
                r[9 + k] = (vv * u[k] - uv * v[k]) / area2
                r[12 + k] = (uu * v[k] - uv * u[k]) / area2
        r[15] = np.sqrt(max(uu, vv))
        n[0], n[1], n[2] = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
        length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2)
        if length > 0.0:
            for k in range(3):
                normals[f, k] = n[k] / length
    return out, normals


@njit(cache=True)
def vertex_normals(vertices: Array, faces: Array, at: Array, bary: Array, own: Array) -> Any:
    """Return `(N, 3)` area-weighted vertex normals interpolated at `bary` `(N, 3)` of faces `at` `(N,)`;
    the face's own (`(F, 3)`) where they cancel. Not welded: a crease between separate vertices stays one."""
    total = np.zeros(vertices.shape)
    for f in range(len(faces)):
        x, y, z = _cross(vertices, faces[f, 0], faces[f, 1], faces[f, 2])
        if x * own[f, 0] + y * own[f, 1] + z * own[f, 2] < 0.0:  # wound against its neighbours
            x, y, z = -x, -y, -z
        for k in range(3):
            total[faces[f, k], 0] += x
            total[faces[f, k], 1] += y
            total[faces[f, k], 2] += z
    for v in range(len(total)):
        length = np.sqrt(total[v, 0] ** 2 + total[v, 1] ** 2 + total[v, 2] ** 2)
        if length > 0.0:
            for k in range(3):
                total[v, k] /= length
    out = np.empty((len(at), 3))
    for i in range(len(at)):
        f = at[i]
        for choice in range(2):
            length = 0.0
            for k in range(3):
                if choice == 0:
                    out[i, k] = (
                        total[faces[f, 0], k] * bary[i, 0]
                        + total[faces[f, 1], k] * bary[i, 1]
                        + total[faces[f, 2], k] * bary[i, 2]
                    )
                else:
                    out[i, k] = own[f, k]
                length += out[i, k] ** 2
            if length > 1e-12:
                break
        length = np.sqrt(length)
        for k in range(3):
            out[i, k] /= length
    return out


@njit(cache=True)
def orient(faces: Array, across: Array, normals: Array) -> None:
    """Turn `normals` `(F, 3)` in place where a triangle is wound against its neighbours: each connected sheet
    faces the way most of its triangles do."""
    sign = np.zeros(len(faces), np.int8)
    queue = np.empty(len(faces), np.int32)
    for start in range(len(faces)):
        if sign[start] != 0:
            continue
        sign[start], queue[0] = 1, start
        head, tail, balance = 0, 1, 0
        while head < tail:
            f = queue[head]
            head += 1
            balance += sign[f]
            for k in range(3):
                g = across[f, k]
                if g < 0 or sign[g] != 0:
                    continue
                a, b = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
                same = False
                for j in range(3):
                    same |= faces[g, j] == a and faces[g, (j + 1) % 3] == b
                sign[g] = -sign[f] if same else sign[f]
                queue[tail] = g
                tail += 1
        for m in range(tail):
            if sign[queue[m]] * balance < 0:
                for k in range(3):
                    normals[queue[m], k] = -normals[queue[m], k]
