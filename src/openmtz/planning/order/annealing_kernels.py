"""Annealing of a firing order, compiled: two spots swap their places, and the gaps near them are heated anew.

Rises are kept on a grid of times, `(M, T)` [K] in one row after the other. A spot adds to each of the gaps
near it a row of `table`, `(B, P, 2 T)` in one row: its rise by B distances and by P phases of its shot
within a step, zero in the first T. So a spot fired in any place is T numbers in a row, and whether a swap
pays is a sum over a dozen of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from openmtz.tissue import rise_of

FAST = {"nnan", "nsz"}
"""The largest of many numbers may be taken in any order: no rise is NaN. Sums keep their order."""


@njit(cache=True, nogil=True)
def rise_table(
    r2: Any, phases: int, steps: int, place_s: float, source: float, length: float, a: float, beam: float,
    erf_table: Any,
) -> Any:  # fmt: skip
    """Return `(B, P, 2 T)` [K]: the rise at squared distances `r2` `(B,)` [m2], `steps` T steps of P places
    of `place_s` [s] each; a spot fired p places before a step. Zero in the first T."""
    out = np.zeros((len(r2), phases, 2 * steps), np.float32)
    for b in range(len(r2)):
        for p in range(phases):
            for t in range(steps):
                age = (t * phases + p) * place_s
                if age > 0.0:
                    out[b, p, steps + t] = rise_of(source, length, 4.0 * a * age + beam, r2[b], erf_table)
    return out


@njit(cache=True, nogil=True, inline="always")
def _begin(place: int, phases: int, steps: int) -> int:
    """Return where in a distance's part of the table the rise of a spot fired in `place` begins."""
    first = (place + phases - 1) // phases
    return (2 * (first * phases - place) + 1) * steps - first


@njit(cache=True, nogil=True, fastmath=FAST)
def heat_up(
    rise: Any, peak: Any, place: Any, share: Any, bins: Any, table: Any, phases: int, steps: int
) -> None:
    """Sum `rise` `(M T,)` and `peak` `(M,)` [K] of all spots anew; `bins` `(M, N)` distances, -1 where too
    far; `share` `(N,)` of the table's heat."""
    many = np.uint64(steps)
    for m in range(len(peak)):
        row = np.uint64(m * steps)
        for t in range(many):
            rise[row + t] = np.float32(0.0)
        for i in range(len(place)):
            if bins[m, i] >= 0:
                k = np.uint64(bins[m, i] * 2 * phases * steps + _begin(place[i], phases, steps))
                for t in range(many):
                    rise[row + t] += share[i] * table[k + t]
        most = np.float32(0.0)
        for t in range(many):
            most = rise[row + t] if rise[row + t] > most else most
        peak[m] = most


@njit(cache=True, nogil=True, fastmath=FAST)
def _peak_one(rise: Any, row: Any, table: Any, old: Any, new: Any, share: Any, many: Any) -> Any:
    """Return the peak [K] of a gap whose one spot moves from `old` to `new` in the table."""
    most = np.float32(0.0)
    for t in range(many):
        now = rise[row + t] + share * (table[new + t] - table[old + t])
        most = now if now > most else most
    return most


@njit(cache=True, nogil=True, fastmath=FAST)
def _peak_two(
    rise: Any, row: Any, table: Any, old: Any, new: Any, share: Any, old_2: Any, new_2: Any, share_2: Any,
    many: Any,
) -> Any:  # fmt: skip
    """Return the peak [K] of a gap both of whose spots move."""
    most = np.float32(0.0)
    for t in range(many):
        first = share * (table[new + t] - table[old + t])
        now = rise[row + t] + (first + share_2 * (table[new_2 + t] - table[old_2 + t]))
        most = now if now > most else most
    return most


@njit(cache=True, nogil=True, fastmath=FAST)
def _move(rise: Any, row: Any, table: Any, old: Any, new: Any, share: Any, many: Any) -> Any:
    """Move one spot of a gap, in place; return the gap's peak [K]."""
    most = np.float32(0.0)
    for t in range(many):
        now = rise[row + t] + share * (table[new + t] - table[old + t])
        rise[row + t] = now
        most = now if now > most else most
    return most


@njit(cache=True, nogil=True, inline="always")
def _draw(state: Any) -> Any:
    """Return 53 random bits of xorshift64* (Vigna 2016) from `state` `(1,)`: the same everywhere."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return (x * np.uint64(2685821657736338717)) >> np.uint64(11)


@njit(cache=True, nogil=True, inline="always")
def _below(state: Any, count: int) -> int:
    return np.int64(_draw(state) % np.uint64(count))


@njit(cache=True, nogil=True, inline="always")
def _share(state: Any) -> float:
    return float(_draw(state)) / 9007199254740992.0


@njit(cache=True, nogil=True, inline="always")
def _step(uv: Any, i: int, j: int) -> float:
    return math.sqrt((uv[i, 0] - uv[j, 0]) ** 2 + (uv[i, 1] - uv[j, 1]) ** 2)


@njit(cache=True, nogil=True)
def _way(uv: Any, order: Any, low: int, high: int) -> float:
    """Return the length [m] of the jumps to and from the places `low` < `high`."""
    way = _step(uv, order[low], order[low + 1])
    if low > 0:
        way += _step(uv, order[low - 1], order[low])
    if high - 1 > low:
        way += _step(uv, order[high - 1], order[high])
    if high + 1 < len(order):
        way += _step(uv, order[high], order[high + 1])
    return way


@njit(cache=True, nogil=True)
def _too_soon(i: int, other: int, there: int, place: Any, first: Any, neighbours: Any, rest: int) -> bool:
    """Return whether spot i, fired in place `there`, is less than `rest` places from a neighbour but
    `other`."""
    for q in range(first[i], first[i + 1]):
        j = neighbours[q]
        if j != other and abs(place[j] - there) < rest:
            return True
    return False


@njit(cache=True, nogil=True, fastmath=FAST)
def anneal(
    state: Any, moves: int, hot: float, cold: float, order: Any, place: Any, rise: Any, peak: Any,
    table: Any, phases: int, steps: int, share: Any, highest: Any, gaps: Any, corners: Any, beside: Any,
    rested: Any, uv: Any, travel: float, limit: float, threshold: float, per_k: float, draws: Any,
) -> float:  # fmt: skip
    """Try `moves` swaps while the temperature falls from `hot` to `cold`; `order`, `place` `(N,)`, `rise` and
    `peak` change in place. Return the way [m] of the new order.

    A swap costs what the peaks above `threshold` [K] grow, times `per_k`. It is refused where the way would
    be longer than `limit`, or a neighbour come within its rest. `gaps` (first `(N + 1,)`, members, bins): the
    gaps near each spot, nearest first; `highest` `(B,)` [K] of the table by distance; `beside` `(N, K)`
    partners; `rested` (first, neighbours, places); `draws` (share of the moves that take a spot of a hot gap,
    gaps compared for it, share of partners near in time, places they may be away).
    """
    first, members, bins = gaps
    rest_first, neighbours, rest = rested
    at_hot, compared, in_time, away = draws
    count, many, stride = len(order), np.uint64(steps), 2 * phases * steps
    of_x = np.full(len(peak), -1, np.int64)
    of_y = np.full(len(peak), -1, np.int64)
    bin_y = np.zeros(len(peak), np.int64)
    for number in range(moves):
        x = _below(state, count)
        if _share(state) < at_hot:
            g = _below(state, len(peak))
            for _ in range(compared - 1):
                other = _below(state, len(peak))
                if peak[other] > peak[g]:
                    g = other
            x = corners[g, _below(state, 3)]
        if _share(state) < in_time:
            there = place[x] + _below(state, 2 * away + 1) - away
            if there < 0 or there >= count or there == place[x]:
                continue
            y = order[there]
        else:
            y = beside[x, _below(state, beside.shape[1])]
        if place[x] > place[y]:
            x, y = y, x
        low, high = place[x], place[y]
        if _too_soon(x, y, high, place, rest_first, neighbours, rest) or _too_soon(
            y, x, low, place, rest_first, neighbours, rest
        ):
            continue
        before = _way(uv, order, low, high)
        order[low], order[high] = y, x
        way = travel + _way(uv, order, low, high) - before
        order[low], order[high] = x, y
        if way > limit and way >= travel:
            continue
        # the most that the gaps near both may cost afterwards: sums stop as soon as they are above it
        allowed = -math.log(_share(state) + 1e-300) * (hot * (cold / hot) ** (number / moves))
        for q in range(first[x], first[x + 1]):
            g = members[q]
            of_x[g] = number
            allowed += max(peak[g] - threshold, 0.0) * per_k
        for q in range(first[y], first[y + 1]):
            g = members[q]
            of_y[g], bin_y[g] = number, bins[q]
            if of_x[g] != number:
                allowed += max(peak[g] - threshold, 0.0) * per_k
        early, late = _begin(low, phases, steps), _begin(high, phases, steps)
        cost = 0.0
        q, r = first[x], first[y]
        while (q < first[x + 1] or r < first[y + 1]) and cost <= allowed:
            if q < first[x + 1]:
                g, b = members[q], bins[q] * stride
                # a gap that no new heat brings to the threshold costs nothing
                most = peak[g] + share[x] * highest[bins[q]]
                if of_y[g] == number:
                    if most + share[y] * highest[bin_y[g]] > threshold:
                        c = bin_y[g] * stride
                        after = _peak_two(
                            rise, np.uint64(g * steps), table, np.uint64(b + early), np.uint64(b + late),
                            share[x], np.uint64(c + late), np.uint64(c + early), share[y], many,
                        )  # fmt: skip
                        cost += max(after - threshold, 0.0) * per_k
                elif most > threshold:
                    after = _peak_one(
                        rise, np.uint64(g * steps), table, np.uint64(b + early), np.uint64(b + late),
                        share[x], many,
                    )  # fmt: skip
                    cost += max(after - threshold, 0.0) * per_k
                q += 1
            if r < first[y + 1]:
                g, b = members[r], bins[r] * stride
                if of_x[g] != number and peak[g] + share[y] * highest[bins[r]] > threshold:
                    after = _peak_one(
                        rise, np.uint64(g * steps), table, np.uint64(b + late), np.uint64(b + early),
                        share[y], many,
                    )  # fmt: skip
                    cost += max(after - threshold, 0.0) * per_k
                r += 1
        if cost > allowed:
            continue
        for q in range(first[x], first[x + 1]):
            g, b = members[q], bins[q] * stride
            peak[g] = _move(
                rise, np.uint64(g * steps), table, np.uint64(b + early), np.uint64(b + late), share[x], many
            )
        for r in range(first[y], first[y + 1]):
            g, b = members[r], bins[r] * stride
            peak[g] = _move(
                rise, np.uint64(g * steps), table, np.uint64(b + late), np.uint64(b + early), share[y], many
            )
        order[low], order[high] = y, x
        place[x], place[y] = high, low
        travel = way
    return travel
