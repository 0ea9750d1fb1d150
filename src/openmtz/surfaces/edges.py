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
    start = faces.T.ravel().astype(np.int64)
    end = faces[:, [1, 2, 0]].T.ravel().astype(np.int64)
    key = np.minimum(start, end) * count + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.int64)
    size = np.diff(np.append(first, len(key)))
    owner = order % max(len(faces), 1)
    two, one, more = first[size == 2], first[size == 1], key[first[size > 2]]
    rising = start[order] < end[order]
    return Edges(
        np.stack([owner[two], owner[two + 1]], axis=1),
        rising[two] == rising[two + 1],
        np.stack([key[one] // count, key[one] % count], axis=1),
        owner[one],
        np.unique(np.concatenate([more // count, more % count])),
    )
