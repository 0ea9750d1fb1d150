"""Loops of the firing order, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit


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
