"""Numba kernels: the skin between two craters, measured along the surface."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any


class Craters(NamedTuple):
    """Craters' entrances, ellipses on the skin: `position` [m], unit `normal` and unit long `axis` `(N, 3)`;
    half axes `half_long`, `half_short` `(N,)` [m]."""

    position: Array
    normal: Array
    axis: Array
    half_long: Array
    half_short: Array


@njit(cache=True)
def gap_m(craters: Craters, i: int, j: int) -> float:
    """Return the skin between craters i and j [m], negative where they overlap, infinite across a fold."""
    p, n, axis = craters.position, craters.normal, craters.axis
    long, short = craters.half_long, craters.half_short
    cx, cy, cz = p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], p[j, 2] - p[i, 2]
    tx, ty, tz = n[j, 0] - n[i, 0], n[j, 1] - n[i, 1], n[j, 2] - n[i, 2]
    bend2, length2 = tx * tx + ty * ty + tz * tz, cx * cx + cy * cy + cz * cz
    if bend2 > 2.0:  # normals more than a right angle apart
        return np.inf
    surface2 = length2
    if bend2 > 1e-12:
        # Of the chord, what lies the way the normals turn is 2 R sin(a/2), its arc R a; bend is 2 sin(a/2).
        bend = math.sqrt(bend2)
        along = (cx * tx + cy * ty + cz * tz) / bend
        arc = 2.0 * math.asin(0.5 * bend) / bend
        surface2 += along * along * (arc * arc - 1.0)
    gap = math.sqrt(surface2)
    for k in (i, j):
        share = 0.0
        if length2 > 0.0:
            share = (axis[k, 0] * cx + axis[k, 1] * cy + axis[k, 2] * cz) ** 2 / length2
        # How far an ellipse reaches in a direction: the distance of the tangent across it.
        gap -= math.sqrt(long[k] ** 2 * share + short[k] ** 2 * (1.0 - share))
    return gap


@njit(cache=True)
def gaps_m(craters: Craters, pairs: Array) -> Any:
    """Return `(M,)` the skin between the craters of `pairs` `(M, 2)` [m]."""
    out = np.empty(len(pairs))
    for m in range(len(pairs)):
        out[m] = gap_m(craters, pairs[m, 0], pairs[m, 1])
    return out


@njit(cache=True)
def keep_narrowest(
    craters: Craters, rim: Array, row: Array, near: Array, width: Array, beside: Array
) -> None:
    """Lower `width` `(N,)` [m] and set `beside` `(N,)` of spots `row` `(R,)` where one of `near` `(R, K)` is
    nearer, edge to edge."""
    for r in range(len(row)):
        i = row[r]
        for j in near[r]:
            if j == i or j >= len(craters.position):
                continue
            healthy = gap_m(craters, i, j) - rim[i] - rim[j]
            if healthy < width[i]:
                width[i], beside[i] = healthy, j
