"""Numba kernels of the placement: what is left of the density error over many pitches is levelled.

Repulsion levels errors of a few pitches in a few steps, those over twenty and more hardly at all, and defects
of the hexagonal pattern keep some for good. So the amount of spots around every few of them (a *probe*) is
compared with the prescribed one, both weighted with (1 - r^2 / R^2)^2, and all spots slide down the gradient
of the summed squared errors: a smooth field of displacements, a few hundredths of a pitch, that leaves the
pattern alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from openmtz.planning._walk import walk

Array = Any
SQUARE_PITCHES = 5e3 * np.sqrt(3.0)
"""Square hexagonal pitches per m2, by spots per cm2 [D]."""


@njit(cache=True)
def quadrature(mass: Array, frame: Array, corner_density: Array, most: float) -> Any:
    """Return points `(M, 3)`, what they weigh `(M,)` [spots] and their faces `(M,)`: they stand for the mass
    `(F,)` of triangles in a row. Each is the centre of a part of a triangle that holds more than `most`
    spots, or of triangles in a row that together hold less."""
    room = len(mass) + int(4.0 * mass.sum() / most)  # for side < 2 sqrt(mass / most)
    points, weight = np.empty((room, 3), np.float32), np.empty(room, np.float32)
    faces = np.empty(room, np.int32)
    count = 0
    held, x, y, z = 0.0, 0.0, 0.0, 0.0
    for f in range(len(mass)):
        r = frame[f]
        mean = (corner_density[f, 0] + corner_density[f, 1] + corner_density[f, 2]) / 3.0
        if mass[f] <= most:
            x += mass[f] * (r[0] + (r[3] + r[6]) / 3.0)
            y += mass[f] * (r[1] + (r[4] + r[7]) / 3.0)
            z += mass[f] * (r[2] + (r[5] + r[8]) / 3.0)
            held += mass[f]
            if f + 1 < len(mass) and held + mass[f + 1] <= most:
                s = frame[f + 1]
                dx, dy, dz = s[0] - r[0], s[1] - r[1], s[2] - r[2]
                # the row may leap: what lies further than a pitch is not put together
                if SQUARE_PITCHES * mean * (dx * dx + dy * dy + dz * dz) < 1.0:
                    continue
            points[count, 0], points[count, 1], points[count, 2] = x / held, y / held, z / held
            weight[count], faces[count] = held, f
            count += 1
            held, x, y, z = 0.0, 0.0, 0.0, 0.0
            continue
        side = int(np.ceil(np.sqrt(mass[f] / most)))
        part = mass[f] / (mean * side * side)
        for i in range(side):
            for j in range(side - i):
                for up in range(2 if i + j < side - 1 else 1):
                    u, v = (i + (1 + up) / 3.0) / side, (j + (1 + up) / 3.0) / side
                    for k in range(3):
                        points[count, k] = r[k] + u * r[3 + k] + v * r[6 + k]
                    weight[count] = part * (
                        corner_density[f, 0] * (1.0 - u - v)
                        + corner_density[f, 1] * u
                        + corner_density[f, 2] * v
                    )
                    faces[count] = f
                    count += 1
    return points[:count], weight[:count], faces[:count]


@njit(cache=True, fastmath=True)
def amount(
    probes: Array, radius: Array, facing: Array, points: Array, weight: Array, normals: Array, near: Any
) -> Any:
    """Return `(P,)` the amount of `points` `(N, 3+)`, `weight` `(N,)` each, within `radius` `(P,)` [m] of
    `probes` `(P, 3+)`, of those that face as they do."""
    starts, others = near
    out = np.zeros(len(probes), np.float32)
    one, zero = np.float32(1.0), np.float32(0.0)
    for p in range(len(probes)):
        px, py, pz = probes[p, 0], probes[p, 1], probes[p, 2]
        nx, ny, nz = facing[p, 0], facing[p, 1], facing[p, 2]
        inverse, total = one / (radius[p] * radius[p]), zero
        for m in range(starts[p], starts[p + 1]):
            j = others[m]
            x, y, z = points[j, 0] - px, points[j, 1] - py, points[j, 2] - pz
            w = max(one - (x * x + y * y + z * z) * inverse, zero)
            if nx * normals[j, 0] + ny * normals[j, 1] + nz * normals[j, 2] >= zero:
                total += w * w * weight[j]
        out[p] = total
    return out


@njit(cache=True, fastmath=True)
def slide(
    state: Array, owner: Array, inside: Array, frame: Array, across: Array, normals: Array,
    probes: Array, radius: Array, facing: Array, push: Array, near: Any,
) -> None:  # fmt: skip
    """Move `state` `(N, 4)` in place on the faces `owner` `(N,)`: away from each probe by `push` `(P,)` times
    (1 - r^2 / R^2) times the way there."""
    starts, others = near
    ways = np.zeros((len(state), 4), np.float32)
    one, zero = np.float32(1.0), np.float32(0.0)
    for p in range(len(probes)):
        px, py, pz = probes[p, 0], probes[p, 1], probes[p, 2]
        nx, ny, nz = facing[p, 0], facing[p, 1], facing[p, 2]
        inverse = one / (radius[p] * radius[p])
        for m in range(starts[p], starts[p + 1]):
            j = others[m]
            x, y, z = state[j, 0] - px, state[j, 1] - py, state[j, 2] - pz
            w = push[p] * max(one - (x * x + y * y + z * z) * inverse, zero)
            if nx * normals[j, 0] + ny * normals[j, 1] + nz * normals[j, 2] >= zero:
                ways[j, 0] += w * x
                ways[j, 1] += w * y
                ways[j, 2] += w * z
    for i in range(len(state)):
        x, y, z = state[i, 0] + ways[i, 0], state[i, 1] + ways[i, 1], state[i, 2] + ways[i, 2]
        face, u, v = walk(x, y, z, owner[i], frame, across)
        owner[i], inside[i, 0], inside[i, 1] = face, u, v
        for k in range(3):
            state[i, k] = frame[face, k] + u * frame[face, 3 + k] + v * frame[face, 6 + k]
