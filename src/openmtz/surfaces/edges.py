"""The edges of triangles: which two each one joins, which lie on the rim, which join three or more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.raw import Faces


class Edges(NamedTuple):
    """`pairs` `(E, 2)` faces on both sides of each edge of two; `against` `(E,)` bool, both run through it in
    the same direction, so that one of them faces the other way; `rim` `(B, 2)` vertices of edges of one face,
    `rim_faces` `(B,)`; `crowded_vertices` those of edges of three faces or more."""

    pairs: Faces
    against: NDArray[np.bool_]
    rim: Faces
    rim_faces: NDArray[np.int64]
    crowded_vertices: NDArray[np.int64]


def find_edges(faces: Faces, count: int) -> Edges:
    """Return the edges of faces `(F, 3)` over `count` vertices."""
    start = faces.T.reshape(-1)
    end = faces[:, [1, 2, 0]].T.reshape(-1)
    key = np.minimum(start, end) * count + np.maximum(start, end)
    key, order = _sorted(key, max(count, 1) ** 2)
    edge = np.concatenate([[True], key[1:] != key[:-1], [True]])
    first = np.flatnonzero(edge[:-1])
    size = np.diff(np.flatnonzero(edge))
    if len(key) == 0:
        first = size = np.zeros(0, np.int64)
    two, one, more = first[size == 2], first[size == 1], key[first[size > 2]]
    rising = start < end
    total = max(len(faces), 1)
    left, right = order[two], order[two + 1]
    return Edges(
        np.stack([left % total, right % total], axis=1),
        rising[left] == rising[right],
        np.stack([key[one] // count, key[one] % count], axis=1),
        order[one] % total,
        np.unique(np.concatenate([more // count, more % count])),
    )


def _sorted(key: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `key` `(N,)`, all below `most`, in order, and where each stood, equal ones in their order.

    Where both fit into one number, that is sorted: six times as fast as sorting places by their key.
    """
    bits = max(len(key) - 1, 1).bit_length()
    if most.bit_length() + bits > 63:
        order = np.argsort(key, kind="stable")
        return key[order], order
    both = np.sort((key << bits) | np.arange(len(key)))
    return both >> bits, both & ((1 << bits) - 1)
