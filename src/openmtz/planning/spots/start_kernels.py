"""Numba kernels of the placement: triangles in a row along a Hilbert curve, points laid out by mass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


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


def rank(keys: Array) -> Any:
    """Return the order `(F,)` that sorts 30-bit keys, stable: two passes of numpy's radix sort of 16 bits."""
    low = np.argsort((keys & 0x7FFF).astype(np.uint16), kind="stable")
    return low[np.argsort((keys[low] >> 15).astype(np.uint16), kind="stable")]


@njit(cache=True)
def lay_out(mass: Array, count: int, offset: float, frame: Array, corner_density: Array) -> Any:
    """Cut the mass `(F,)` of triangles in a row into `count` equal parts; one point in the middle of each.

    Returns states `(N, 4)` (x, y, z [m], 1 / local pitch [1/m]), their triangle `(N,)` and the barycentrics
    of its corners b and c `(N, 2)`. Within a triangle the base-4 digits of the place choose sub-triangles
    (Basu & Owen 2015).
    """
    total = mass.sum()
    state, owner = np.empty((count, 4), np.float32), np.empty(count, np.int32)
    inside = np.empty((count, 2), np.float32)
    f, before = 0, 0.0
    for i in range(count):
        at = (i + offset) / count * total
        while f < len(mass) - 1 and before + mass[f] <= at:
            before += mass[f]
            f += 1
        rest = min(max((at - before) / mass[f], 0.0), 1.0 - 1e-12) if mass[f] > 0.0 else 0.5
        # the sub-triangle: its centre and the vectors from there to its corners b and c, in (b, c)
        u, v, scale = 1.0 / 3.0, 1.0 / 3.0, 1.0
        while scale * scale * mass[f] > 1e-3 * total / count and abs(scale) > 1e-6:
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
        owner[i], inside[i, 0], inside[i, 1] = f, u, v
        for k in range(3):
            state[i, k] = frame[f, k] + u * frame[f, 3 + k] + v * frame[f, 6 + k]
    set_pitch(state, owner, inside, corner_density)
    return state, owner, inside


@njit(cache=True)
def set_pitch(state: Array, owner: Array, inside: Array, corner_density: Array) -> None:
    """Write one over the hexagonal pitch at each spot [1/m] into the last column of `state` `(N, 4)`."""
    for i in range(len(state)):
        f, u, v = owner[i], inside[i, 0], inside[i, 1]
        n = (1.0 - u - v) * corner_density[f, 0] + u * corner_density[f, 1] + v * corner_density[f, 2]
        state[i, 3] = np.sqrt(8660.254037844387 * n)


@njit(cache=True)
def states(owner: Array, inside: Array, frame: Array) -> Any:
    """Return states `(N, 4)` of spots at barycentrics `inside` `(N, 2)` of faces `owner` `(N,)`, their pitch not
    yet written."""
    state = np.zeros((len(owner), 4), np.float32)
    for i in range(len(owner)):
        r, u, v = frame[owner[i]], inside[i, 0], inside[i, 1]
        for k in range(3):
            state[i, k] = r[k] + u * r[3 + k] + v * r[6 + k]
    return state


@njit(cache=True)
def at(vertices: Array, faces: Array, owner: Array, bary: Array) -> Any:
    """Return positions `(N, 3)` at `bary` `(N, 3)` of the faces `owner` `(N,)`."""
    out = np.empty((len(owner), 3))
    for i in range(len(owner)):
        a, b, c = faces[owner[i], 0], faces[owner[i], 1], faces[owner[i], 2]
        for k in range(3):
            out[i, k] = (
                vertices[a, k] * bary[i, 0] + vertices[b, k] * bary[i, 1] + vertices[c, k] * bary[i, 2]
            )
    return out
