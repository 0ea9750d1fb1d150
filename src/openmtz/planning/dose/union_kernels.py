"""Numba kernel: which share of each ellipse is its own, where ellipses overlap."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

Array = Any
GOLDEN = math.pi * (3.0 - math.sqrt(5.0))


@njit(cache=True)
def own_share(
    center: Array, along: Array, across: Array, long: Array, short: Array, starts: Array, others: Array,
    samples: int,
) -> Any:  # fmt: skip
    """Return `(N,)`: the mean over points of ellipse i of 1 / (ellipses that hold the point).

    Ellipses `center`, tangents `along` and `across` `(N, 3)`, half axes `(N,)` [m]; those that may overlap
    i are `others[starts[i]:starts[i + 1]]`. The points form a sunflower, the same for every ellipse.
    """
    share = np.ones(len(center))
    for i in range(len(center)):
        if starts[i] == starts[i + 1]:
            continue
        total = 0.0
        for m in range(samples):
            radius, angle = math.sqrt((m + 0.5) / samples), GOLDEN * m
            u, v = radius * math.cos(angle) * long[i], radius * math.sin(angle) * short[i]
            x = center[i, 0] + u * along[i, 0] + v * across[i, 0]
            y = center[i, 1] + u * along[i, 1] + v * across[i, 1]
            z = center[i, 2] + u * along[i, 2] + v * across[i, 2]
            holders = 1
            for k in range(starts[i], starts[i + 1]):
                j = others[k]
                dx, dy, dz = x - center[j, 0], y - center[j, 1], z - center[j, 2]
                p = (dx * along[j, 0] + dy * along[j, 1] + dz * along[j, 2]) / long[j]
                q = (dx * across[j, 0] + dy * across[j, 1] + dz * across[j, 2]) / short[j]
                holders += int(p * p + q * q <= 1.0)
            total += 1.0 / holders
        share[i] = total / samples
    return share
