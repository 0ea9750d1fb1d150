"""Numba kernel of the passes: spots swap their pass with neighbours until each pass is evenly spread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any


@njit(cache=True)
def colour(state: Array, near: Any, passes: int, reach: float, sweeps: int, heat: float, seed: int) -> Any:
    """Return the pass `(N,)` of each spot: as many in each, spots of one pass far from each other.

    Every `passes` spots in a row (neighbours, as the row follows the skin) start with one pass each. Then
    spots and random neighbours swap passes if that lowers the sum of (1 / u - 1 / `reach`)^2 over pairs of
    one pass, u their distance in pitches of one pass; at times also if not, less and less often (simulated
    annealing). `near` are full lists: every spot under each of its neighbours.
    """
    starts, others = near
    count = len(starts) - 1
    scale = np.sqrt(float(passes))
    cost = np.zeros(len(others), np.float32)
    for i in range(count):
        for m in range(starts[i], starts[i + 1]):
            j = others[m]
            d2 = 0.0
            for k in range(3):
                d2 += (state[i, k] - state[j, k]) ** 2
            u = max(np.sqrt(d2) * 0.5 * (state[i, 3] + state[j, 3]) / scale, 0.05)
            if u < reach and i != j:
                cost[m] = (1.0 / u - 1.0 / reach) ** 2
    draw = np.uint64(seed) * np.uint64(2) + np.uint64(1)
    layer = np.empty(count, np.int32)
    order = np.arange(passes).astype(np.int32)
    for first in range(0, count, passes):
        for k in range(passes - 1, 0, -1):
            draw = _next(draw)
            other = int((draw >> np.uint64(33)) % np.uint64(k + 1))
            order[k], order[other] = order[other], order[k]
        for k in range(min(passes, count - first)):
            layer[first + k] = order[k]
    load = np.zeros((count, passes), np.float32)
    for i in range(count):
        for m in range(starts[i], starts[i + 1]):
            load[i, layer[others[m]]] += cost[m]
    for sweep in range(sweeps):
        warmth = heat * max(1.0 - 1.25 * sweep / sweeps, 0.0)
        for i in range(count):
            if starts[i + 1] == starts[i]:
                continue
            draw = _next(draw)
            m = starts[i] + int((draw >> np.uint64(33)) % np.uint64(starts[i + 1] - starts[i]))
            j = others[m]
            a, b = layer[i], layer[j]
            if a == b:
                continue
            change = load[i, b] + load[j, a] - load[i, a] - load[j, b] - 2.0 * cost[m]
            if change >= 0.0:
                draw = _next(draw)
                chance = float(draw >> np.uint64(40)) / 16777216.0
                if warmth == 0.0 or chance >= np.exp(-change / warmth):
                    continue
            layer[i], layer[j] = b, a
            for k in range(starts[i], starts[i + 1]):
                load[others[k], a] -= cost[k]
                load[others[k], b] += cost[k]
            for k in range(starts[j], starts[j + 1]):
                load[others[k], b] -= cost[k]
                load[others[k], a] += cost[k]
    return layer


@njit(cache=True)
def _next(draw: Any) -> Any:
    """Return the next state of a 64-bit linear congruential generator (Knuth's MMIX)."""
    return draw * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
