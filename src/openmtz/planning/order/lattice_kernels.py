"""Lattice coordinates of spots in rows, carried on from neighbour to neighbour, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

STEP_I = np.array([1, 0, -1, -1, 0, 1])
STEP_J = np.array([0, 1, 1, 0, -1, -1])
"""Coordinates of the six neighbours, by sixths of a turn."""


@njit(cache=True, nogil=True)
def _axis(uv: Any, i: int, first: Any, near: Any) -> float:
    """Return the direction [rad], up to sixths of a turn, that the neighbours of spot i agree on best."""
    x, y = 0.0, 0.0
    for q in range(first[i], first[i + 1]):
        turn = 6.0 * math.atan2(uv[near[q], 1] - uv[i, 1], uv[near[q], 0] - uv[i, 0])
        x += math.cos(turn)
        y += math.sin(turn)
    return math.atan2(y, x) / 6.0


@njit(cache=True, nogil=True)
def coordinates(uv: Any, first: Any, near: Any) -> Any:
    """Return lattice coordinates i, j `(N,)` of spots `(N, 2)` with their neighbours (`first` `(N + 1,)`,
    `near`)."""
    count, sixth = len(uv), math.pi / 3.0
    i, j = np.zeros(count, np.int64), np.zeros(count, np.int64)
    axis, known = np.zeros(count), np.zeros(count, np.bool_)
    queue = np.empty(count, np.int64)
    for start in range(count):
        if known[start]:
            continue
        known[start], axis[start], queue[0] = True, _axis(uv, start, first, near), start
        head, tail = 0, 1
        while head < tail:
            s = queue[head]
            head += 1
            for q in range(first[s], first[s + 1]):
                t = near[q]
                if known[t]:
                    continue
                turn = math.atan2(uv[t, 1] - uv[s, 1], uv[t, 0] - uv[s, 0])
                k = int(np.rint((turn - axis[s]) / sixth)) % 6
                i[t], j[t] = i[s] + STEP_I[k], j[s] + STEP_J[k]
                own = _axis(uv, t, first, near)
                axis[t] = own + sixth * np.rint((axis[s] - own) / sixth)
                known[t] = True
                queue[tail] = t
                tail += 1
    return i, j
