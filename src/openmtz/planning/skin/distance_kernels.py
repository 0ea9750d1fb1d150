"""Numba kernels of the no-fire volumes: distance to a polygon in its plane and to a closed mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


@njit(cache=True)
def to_polygon(points: Array, corners: Array) -> Any:
    """Return the signed distance `(N,)` of points `(N, 2)` to the polygon `corners` `(K, 2)`, negative
    inside."""
    out = np.empty(len(points))
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        least, inside = np.inf, False
        for k in range(len(corners)):
            ax, ay = corners[k - 1, 0], corners[k - 1, 1]
            bx, by = corners[k, 0], corners[k, 1]
            ex, ey, dx, dy = bx - ax, by - ay, x - ax, y - ay
            length2 = ex * ex + ey * ey
            t = min(max((dx * ex + dy * ey) / length2, 0.0), 1.0) if length2 > 0.0 else 0.0
            least = min(least, (dx - t * ex) ** 2 + (dy - t * ey) ** 2)
            if (ay > y) != (by > y) and x < ax + (y - ay) * ex / ey:
                inside = not inside
        out[i] = -np.sqrt(least) if inside else np.sqrt(least)
    return out


@njit(cache=True)
def first_crossing(corners: Array) -> Any:
    """Return the numbers of the first two edges of a polygon `(K, 2)` that cross; (-1, -1) if none do."""
    n = len(corners)
    for i in range(n):
        a, b = corners[i], corners[(i + 1) % n]
        for j in range(i + 2, n):
            if i == 0 and j == n - 1:
                continue
            c, d = corners[j], corners[(j + 1) % n]
            first = _side(a, b, c) * _side(a, b, d)
            second = _side(c, d, a) * _side(c, d, b)
            if first < 0.0 and second < 0.0:
                return i, j
    return -1, -1


@njit(cache=True)
def _side(a: Array, b: Array, c: Array) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@njit(cache=True)
def to_mesh(points: Array, vertices: Array, faces: Array) -> Any:
    """Return the signed distance `(N,)` of points `(N, 3)` to a closed mesh: to the nearest triangle
    (Ericson 2005, section 5.1.5), negative where the winding number (Van Oosterom & Strackee 1983) is that
    of the inside."""
    out = np.empty(len(points))
    a, b, c, p = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for i in range(len(points)):
        least, turns = np.inf, 0.0
        for f in range(len(faces)):
            for k in range(3):
                p[k] = points[i, k]
                a[k] = vertices[faces[f, 0], k] - p[k]
                b[k] = vertices[faces[f, 1], k] - p[k]
                c[k] = vertices[faces[f, 2], k] - p[k]
            la, lb, lc = np.sqrt(_dot(a, a)), np.sqrt(_dot(b, b)), np.sqrt(_dot(c, c))
            volume = (
                a[0] * (b[1] * c[2] - b[2] * c[1])
                + a[1] * (b[2] * c[0] - b[0] * c[2])
                + a[2] * (b[0] * c[1] - b[1] * c[0])
            )
            turns += np.arctan2(volume, la * lb * lc + _dot(a, b) * lc + _dot(b, c) * la + _dot(c, a) * lb)
            least = min(least, _origin_to_triangle(a, b, c))
        out[i] = -np.sqrt(least) if turns > np.pi else np.sqrt(least)
    return out


@njit(cache=True)
def _dot(a: Array, b: Array) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True)
def _origin_to_triangle(a: Array, b: Array, c: Array) -> float:
    """Return the squared distance of the origin to triangle a, b, c."""
    ab, ac = b - a, c - a
    d1, d2 = -_dot(ab, a), -_dot(ac, a)
    if d1 <= 0.0 and d2 <= 0.0:
        return _dot(a, a)
    d3, d4 = -_dot(ab, b), -_dot(ac, b)
    if d3 >= 0.0 and d4 <= d3:
        return _dot(b, b)
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        q = a + (d1 / (d1 - d3) if d1 > d3 else 0.0) * ab
        return _dot(q, q)
    d5, d6 = -_dot(ab, c), -_dot(ac, c)
    if d6 >= 0.0 and d5 <= d6:
        return _dot(c, c)
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        q = a + (d2 / (d2 - d6) if d2 > d6 else 0.0) * ac
        return _dot(q, q)
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        both = (d4 - d3) + (d5 - d6)
        q = b + ((d4 - d3) / both if both > 0.0 else 0.0) * (c - b)
        return _dot(q, q)
    total = va + vb + vc
    q = a + (vb / total) * ab + (vc / total) * ac
    return _dot(q, q)
