"""Which triangles hang together, and wound alike: pieces of skin, each turned by its neighbours first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from openmtz.surfaces.edges import Edges
from openmtz.surfaces.raw import Array, Faces


class Pieces(NamedTuple):
    """`P` pieces of skin, largest area first.

    Attributes:
        label: `(F,)` piece of each face.
        flipped: `(F,)` bool, wound against the larger part of its piece.
        area: `(P,)` m2. minority: `(P,)` share of its area that is flipped.
        closed: `(P,)` bool, without a rim. one_sided: `(P,)` bool, a band that cannot be wound alike.
    """

    label: NDArray[np.int64]
    flipped: NDArray[np.bool_]
    area: Array
    minority: Array
    closed: NDArray[np.bool_]
    one_sided: NDArray[np.bool_]


def find_pieces(edges: Edges, areas: Array) -> Pieces:
    """Return the pieces that `edges` make of faces with `areas` `(F,)` m2."""
    total = len(areas)
    label = components(edges.pairs, total)
    flipped = np.zeros(total, np.bool_)
    twisted = np.zeros(total, np.bool_)
    if edges.against.any():
        flipped, twisted = _by_neighbours(edges, total)
    size = int(label.max()) + 1
    area: Array = np.bincount(label, areas, size).astype(np.float64)
    turned = np.bincount(label, areas * flipped, size)
    more = turned > 0.5 * area
    flipped = flipped ^ more[label]
    turned = np.where(more, area - turned, turned)
    order = np.argsort(-area, kind="stable")
    rank = np.empty(size, np.int64)
    rank[order] = np.arange(size)
    label = rank[label]
    closed = np.ones(size, np.bool_)
    closed[label[edges.rim_faces]] = False
    one_sided = np.zeros(size, np.bool_)
    one_sided[label[twisted]] = True
    minority = np.divide(turned, area, out=np.zeros(size), where=area > 0)
    return Pieces(label, flipped, area[order], minority[order], closed, one_sided)


def components(pairs: Faces, count: int) -> NDArray[np.int64]:
    """Return `(count,)` the number of the group that `pairs` `(E, 2)` make of each item."""
    links = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _by_neighbours(edges: Edges, count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return `(F,)` bool flipped, and `(F,)` bool in a piece where that contradicts itself.

    Each face stands twice, as wound and turned; across an edge that both run through alike, the one as wound
    belongs to the other turned. A piece falls into two groups; where it is one, it has one side only.
    """
    a, b = edges.pairs.T
    other = edges.against.astype(np.int64) * count
    pairs = np.concatenate(
        [np.stack([a, b + other], axis=1), np.stack([a + count, b + count - other], axis=1)]
    )
    group = components(pairs, 2 * count)
    return group[:count] > group[count:], group[:count] == group[count:]
