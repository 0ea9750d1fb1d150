"""Triangles that lie on others with the same corners: the same one twice, or both sides of one sheet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.raw import Faces


class Doubles(NamedTuple):
    """`kept` `(F',)` the rows to keep: all but those that repeat an earlier one turned over; `like` `(F',)` the
    row of `kept` that holds the same corners for the first time; `both_sides` `(F',)` bool, stood in the file
    in both windings."""

    kept: NDArray[np.int64]
    like: NDArray[np.int64]
    both_sides: NDArray[np.bool_]


def find_doubles(faces: Faces) -> Doubles:
    """Return which of the faces `(F, 3)` stand more than once, and which of these in both windings."""
    turn = np.argmin(faces, axis=1)
    rows = np.arange(len(faces))[:, None]
    cyclic = faces[rows, (turn[:, None] + np.arange(3)) % 3]
    odd = cyclic[:, 1] > cyclic[:, 2]
    corners = np.where(odd[:, None], cyclic[:, [0, 2, 1]], cyclic)
    order = np.lexsort((*corners.T[::-1],))
    new = np.concatenate([[True], (corners[order][1:] != corners[order][:-1]).any(axis=1)])
    group = np.empty(len(faces), np.int64)
    group[order] = np.cumsum(new) - 1
    first = order[new]  # lexsort is stable: the lowest row of each group
    against = odd != odd[first[group]]
    both = np.zeros(len(first), np.bool_)
    both[group[against]] = True
    kept = np.flatnonzero(~against)
    place = np.full(len(faces), -1, np.int64)
    place[kept] = np.arange(len(kept))
    return Doubles(kept, place[first[group[kept]]], both[group[kept]])
