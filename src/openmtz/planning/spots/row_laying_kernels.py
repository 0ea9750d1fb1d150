"""Numba kernels of the placement: spots laid out along the rows of `row_kernels`.

Spots stand one unit of mass apart, and each row is shifted so that its spots lie over the middles between
those of the row before: the pattern interlocks, hexagonal, wherever the skin allows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openmtz.planning.spots.row_kernels import Chains, Field, Stretches, find_beside
from openmtz.planning.spots.walk_kernels import Ways, walk

Array = Any
EVERY = 5
"""One of so many spots says where the next row is to stand (engineering default)."""

SHORT = 3.0
"""Rows shorter than this, as there are in folds, are filled one after the other as if they were one: each
begun anew they would hold too many spots, or too few (engineering default)."""


class Along(NamedTuple):
    """Spots along chains: `face` `(N,)`, `inside` `(N, 2)` barycentrics of corners b and c; `chain` `(N,)`;
    `first` `(C + 1,)` of each chain; `rest` `(C, 2)` mass left over before the first and after the last."""

    face: Array
    inside: Array
    chain: Array
    first: Array
    rest: Array


@njit(cache=True)
def lay_along(field: Field, parts: Stretches, chains: Chains, ways: Ways, start: float, spare: int) -> Any:
    """Return spots one unit of mass apart along all chains, row after row, each row shifted to interlock with
    the one before.

    `start`: shift of a chain without a row before it. Room is made for `spare` more spots than there is mass.
    """
    count = len(chains.mass)
    room = int(chains.mass.sum()) + count + spare
    face, inside, chain_of = (
        np.empty(room, np.int32),
        np.empty((room, 2), np.float32),
        np.empty(room, np.int32),
    )
    first, rest = np.zeros(count + 1, np.int64), np.zeros((count, 2))
    votes = np.zeros((count, 2))
    filled, c, owed = 0, 0, start
    for row in range(len(parts.first) - 1):
        low = filled
        while c < count and chains.row[c] == row:
            shift = start
            if votes[c, 0] != 0.0 or votes[c, 1] != 0.0:
                shift = np.arctan2(votes[c, 1], votes[c, 0]) / (2.0 * np.pi) + 0.5
            unit = 1.0
            if chains.closed[c]:  # no loose ends on a ring
                unit = chains.mass[c] / max(np.rint(chains.mass[c]), 1.0)
            at = (shift % 1.0) * unit
            short = chains.mass[c] < SHORT and not chains.closed[c]
            if short:
                at = 1.0 - owed
            rest[c, 0], first[c] = min(at, chains.mass[c]), filled
            m = chains.first[c]
            while at < chains.mass[c] and filled < room:
                while m < chains.first[c + 1] - 1 and chains.before[chains.members[m + 1]] <= at:
                    m += 1
                s = chains.members[m]
                face[filled], chain_of[filled] = parts.face[s], c
                inside[filled, 0], inside[filled, 1] = place_on(parts, chains, s, at)
                filled += 1
                at += unit
            rest[c, 1] = min(chains.mass[c] - (at - unit), chains.mass[c])
            if short:
                owed = 1.0 - (at - chains.mass[c])
            c += 1
        if row + 2 < len(parts.first):
            for i in range(low, filled, EVERY):
                _vote(votes, face[i], inside[i], row + 1, field, parts, chains, ways)
    first[count] = filled
    return Along(face[:filled], inside[:filled], chain_of[:filled], first, rest)


@njit(cache=True)
def place_on(parts: Stretches, chains: Chains, s: int, at: float) -> Any:
    """Return barycentrics (u, v) of the place on stretch `s` where its chain's mass is `at`."""
    t = min(max((at - chains.before[s]) / max(parts.mass[s], 1e-30), 0.0), 1.0)
    if chains.turned[s]:
        t = 1.0 - t
    u = (1.0 - t) * parts.ends[s, 0] + t * parts.ends[s, 2]
    v = (1.0 - t) * parts.ends[s, 1] + t * parts.ends[s, 3]
    # never quite on an edge, nor outside by rounding
    return min(max(u, 1e-6), 1.0), min(max(v, 1e-6), 1.0 - min(max(u, 1e-6), 1.0))


@njit(cache=True)
def _vote(
    votes: Array, f: int, inside: Array, row: int, field: Field, parts: Stretches, chains: Chains, ways: Ways
) -> None:
    """Add to `votes` `(C, 2)` where in the unit of mass of its chain the place lies that a spot `inside`
    face f has next to it in `row`, the following one, as a point on a circle."""
    frame, across = ways
    u, v = inside[0], inside[1]
    r, up = frame[f], field.up[f]
    x = np.float32(r[0] + u * r[3] + v * r[6] + up[0])
    y = np.float32(r[1] + u * r[4] + v * r[7] + up[1])
    z = np.float32(r[2] + u * r[5] + v * r[8] + up[2])
    g, u, v = walk(x, y, z, f, frame, across)
    s = find_beside(parts, row, g, across)
    if s < 0:
        return
    g = parts.face[s]
    r = frame[g]
    along, length2 = 0.0, 0.0
    for d in range(3):
        q = (x, y, z)[d]
        p = r[d] + parts.ends[s, 0] * r[3 + d] + parts.ends[s, 1] * r[6 + d]
        e = (parts.ends[s, 2] - parts.ends[s, 0]) * r[3 + d] + (parts.ends[s, 3] - parts.ends[s, 1]) * r[
            6 + d
        ]
        along += (q - p) * e
        length2 += e * e
    t = min(max(along / max(length2, 1e-30), 0.0), 1.0)
    if chains.turned[s]:
        t = 1.0 - t
    turn = 2.0 * np.pi * (chains.before[s] + t * parts.mass[s])
    votes[chains.of[s], 0] += np.cos(turn)
    votes[chains.of[s], 1] += np.sin(turn)
