"""Triangles that lie on others with the same corners: the same one twice, or both sides of one sheet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.raw import Faces


class Doubles(NamedTuple):
    """`kept` `(F',)` the rows to keep, the first with its corners; `both_sides` `(F',)` bool, stood in the
    file in both windings."""

    kept: NDArray[np.int64]
    both_sides: NDArray[np.bool_]


def find_doubles(faces: Faces) -> Doubles:
    """Return the faces `(F, 3)` without those that repeat an earlier one, as wound or turned over."""
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
    both = np.zeros(len(first), np.bool_)
    both[group[odd != odd[first[group]]]] = True
    kept = np.sort(first)
    return Doubles(kept, both[group[kept]])
