"""Loops of the firing order, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from openmtz.tissue._heat_kernels import rise_of

TOGETHER = 0.3
"""Cost of two corners of a gap in one sweep: the head would wait for the rest between neighbours (engineering
default: a third of a gap at the reference rise)."""


@njit(cache=True, nogil=True)
def _gap(uv: Any, i: int, j: int) -> float:
    return math.sqrt((uv[i, 0] - uv[j, 0]) ** 2 + (uv[i, 1] - uv[j, 1]) ** 2)


@njit(cache=True, nogil=True)
def two_opt(uv: Any, order: Any, near: Any) -> Any:
    """Return the open tour `order` after 2-opt moves over `near` `(N, K)`, nearest first; a spot is looked at
    again only when one of its edges changed."""
    n = len(order)
    tour = order.copy()
    at = np.empty(n, np.int64)
    for k in range(n):
        at[tour[k]] = k
    queue = tour.copy()
    queued = np.ones(n, np.bool_)
    head, waiting = 0, n
    while waiting > 0:
        a = queue[head]
        head = (head + 1) % n
        waiting -= 1
        queued[a] = False
        improved = True
        while improved:
            improved = False
            for side in (1, -1):
                pa = at[a]
                if not 0 <= pa + side < n:
                    continue
                b = tour[pa + side]
                length = _gap(uv, a, b)
                for c in near[a]:
                    short = _gap(uv, a, c)
                    if short >= length:
                        break
                    pc = at[c]
                    if not 0 <= pc + side < n:
                        continue
                    d = tour[pc + side]
                    if length + _gap(uv, c, d) - short - _gap(uv, b, d) < 1e-9:
                        continue
                    low, high = (
                        (min(pa, pc) + 1, max(pa, pc)) if side == 1 else (min(pa, pc), max(pa, pc) - 1)
                    )
                    while low < high:
                        tour[low], tour[high] = tour[high], tour[low]
                        at[tour[low]], at[tour[high]] = low, high
                        low, high = low + 1, high - 1
                    for spot in (a, b, c, d):
                        if not queued[spot]:
                            queue[(head + waiting) % n] = spot
                            queued[spot] = True
                            waiting += 1
                    improved = True
                    break
                if improved:
                    break
    return tour


@njit(cache=True, nogil=True)
def gap_tables(
    uv: Any, middle: Any, spots: Any, source: Any, length: Any, phase: Any, lag: float, back: int,
    a: float, beam: float, table: Any,
) -> Any:  # fmt: skip
    """Return `(M, 3, S, B)` [K]: rise in gap m, when the heat of its corner k has just arrived, by its spot s
    that was fired n < B sweeps of `lag` [s] before k. `spots` `(M, S)`, the three corners first, -1 for none;
    `phase` `(N,)` [s]: when in its sweep a spot is passed."""
    out = np.zeros((len(spots), 3, spots.shape[1], back), np.float32)
    r2 = np.zeros(spots.shape[1])
    for m in range(len(spots)):
        for s in range(spots.shape[1]):
            i = spots[m, s]
            if i >= 0:
                r2[s] = (uv[i, 0] - middle[m, 0]) ** 2 + (uv[i, 1] - middle[m, 1]) ** 2
        for k in range(3):
            arrived = r2[k] / (4.0 * a) + phase[spots[m, k]]
            for s in range(spots.shape[1]):
                i = spots[m, s]
                if i < 0:
                    continue
                for n in range(back):
                    age = arrived - phase[i] + n * lag
                    if age > 0.0:
                        out[m, k, s, n] = rise_of(source[i], length[i], 4.0 * a * age + beam, r2[s], table)
    return out


@njit(cache=True, nogil=True)
def gaps_of_spots(count: int, spots: Any) -> Any:
    """Return (first `(N + 1,)`, members): the gaps each spot belongs to."""
    first = np.zeros(count + 1, np.int64)
    for m in range(len(spots)):
        for i in spots[m]:
            if i >= 0:
                first[i + 1] += 1
    for i in range(count):
        first[i + 1] += first[i]
    at = first[:-1].copy()
    members = np.empty(first[count], np.int64)
    for m in range(len(spots)):
        for i in spots[m]:
            if i >= 0:
                members[at[i]] = m
                at[i] += 1
    return first, members


@njit(cache=True, nogil=True)
def _rise(m: int, k: int, mine: int, without: int, spots: Any, sweep: Any, tab: Any) -> float:
    """Return the rise [K] in gap m as the heat of its corner k, fired in sweep `mine`, has just arrived, by
    its spots but the one at place `without` (-1: by all)."""
    rise = 0.0
    for s in range(spots.shape[1]):
        i = spots[m, s]
        if i >= 0 and s != without and sweep[i] >= 0:
            n = mine - sweep[i]
            if 0 <= n < tab.shape[3]:
                rise += tab[m, k, s, n]
    return rise


@njit(cache=True, nogil=True)
def gap_costs(spots: Any, sweep: Any, tab: Any, ground: Any, load: Any, beta: float, ref: float) -> Any:
    """Return `(M,)` the sum of exp(beta (rise - ref)) over the arrivals in each gap."""
    out = np.zeros(len(spots))
    for m in range(len(spots)):
        for k in range(3):
            mine = sweep[spots[m, k]]
            if mine >= 0:
                rise = ground[mine] * load[m] + _rise(m, k, mine, -1, spots, sweep, tab)
                out[m] += math.exp(beta * (rise - ref))
                if mine == sweep[spots[m, (k + 1) % 3]]:
                    out[m] += TOGETHER
    return out


@njit(cache=True, nogil=True)
def _costs_if(
    i: int, numbers: Any, first: Any, members: Any, spots: Any, sweep: Any, tab: Any, ground: Any, load: Any,
    beta: float, ref: float,
) -> Any:  # fmt: skip
    """Return `(C,)` what the gaps of spot i cost if it were fired in each of the sweeps `numbers` `(C,)`, the
    others as they are. What does not depend on i is summed once."""
    out = np.zeros(len(numbers))
    back = tab.shape[3]
    for q in range(first[i], first[i + 1]):
        m = members[q]
        own = 0
        while spots[m, own] != i:
            own += 1
        for k in range(3):
            mine, following = sweep[spots[m, k]], sweep[spots[m, (k + 1) % 3]]
            if k == own:
                for c in range(len(numbers)):
                    mine = numbers[c]
                    rise = (
                        ground[mine] * load[m] + _rise(m, k, mine, own, spots, sweep, tab) + tab[m, k, own, 0]
                    )
                    out[c] += math.exp(beta * (rise - ref))
                    if mine == following:
                        out[c] += TOGETHER
            elif mine >= 0:
                rise = ground[mine] * load[m] + _rise(m, k, mine, own, spots, sweep, tab)
                unmoved = math.exp(beta * (rise - ref))
                for c in range(len(numbers)):
                    n = mine - numbers[c]
                    if 0 <= n < back:
                        out[c] += math.exp(beta * (rise + tab[m, k, own, n] - ref))
                    else:
                        out[c] += unmoved
                    if mine == (numbers[c] if own == (k + 1) % 3 else following):
                        out[c] += TOGETHER
    return out


@njit(cache=True, nogil=True)
def assign_sweeps(
    order: Any, sweeps: int, first: Any, members: Any, spots: Any, tab: Any, ground: Any, load: Any,
    beta: float, ref: float,
) -> Any:  # fmt: skip
    """Return `(N,)` the sweep of each spot: taken in `order`, each takes the cheapest sweep with a free
    place."""
    sweep = np.full(len(order), -1, np.int64)
    taken = np.zeros(sweeps, np.int64)
    places = (len(order) + sweeps - 1) // sweeps
    for i in order:
        free = np.flatnonzero(taken < places)
        cost = _costs_if(i, free, first, members, spots, sweep, tab, ground, load, beta, ref)
        sweep[i] = free[np.argmin(cost)]
        taken[sweep[i]] += 1
    return sweep


@njit(cache=True, nogil=True)
def swap_sweeps(
    sweep: Any, hot: Any, others: Any, first: Any, members: Any, spots: Any, tab: Any, ground: Any, load: Any,
    beta: float, ref: float,
) -> int:  # fmt: skip
    """Swap the sweeps of each `hot` `(H,)` spot and the best of `others` `(H, T)`, where both together get
    cheaper; in place. Return the number of swaps: every sweep keeps its size."""
    done = 0
    every = np.arange(len(ground))
    both = np.empty(2, np.int64)
    for h in range(len(hot)):
        i = hot[h]
        mine = sweep[i]
        cost = _costs_if(i, every, first, members, spots, sweep, tab, ground, load, beta, ref)
        best, most = -1, 1e-9 * cost[mine]
        for j in others[h]:
            theirs = sweep[j]
            gain = cost[mine] - cost[theirs]
            if gain <= most:
                continue
            sweep[i] = theirs
            both[0], both[1] = theirs, mine
            moved = _costs_if(j, both, first, members, spots, sweep, tab, ground, load, beta, ref)
            sweep[i] = mine
            gain += moved[0] - moved[1]
            if gain > most:
                best, most = j, gain
        if best >= 0:
            sweep[i], sweep[best] = sweep[best], mine
            done += 1
    return done


@njit(cache=True, nogil=True)
def let_rest(order: Any, first: Any, neighbours: Any, rest_steps: int, ahead: int) -> Any:
    """Return `order` `(N,)` with spots put off, by at most `ahead` places each, while one of their
    `neighbours` (`first` `(N + 1,)` by spot) was fired less than `rest_steps` steps ago and another spot need
    not wait."""
    count = len(order)
    out = np.empty(count, np.int64)
    step_of = np.full(count, -(1 << 40), np.int64)
    waiting = np.empty(ahead, np.int64)
    filled, taken = 0, 0
    for step in range(count):
        while filled < ahead and taken < count:
            waiting[filled] = order[taken]
            filled, taken = filled + 1, taken + 1
        pick = -1
        for w in range(filled):
            spot = waiting[w]
            free = True
            for q in range(first[spot], first[spot + 1]):
                if step - step_of[neighbours[q]] < rest_steps:
                    free = False
                    break
            if free:
                pick = w
                break
        pick = max(pick, 0)
        out[step] = waiting[pick]
        step_of[out[step]] = step
        for w in range(pick, filled - 1):
            waiting[w] = waiting[w + 1]
        filled -= 1
    return out


@njit(cache=True, nogil=True)
def earliest(jump_s: Any, pulse_s: Any, first: Any, neighbours: Any, rest_s: float, pause_s: Any) -> Any:
    """Return the earliest start `(N,)` [s] of each spot in firing order.

    `jump_s` `(N,)` before it, `pulse_s` `(N,)`; `first` `(N + 1,)`, `neighbours`: the earlier spots that it
    must leave `rest_s` to; `pause_s` `(N,)` extra wait before it.
    """
    times = np.zeros(len(jump_s))
    for k in range(1, len(jump_s)):
        start = times[k - 1] + pulse_s[k - 1] + jump_s[k] + pause_s[k]
        for q in range(first[k], first[k + 1]):
            start = max(start, times[neighbours[q]] + rest_s)
        times[k] = start
    return times
