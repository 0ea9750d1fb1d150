"""Where captured skin ends: its outer rim, and the borders of holes in it.

Only the capture has a rim. A triangle that is left out later (flipped, crowded, without area) was seen all
the same: it opens no hole, and the skin around it is treated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh

EDGE_MARGIN_M = 0.002
"""The rim of a captured surface is ragged; nothing is treated nearer to it than this [m]."""
SMALL_HOLE_M = 0.003
"""A hole not wider than this [m] is a place the camera could not look into, such as the bottom of a narrow
scar; wider ones may be a nostril or a mouth, and keep the margin of the rim. Engineering default."""
SMALL_HOLE_MARGIN_M = 0.0005
"""Nothing is treated nearer than this [m] to a small hole: the spots' pitch. Engineering default."""


class Rim(NamedTuple):
    """Vertices `(V,)` bool of a mesh on the border of what was captured: on the `outer` rim of each piece, on
    the border of a wide `hole`, of a `small` hole."""

    outer: NDArray[np.bool_]
    hole: NDArray[np.bool_]
    small: NDArray[np.bool_]

    def of(self, rows: NDArray[np.int64]) -> Rim:
        """Return the same for the vertices `rows` only."""
        return Rim(self.outer[rows], self.hole[rows], self.small[rows])

    def near(self, vertices: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of all `vertices` `(V, 3)` [m] lie within the margin of the outer rim `(V,)`, and
        which within that of a hole `(V,)`."""
        outer = _within(vertices, self.outer, EDGE_MARGIN_M)
        hole = _within(vertices, self.hole, EDGE_MARGIN_M)
        return outer, hole | _within(vertices, self.small, SMALL_HOLE_MARGIN_M)


def rim_of(mesh: TriangleMesh, doubled: NDArray[np.bool_] | None = None) -> Rim:
    """Return the borders of a mesh: edges of one triangle, not counting those `doubled` `(F,)` bool, which
    lie on others with the same corners.

    The longer side of the box around it tells the outer border of each piece of skin from the holes in it.
    """
    faces = mesh.faces if doubled is None else mesh.faces[~doubled]
    halves = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, uses = np.unique(halves, axis=0, return_counts=True)
    single = edges[uses == 1]
    outer, hole, small = (np.zeros(len(mesh.vertices), np.bool_) for _ in range(3))
    if len(single) == 0:
        return Rim(outer, hole, small)
    piece, loop = _label(edges, len(outer)), _label(single, len(outer))
    on_rim = np.unique(single)
    on_rim = on_rim[np.argsort(loop[on_rim], kind="stable")]
    starts = np.flatnonzero(np.diff(loop[on_rim], prepend=-1))
    points = mesh.vertices[on_rim]
    box = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    across, home = box.max(axis=1), piece[on_rim[starts]]
    widest = np.zeros(len(outer))
    np.maximum.at(widest, home, across)
    each = np.diff(starts, append=len(on_rim))
    is_outer, is_wide = across >= widest[home], across > SMALL_HOLE_M
    outer[on_rim] = np.repeat(is_outer, each)
    hole[on_rim] = np.repeat(~is_outer & is_wide, each)
    small[on_rim] = np.repeat(~is_outer & ~is_wide, each)
    return Rim(outer, hole, small)


def _label(edges: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Return for each of `count` vertices the piece it belongs to by `edges` `(E, 2)`."""
    links = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _within(vertices: NDArray[np.float64], rows: NDArray[np.bool_], margin_m: float) -> NDArray[np.bool_]:
    if not rows.any():
        return np.zeros(len(vertices), np.bool_)
    near = cKDTree(vertices[rows]).query(vertices, distance_upper_bound=margin_m)[0]
    return np.asarray(near <= margin_m, np.bool_)
