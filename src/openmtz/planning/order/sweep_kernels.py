"""Which spot is fired in which sweep: the costs of gaps and the search over them, compiled."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openmtz.tissue import rise_of

TOGETHER = 0.3
"""Cost of two corners of a gap in one sweep: the head would wait for the rest between neighbours (engineering
default: a third of a gap at the reference rise)."""


class Fired(NamedTuple):
    """What each spot does `(N,)`: `uv` `(N, 2)` [m], `source` [K m2], `length` [m], `phase` [s], when in
    its sweep it is passed; `lag` [s] from sweep to sweep."""

    uv: Any
    source: Any
    length: Any
    phase: Any
    lag: float


class Tissue(NamedTuple):
    """Diffusivity `a` [m2/s], `beam` [m2] and the `table` of the error function."""

    a: float
    beam: float
    table: Any


class Costs(NamedTuple):
    """What gaps cost: the gaps of each spot (`first` `(N + 1,)`, `members`); `spots` `(M, S)` of each gap;
    `tab` of `gap_tables`; `ground` `(K,)` [K] by sweep and `load` `(M,)`, its share at each gap; a gap at
    `ref` [K] costs 1, and exp(`beta`) times as much one kelvin above."""

    first: Any
    members: Any
    spots: Any
    tab: Any
    ground: Any
    load: Any
    beta: float
    ref: float


@njit(cache=True, nogil=True)
def gap_tables(middle: Any, spots: Any, fired: Fired, back: int, tissue: Tissue) -> Any:
    """Return `(M, 3, S, B)` [K]: rise in gap m, when the heat of its corner k has just arrived, by its spot s
    that was fired n < B sweeps of `lag` [s] before k. `spots` `(M, S)`, the three corners first, -1 for
    none."""
    uv, source, length, phase, lag = fired
    a, beam, table = tissue
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
def gap_costs(sweep: Any, model: Costs) -> Any:
    """Return `(M,)` the sum of exp(beta (rise - ref)) over the arrivals in each gap."""
    _, _, spots, tab, ground, load, beta, ref = model
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
def _settle(i: int, rise: Any, sweep: Any, model: Costs) -> None:
    """Sum anew the `rise` `(M, 3)` [K] of the gaps of spot i, in place."""
    first, members, spots, tab = model.first, model.members, model.spots, model.tab
    for q in range(first[i], first[i + 1]):
        m = members[q]
        for k in range(3):
            mine = sweep[spots[m, k]]
            rise[m, k] = _rise(m, k, mine, -1, spots, sweep, tab) if mine >= 0 else 0.0


@njit(cache=True, nogil=True)
def _costs_if(i: int, moved: int, numbers: Any, rise: Any, sweep: Any, model: Costs) -> Any:
    """Return `(C,)` what the gaps of spot i cost if it were fired in each of the sweeps `numbers` `(C,)`,
    the others as they are. `rise` `(M, 3)` [K]: of `sweep`, but for the gaps of spot `moved` (-2: none)."""
    first, members, spots, tab, ground, load, beta, ref = model
    out = np.zeros(len(numbers))
    by_others = np.empty(len(ground))
    back = tab.shape[3]
    for q in range(first[i], first[i + 1]):
        m = members[q]
        own, stale = 0, False
        for s in range(spots.shape[1]):
            if spots[m, s] == i:
                own = s
            elif spots[m, s] == moved:
                stale = True
        for k in range(3):
            mine, following = sweep[spots[m, k]], sweep[spots[m, (k + 1) % 3]]
            if k == own:
                by_others[:] = 0.0
                for s in range(spots.shape[1]):
                    j = spots[m, s]
                    if j >= 0 and s != own and sweep[j] >= 0:
                        for n in range(min(back, len(ground) - sweep[j])):
                            by_others[sweep[j] + n] += tab[m, k, s, n]
                for c in range(len(numbers)):
                    mine = numbers[c]
                    own_rise = ground[mine] * load[m] + tab[m, k, own, 0] + by_others[mine]
                    out[c] += math.exp(beta * (own_rise - ref))
                    if mine == following:
                        out[c] += TOGETHER
            elif mine >= 0:
                if stale:
                    others = _rise(m, k, mine, own, spots, sweep, tab)
                else:
                    others, n = rise[m, k], mine - sweep[i]
                    if sweep[i] >= 0 and 0 <= n < back:
                        others -= tab[m, k, own, n]
                others += ground[mine] * load[m]
                apart = math.exp(beta * (others - ref))
                for c in range(len(numbers)):
                    n = mine - numbers[c]
                    if 0 <= n < back:
                        out[c] += math.exp(beta * (others + tab[m, k, own, n] - ref))
                    else:
                        out[c] += apart
                    if mine == (numbers[c] if own == (k + 1) % 3 else following):
                        out[c] += TOGETHER
    return out


@njit(cache=True, nogil=True)
def assign_sweeps(order: Any, sweeps: int, model: Costs) -> Any:
    """Return `(N,)` the sweep of each spot: taken in `order`, each takes the cheapest sweep with a free
    place."""
    sweep = np.full(len(order), -1, np.int64)
    rise = np.zeros((len(model.spots), 3))
    taken = np.zeros(sweeps, np.int64)
    places = (len(order) + sweeps - 1) // sweeps
    for i in order:
        free = np.flatnonzero(taken < places)
        cost = _costs_if(i, -2, free, rise, sweep, model)
        sweep[i] = free[np.argmin(cost)]
        taken[sweep[i]] += 1
        _settle(i, rise, sweep, model)
    return sweep


@njit(cache=True, nogil=True)
def swap_sweeps(sweep: Any, hot: Any, others: Any, model: Costs) -> int:
    """Swap the sweeps of each `hot` `(H,)` spot and the best of `others` `(H, T)`, where both together get
    cheaper; in place. Return the number of swaps: every sweep keeps its size."""
    spots, tab = model.spots, model.tab
    done = 0
    every = np.arange(len(model.ground))
    both = np.empty(2, np.int64)
    rise = np.empty((len(spots), 3))
    for m in range(len(spots)):
        for k in range(3):
            rise[m, k] = _rise(m, k, sweep[spots[m, k]], -1, spots, sweep, tab)
    for h in range(len(hot)):
        i = hot[h]
        mine = sweep[i]
        cost = _costs_if(i, -2, every, rise, sweep, model)
        best, most = -1, 1e-9 * cost[mine]
        for j in others[h]:
            theirs = sweep[j]
            gain = cost[mine] - cost[theirs]
            if gain <= most:
                continue
            sweep[i] = theirs
            both[0], both[1] = theirs, mine
            after = _costs_if(j, i, both, rise, sweep, model)
            sweep[i] = mine
            gain += after[0] - after[1]
            if gain > most:
                best, most = j, gain
        if best >= 0:
            sweep[i], sweep[best] = sweep[best], mine
            _settle(i, rise, sweep, model)
            _settle(best, rise, sweep, model)
            done += 1
    return done
