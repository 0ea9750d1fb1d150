"""Numba kernel: what each crater finds of the craters before it. No list of pairs: a stuck mirror makes
billions of them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any


class Craters(NamedTuple):
    """Craters sorted by cell: `xyz` `(3, N)` [m]; `(N,)` each: `turn` place in time, `index` of the planned
    spot, `radius` [m], `removed` exp(d/D) - 1 of the crater alone, at its depth d and the loss length D.

    Depths do not add where a second shot meets a crater's floor, but these numbers do: light is lost on the
    way down by the same law that makes depth grow with the logarithm of energy.
    """

    xyz: Array
    turn: Array
    index: Array
    radius: Array
    removed: Array


@njit(cache=True)
def meet_earlier(craters: Craters, ranges: Any, reach: float, margin: float) -> Any:
    """Return per crater: channel sum, earlier shots on the same place, earlier craters of other spots it
    overlaps by more than `margin`, widest overlap [m], nearest other [m] within `reach` (else infinite).

    `ranges`: as `tissue.sort_cells` gives them, as a plain tuple: a compiled function is kept on disk with
    the names of its arguments' classes, and one of another file may move. Same place: the centre lies inside
    the earlier crater.
    """
    xyz, turn, index = craters.xyz, craters.turn, craters.index
    radius, removed = craters.radius, craters.removed
    cell, first, end = ranges
    count = len(turn)
    total, stacked = removed.copy(), np.zeros(count, np.int64)
    merged, widest, nearest = np.zeros(count, np.int64), np.zeros(count), np.full(count, np.inf)
    for i in range(count):
        for row in range(first.shape[1]):
            for k in range(first[cell[i], row], end[cell[i], row]):
                if k == i:
                    continue
                ux, uy, uz = xyz[0, k] - xyz[0, i], xyz[1, k] - xyz[1, i], xyz[2, k] - xyz[2, i]
                far = math.sqrt(ux * ux + uy * uy + uz * uz)
                if far > reach:
                    continue
                nearest[i] = min(nearest[i], far)
                if turn[k] > turn[i]:
                    continue
                if far < radius[k]:
                    total[i] += removed[k]
                    stacked[i] += 1
                if index[k] != index[i] and radius[i] > 0.0 and radius[k] > 0.0:
                    overlap = radius[i] + radius[k] - far
                    if overlap > margin:
                        merged[i] += 1
                        widest[i] = max(widest[i], overlap)
    return total, stacked, merged, widest, nearest
