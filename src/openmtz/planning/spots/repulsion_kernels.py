"""Numba kernels of the placement: neighbours push each other, the prescribed density pushes back at borders.

Compiled once and cached on disk. Single precision relative to the middle of the mesh: 6e-9 m on a decimetre,
a hundred-thousandth of a pitch; where a spot is comes from its barycentrics, in double, at the end. No
parallel loops: the same input gives the same bits on one platform.

A spot's state is one row of four: x, y, z [m] and one over its local pitch [1/m]: one cache line holds four
spots. The distance of two spots in pitches is their distance times the mean of the two: the length of the
way between them where the pitch is the unit. (So the mean of two pitches is harmonic: it stays finite where
the density ends.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openmtz.planning.spots.walk_kernels import Ways, walk

Array = Any
RANGE = 1.3
"""Reach of the repulsion 1 / u - 1 / RANGE, u in pitches: between the first (1) and the second ring (1.73)
of a hexagonal pattern. Engineering default: of 1.3, 1.47 and 1.6 the one with the widest spacing."""
PRESSURE = 6.0 * (1.0 - 1.0 / RANGE) / (2.0 * np.pi / np.sqrt(0.75) * RANGE**2 / 6.0)
"""Pressure of a hexagonal pattern over that of the evenly spread density of the same amount: with the
prescribed density pushing back this much, a border neither draws spots nor repels them [D]."""
SKIN = 0.2
"""How much further than RANGE neighbours are listed, so that a list serves several steps [pitches]."""
TINY = np.float32(1e-16)


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


class Pushed(NamedTuple):
    """Who pushes whom: half lists of all neighbours `pairs`, and of those of one pass `own`, whose pitches
    are `scale` times as long."""

    pairs: Any
    own: Any
    scale: float


class Pull(NamedTuple):
    """The spots near a border, `rows` `(R,)`, and what the prescribed density does to them `(R, 9)`, see
    `border_force`."""

    rows: Array
    force: Array


@njit(cache=True, fastmath=True)
def relax(
    spots: Any, last: Array, ways: Ways, pushed: Pushed, pull: Pull, block: tuple[int, float, float]
) -> None:
    """Move `spots` (`relaxation.Spots`) in place, by a `block` of (steps, step, momentum); `last` `(N, 4)` is
    where they came from.

    All neighbours push in local pitches, those of one pass in longer ones; near a border the prescribed
    density pushes back.
    """
    state, owner, inside = spots
    frame, across = ways
    steps, step, momentum = block
    count = len(state)
    force = np.zeros((count, 4), np.float32)
    origin = state[pull.rows]
    zero = np.float32(0.0)
    ahead, keep, most = np.float32(step), np.float32(momentum), np.float32(0.3)
    for _ in range(steps):
        push(state, pushed.pairs, 1.0, force)
        if len(pushed.own[1]):
            push(state, pushed.own, pushed.scale, force)
        for a in range(len(pull.rows)):
            i, r = pull.rows[a], pull.force[a]
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
