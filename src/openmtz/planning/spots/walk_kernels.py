"""Numba kernel of the placement: the way of a spot over the triangles."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any


class Ways(NamedTuple):
    """What a spot walks on: `frame` `(F, 16)` and the faces `across` `(F, 3)` each edge, of `mesh_tables`."""

    frame: Array
    across: Array


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
