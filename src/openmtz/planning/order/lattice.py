"""Sweeps of spots that stand in rows: the sub-lattices of a hexagonal pattern, one after the other.

Spots of a pattern have two whole coordinates (i, j) along two of its three axes; those with the same
(i + m j) mod k form one of k equal sub-lattices. With the right m its spots are as far apart as k sweeps allow,
and no gap has two corners in one sweep. Real spots have defects: coordinates are carried on from neighbour to
neighbour, each judged by its own surroundings, and what does not fit is left to the swaps of `sweeps`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.order import lattice_kernels
from openmtz.tissue import Gaps


def lattice_phase(uv_m: NDArray[np.float64], gaps: Gaps, sweeps: int) -> NDArray[np.int64]:
    """Return the sub-lattice `(N,)`, 0 to `sweeps` - 1, of each of the spots `(N, 2)` [m], not yet in any order
    of time."""
    edges = np.concatenate([gaps.corners[:, [0, 1]], gaps.corners[:, [1, 2]], gaps.corners[:, [2, 0]]])
    key = np.unique(np.sort(edges, axis=1), axis=0)
    both = np.concatenate([key, key[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    first = np.searchsorted(both[:, 0], np.arange(len(uv_m) + 1))
    i, j = lattice_kernels.coordinates(uv_m, first, np.ascontiguousarray(both[:, 1]))
    return np.asarray((i + sub_lattice(sweeps) * j) % sweeps)


@cache
def sub_lattice(sweeps: int) -> int:
    """Return the m for which spots with equal (i + m j) mod `sweeps` are farthest apart."""
    span = range(-sweeps, sweeps + 1)
    apart = [
        min(
            a * a + a * b + b * b
            for a in span
            for b in span
            if (a, b) != (0, 0) and (a + m * b) % sweeps == 0
        )
        for m in range(sweeps)
    ]
    return int(np.argmax(apart))


def orders_in_time(sweeps: int) -> list[NDArray[np.int64]]:
    """Return the ways `(K,)` to give each sub-lattice its place in time that are worth comparing: steps of q from
    one to the next."""
    number = np.arange(sweeps)
    return [number * q % sweeps for q in range(1, sweeps) if math.gcd(q, sweeps) == 1]
