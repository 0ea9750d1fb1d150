"""Numba kernels of the placement: pairs too near are set apart, and what is still too near is left out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openmtz.planning.spots.walk_kernels import walk

Array = Any


class Targets(NamedTuple):
    """How far pairs are set apart [mean pitches]: `least`; `own` between spots of one layer; `across`
    between the two sides of a fold. None nearer than `floor_m` [m]; pairs are listed up to `skin` pitches
    further away."""

    least: float
    own: float
    across: float
    floor_m: float
    skin: float


@njit(cache=True)
def list_targets(near: Any, state: Array, normals: Array, layer: Array, targets: Targets) -> Any:
    """Return of the half lists `near` the pairs nearer than their target and a little more, and the target
    `(M,)` [m]; `layer` `(N,)` of each spot."""
    least, own, across, floor_m, skin = targets
    near_starts, near_others = near
    starts, out = np.zeros(len(near_starts), np.int32), np.empty(len(near_others), np.int32)
    target = np.empty(len(near_others), np.float32)
    count = 0
    floor = np.float32(1.05 * floor_m)
    for i in range(len(near_starts) - 1):
        for m in range(near_starts[i], near_starts[i + 1]):
            j = near_others[m]
            x, y, z = state[i, 0] - state[j, 0], state[i, 1] - state[j, 1], state[i, 2] - state[j, 2]
            mean = np.float32(2.0) / (state[i, 3] + state[j, 3])
            facing = (
                normals[i, 0] * normals[j, 0] + normals[i, 1] * normals[j, 1] + normals[i, 2] * normals[j, 2]
            )
            wanted = least if layer[i] != layer[j] else own
            if facing < 0.0:
                wanted = across
            goal = max(np.float32(wanted) * mean, floor)
            far = goal + np.float32(skin) * mean
            out[count], target[count] = j, goal
            count += int(x * x + y * y + z * z < far * far)
        starts[i + 1] = count
    return starts, out[:count], target[:count]


@njit(cache=True)
def longest_way(before: Array, state: Array) -> float:
    """Return how far [m] the spot has come that moved most between two states `(N, 4)`."""
    far = np.float32(0.0)
    for i in range(len(state)):
        x, y, z = state[i, 0] - before[i, 0], state[i, 1] - before[i, 1], state[i, 2] - before[i, 2]
        far = max(far, x * x + y * y + z * z)
    return np.sqrt(far)


@njit(cache=True, fastmath=True)
def separate(
    state: Array, owner: Array, inside: Array, frame: Array, across: Array, pairs: Any, sweeps: int
) -> float:
    """Set pairs nearer than their target apart, `sweeps` times; return the longest way [m] a spot went."""
    starts, others, target = pairs
    count = len(starts) - 1
    force = np.zeros((count, 4), np.float32)
    came = state.copy()
    zero, one, gain, most = np.float32(0.0), np.float32(1.0), np.float32(0.55), np.float32(0.3)
    for sweep in range(sweeps):
        moved = 0
        for i in range(count):
            px, py, pz = state[i, 0], state[i, 1], state[i, 2]
            for m in range(starts[i], starts[i + 1]):
                j, wanted = others[m], target[m]
                x, y, z = px - state[j, 0], py - state[j, 1], pz - state[j, 2]
                d2 = x * x + y * y + z * z
                if d2 >= wanted * wanted:
                    continue
                if d2 < np.float32(1e-6) * wanted * wanted:  # on top of each other: apart, whichever way
                    s = wanted * (one + np.float32(0.1) * (sweep & 7))
                    x, y, z = np.float32(0.02) * s, np.float32(0.03) * s, np.float32(0.05) * s
                    d2 = x * x + y * y + z * z
                w = gain * (wanted / np.sqrt(d2) - one)
                force[i, 0] += w * x
                force[i, 1] += w * y
                force[i, 2] += w * z
                force[j, 0] -= w * x
                force[j, 1] -= w * y
                force[j, 2] -= w * z
                force[i, 3] = force[j, 3] = one
        for i in range(count):
            if force[i, 3] == zero:
                continue
            sx, sy, sz = force[i, 0], force[i, 1], force[i, 2]
            force[i, 0], force[i, 1], force[i, 2], force[i, 3] = zero, zero, zero, zero
            moved += 1
            limit = most / state[i, 3]
            length2 = sx * sx + sy * sy + sz * sz
            if length2 > limit * limit:
                cut = limit / np.sqrt(length2)
                sx, sy, sz = cut * sx, cut * sy, cut * sz
            face, u, v = walk(state[i, 0] + sx, state[i, 1] + sy, state[i, 2] + sz, owner[i], frame, across)
            owner[i], inside[i, 0], inside[i, 1] = face, u, v
            for k in range(3):
                state[i, k] = frame[face, k] + u * frame[face, 3 + k] + v * frame[face, 6 + k]
        if moved == 0:
            break
    return longest_way(came, state)


@njit(cache=True)
def clear(positions: Array, inverse: Array, near: Any, share: float, floor_m: float) -> Any:
    """Return `(N,)` bool, spots to keep so that no two are nearer than `share` mean pitches or `floor_m`,
    where `near` are half lists of all candidates: first those with the fewest others too near, then by
    index."""
    starts, others = near
    count = len(starts) - 1
    first, second, pairs = np.empty(64, np.int32), np.empty(64, np.int32), 0
    fill = np.zeros(count + 1, np.int64)
    for i in range(count):
        for m in range(starts[i], starts[i + 1]):
            j, d2 = others[m], 0.0
            least = max(share * 2.0 / (inverse[i] + inverse[j]), floor_m)
            for k in range(3):
                d2 += (positions[i, k] - positions[j, k]) ** 2
            if d2 < least * least:
                if pairs == len(first):
                    first, second = np.append(first, first), np.append(second, second)
                first[pairs], second[pairs] = i, j
                pairs += 1
                fill[i + 1] += 1
                fill[j + 1] += 1
    keep = np.ones(count, np.bool_)
    if pairs == 0:
        return keep
    order = np.argsort(fill[1:], kind="mergesort")
    ends = np.cumsum(fill)
    at = ends.copy()
    rivals = np.empty(2 * pairs, np.int32)
    for p in range(pairs):
        i, j = first[p], second[p]
        rivals[at[i]], rivals[at[j]] = j, i
        at[i] += 1
        at[j] += 1
    decided = np.zeros(count, np.bool_)
    for i in order:
        for m in range(ends[i], ends[i + 1]):
            if decided[rivals[m]] and keep[rivals[m]]:
                keep[i] = False
                break
        decided[i] = True
    return keep
