"""Numba kernels of the placement: rows traced over the triangles, with the mass of spots that each gets.

A row is where the field of `row_front_kernels` is a whole number and a half, and stands for the band
between the two whole numbers: it gets the mass of that band, place by place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openmtz.planning.spots.walk_kernels import Ways, walk

Array = Any


class Field(NamedTuple):
    """`rows` `(F, 3)` at the corners of each face, NaN where no rows are wanted; `up` `(F, 3)` [m]: the way
    straight up to the next row."""

    rows: Array
    up: Array


class Stretches(NamedTuple):
    """Rows in triangles, one row after the other, by face: `first` `(R + 1,)` of each row; `face` `(S,)`;
    `edges` `(S, 2)`, the edges it enters and leaves by; `ends` `(S, 4)`, barycentrics of corners b and c
    where it does; `mass` `(S,)` spots. The other way round: `by_face` `(F + 1,)` into `own` `(S,)`, the
    stretches of each face from its `lowest` `(F,)` row up."""

    first: Array
    face: Array
    edges: Array
    ends: Array
    mass: Array
    by_face: Array
    own: Array
    lowest: Array


class Chains(NamedTuple):
    """Connected rows: `first` `(C + 1,)` into `members` `(S,)` stretches in order, `turned` `(S,)` those
    walked from their end; `before` `(S,)` mass from the chain's begin to each stretch; `of` `(S,)` chain;
    `mass` `(C,)`; `closed` `(C,)`; `row` `(C,)`."""

    first: Array
    members: Array
    turned: Array
    before: Array
    of: Array
    mass: Array
    closed: Array
    row: Array


@njit(cache=True)
def steps_up(rows: Array, frame: Array) -> Any:
    """Return `(F, 3)` [m]: the way straight up in each face to the next row; very long where two fronts
    meet and the field has no slope."""
    out = np.zeros((len(rows), 3))
    for f in range(len(rows)):
        if np.isnan(rows[f, 0]):
            continue
        db, dc, length2 = rows[f, 1] - rows[f, 0], rows[f, 2] - rows[f, 0], 0.0
        for k in range(3):
            out[f, k] = db * frame[f, 9 + k] + dc * frame[f, 12 + k]
            length2 += out[f, k] ** 2
        for k in range(3):
            out[f, k] /= max(length2, 1e-12)
    return out


@njit(cache=True)
def _below(low: float, middle: float, high: float, level: float) -> float:
    """Return the share of a triangle's area where a field with these corner values is below `level`."""
    if level <= low:
        return 0.0
    if level >= high:
        return 1.0
    if level <= middle:
        return (level - low) ** 2 / ((middle - low) * (high - low))
    return 1.0 - (high - level) ** 2 / ((high - middle) * (high - low))


@njit(cache=True)
def fill(parts: Stretches, field: Field, mass: Array, ways: Ways) -> None:
    """Give the mass `(F,)` of each face to the rows in whose bands it lies, in place: to the stretch next
    to it along the slope; of a band whose row is cut off by a border to the row beside it."""
    rows, count = field.rows, len(parts.first) - 1
    frame, across = ways
    for f in range(len(rows)):
        if np.isnan(rows[f, 0]):
            continue
        low, high = min(rows[f, 0], rows[f, 1], rows[f, 2]), max(rows[f, 0], rows[f, 1], rows[f, 2])
        middle = rows[f, 0] + rows[f, 1] + rows[f, 2] - low - high
        third = (low + middle + high) / 3.0
        before = 0.0
        for k in range(int(np.floor(low)), max(int(np.ceil(high)), int(np.floor(low)) + 1)):
            upto = _below(low, middle, high, k + 1.0)
            share, before = upto - before, upto
            if share <= 0.0:
                continue
            at = min(max(third, float(k)), k + 1.0)
            s = _find(parts, k, f) if 0 <= k < count else -1
            tries = 0
            while s < 0 and tries < 3:
                row = k if tries == 0 else (k - 1 if (tries == 1) == (at < k + 0.5) else k + 1)
                if 0 <= row < count:
                    r, ahead = frame[f], row + 0.5 - third
                    x = np.float32(r[0] + (r[3] + r[6]) / 3.0 + ahead * field.up[f, 0])
                    y = np.float32(r[1] + (r[4] + r[7]) / 3.0 + ahead * field.up[f, 1])
                    z = np.float32(r[2] + (r[5] + r[8]) / 3.0 + ahead * field.up[f, 2])
                    g, _, _ = walk(x, y, z, f, frame, across)
                    s = find_beside(parts, row, g, across)
                tries += 1
            if s >= 0:
                parts.mass[s] += share * mass[f]


@njit(cache=True)
def find_beside(parts: Stretches, row: int, face: int, across: Array) -> int:
    """Return the stretch of `row` in `face` or one of the faces beside it, -1 where there is none."""
    s = _find(parts, row, face)
    for k in range(3):
        if s < 0 and across[face, k] >= 0:
            s = _find(parts, row, across[face, k])
    return s


@njit(cache=True)
def _crossed(rows: Array, f: int, edge: int, level: float) -> bool:
    """Return whether the edge opposite corner `edge` has its ends on two sides of `level`."""
    return (rows[f, (edge + 1) % 3] < level) != (rows[f, (edge + 2) % 3] < level)


@njit(cache=True)
def _on_edge(rows: Array, f: int, edge: int, level: float) -> Any:
    """Return barycentrics (u, v) of corners b and c where `level` crosses the edge opposite corner `edge`."""
    i, j = (edge + 1) % 3, (edge + 2) % 3
    t = min(max((level - rows[f, i]) / (rows[f, j] - rows[f, i]), 0.0), 1.0)
    u = (1.0 - t) * (i == 1) + t * (j == 1)
    v = (1.0 - t) * (i == 2) + t * (j == 2)
    return u, v


@njit(cache=True)
def stretches(field: Field, count: int) -> Stretches:
    """Return all stretches of rows 0 to `count` - 1, row k where the field is k + 1/2; yet without mass."""
    rows = field.rows
    first, by_face = np.zeros(count + 1, np.int64), np.zeros(len(rows) + 1, np.int64)
    lowest = np.zeros(len(rows), np.int32)
    for f in range(len(rows)):
        low, high = _span(rows, f, count)
        lowest[f], by_face[f + 1] = low, by_face[f] + max(high - low, 0)
        for k in range(low, high):
            first[k + 1] += 1
    for k in range(count):
        first[k + 1] += first[k]
    total = first[count]
    face, edges = np.empty(total, np.int32), np.empty((total, 2), np.int8)
    ends, mass = np.empty((total, 4), np.float32), np.zeros(total)
    at, own = first[:-1].copy(), np.empty(total, np.int64)
    for f in range(len(rows)):
        for k in range(lowest[f], lowest[f] + by_face[f + 1] - by_face[f]):
            s, level, found = at[k], k + 0.5, 0
            at[k] += 1
            face[s], own[by_face[f] + k - lowest[f]] = f, s
            for edge in range(3):
                if _crossed(rows, f, edge, level):
                    edges[s, found] = edge
                    ends[s, 2 * found], ends[s, 2 * found + 1] = _on_edge(rows, f, edge, level)
                    found += 1
    return Stretches(first, face, edges, ends, mass, by_face, own, lowest)


@njit(cache=True)
def _span(rows: Array, f: int, count: int) -> Any:
    """Return the first row that crosses face `f`, and the one after the last; none where rows are NaN."""
    low, high = min(rows[f, 0], rows[f, 1], rows[f, 2]), max(rows[f, 0], rows[f, 1], rows[f, 2])
    if not low < high:
        return 0, 0
    # row k crosses if low < k + 1/2 <= high
    return max(int(np.floor(low - 0.5)) + 1, 0), min(int(np.floor(high - 0.5)) + 1, count)


@njit(cache=True)
def _find(parts: Stretches, row: int, face: int) -> int:
    """Return the stretch of `row` in `face`, -1 where there is none."""
    at = parts.by_face[face] + row - parts.lowest[face]
    if row < parts.lowest[face] or at >= parts.by_face[face + 1]:
        return -1
    return parts.own[at]


@njit(cache=True)
def _next(parts: Stretches, across: Array, row: int, s: int, end: int) -> Any:
    """Return the stretch that follows `s` over its `end` (0 or 1), -1 for none, and the end it is met at."""
    f = parts.face[s]
    other = across[f, parts.edges[s, end]]
    n = _find(parts, row, other) if other >= 0 else -1
    if n >= 0:
        for k in range(2):
            if across[other, parts.edges[n, k]] == f:
                return n, k
    return -1, 0


@njit(cache=True)
def _walk_chain(
    parts: Stretches, across: Array, row: int, start: int, end: int, of: Array, out: Array
) -> Any:
    """Write the stretches met from `start` over its `end` to `out` `(S, 2)`, each with the end it is met
    at; return how many, and whether the way leads back to `start`. Those that have a chain (`of`) are not
    met."""
    s, count = start, 0
    while True:
        s, met = _next(parts, across, row, s, end)
        if s < 0 or of[s] >= 0:
            return count, s == start
        out[count, 0], out[count, 1], of[s] = s, met, of[start]
        end = 1 - met
        count += 1


@njit(cache=True)
def chain(parts: Stretches, across: Array) -> Chains:
    """Return the stretches joined over the edges of triangles, each once."""
    total = len(parts.face)
    members, turned = np.empty(total, np.int64), np.zeros(total, np.bool_)
    before, of = np.zeros(total), np.full(total, -1, np.int64)
    first, mass = np.zeros(total + 1, np.int64), np.zeros(total)
    closed, row_of = np.zeros(total, np.bool_), np.zeros(total, np.int64)
    out = np.empty((np.diff(parts.first).max(), 2), np.int64)
    count, filled = 0, 0
    for row in range(len(parts.first) - 1):
        for start in range(parts.first[row], parts.first[row + 1]):
            if of[start] >= 0:
                continue
            first[count], row_of[count], of[start] = filled, row, count
            # the part before `start`, met backwards, then itself and what follows
            met, closed[count] = _walk_chain(parts, across, row, start, 0, of, out)
            for q in range(met - 1, -1, -1):
                members[filled], turned[out[q, 0]] = out[q, 0], out[q, 1] == 0
                filled += 1
            members[filled] = start
            filled += 1
            met, _ = _walk_chain(parts, across, row, start, 1, of, out)
            for q in range(met):
                members[filled], turned[out[q, 0]] = out[q, 0], out[q, 1] == 1
                filled += 1
            for q in range(first[count], filled):
                before[members[q]] = mass[count]
                mass[count] += parts.mass[members[q]]
            count += 1
    first[count] = filled
    return Chains(
        first[: count + 1], members, turned, before, of, mass[:count], closed[:count], row_of[:count]
    )
