"""Vertices that are one point of the skin become one: equal ones, and rims that meet along a seam.

Files repeat a vertex for every triangle (STL) or along the seams of a texture, there with coordinates that
differ by a rounding. Equal coordinates are merged everywhere; what only lies near is merged along rims, by
distance, and never where that would collapse a triangle, fold two sheets together, or make three sheets meet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from openmtz.surfaces.edges import Edges, find_edges
from openmtz.surfaces.raw import Array, Faces

WELD_M = 25e-6
"""Rims this near to one another are one seam [m]: more than twice the coarsest step of numbers that is read
(10 um on each axis, 17 um in space), far below the gap between lips or lids (0.1 mm and more)."""
WELD_EDGE = 0.2
"""And nearer than this share of the shortest edge at the vertex. Engineering default."""
SAME_SIDE = 0.97
"""Rims whose triangles lie on the same side (cosine above this) are two sheets on one another, no seam."""


class Welded(NamedTuple):
    """`vertices` `(V', 3)`, `faces` `(F', 3)` without those that have no area left, `kept` `(F',)` the row of
    each among those given, `joined` how many vertices were merged by distance alone; `edges` of the result
    where they are known."""

    vertices: Array
    faces: Faces
    kept: NDArray[np.int64]
    joined: int
    edges: Edges | None = None


def merge_equal(vertices: Array, faces: Faces) -> Welded:
    """Merge vertices `(V, 3)` of equal coordinates; drop those that no face `(F, 3)` uses."""
    bits = np.ascontiguousarray(vertices + 0.0).view(np.uint64).reshape(-1, 3)  # + 0.0: -0 is 0
    used = np.zeros(len(vertices), np.bool_)
    used[faces.ravel()] = True
    rows = np.flatnonzero(used)
    mixed = bits[rows, 0] * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) + bits[rows, 1] * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(31))) + bits[rows, 2] * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(30)
    ordered = np.sort(mixed)
    if (ordered[1:] != ordered[:-1]).all():  # all differ already, as most indexed files are
        return _without_flat(vertices, faces, 0)
    _, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    if not (bits[rows[first[inverse]]] == bits[rows]).all():  # two points of one hash: the slow way
        _, first, inverse = np.unique(bits[rows], axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    new = np.full(len(vertices), -1, np.int64)
    new[rows] = rank[inverse.reshape(-1)]
    return _without_flat(vertices[rows[first[order]]], new[faces], 0)


def weld_rims(vertices: Array, faces: Faces) -> Welded:
    """Join rims that meet within `WELD_M`; vertices `(V, 3)` [m], equal ones merged already."""
    edges = find_edges(faces, len(vertices))
    unchanged = Welded(vertices, faces, np.arange(len(faces)), 0, edges)
    rim = np.unique(edges.rim)
    pairs = cKDTree(vertices[rim]).query_pairs(WELD_M, output_type="ndarray") if len(rim) else rim
    if len(pairs) == 0:
        return unchanged
    pairs = rim[pairs]
    pairs = pairs[_may_join(vertices, faces, pairs)]
    for _ in range(3):
        target = _clusters(pairs, len(vertices))
        moved = target != np.arange(len(vertices))
        if not moved.any():
            return unchanged
        banned = _spoiled(target, moved, faces, edges.crowded_vertices)
        if not banned.any():
            return _without_flat(vertices, target[faces], int(moved.sum()))
        pairs = pairs[~banned[target[pairs]].any(axis=1)]
    return unchanged


def _spoiled(
    target: NDArray[np.int64], moved: NDArray[np.bool_], faces: Faces, crowded: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices to which others may not be moved, as a triangle would collapse or three
    sheets would meet."""
    group = np.zeros(len(target), np.bool_)
    group[target[moved]] = True
    merged = target[faces[group[target[faces]].any(axis=1)]]
    flat = _collapsed(merged)
    spoiled = np.zeros(len(target), np.bool_)
    spoiled[merged[flat].ravel()] = True
    spoiled[np.setdiff1d(find_edges(merged[~flat], len(target)).crowded_vertices, crowded)] = True
    return spoiled & group


def _may_join(vertices: Array, faces: Faces, pairs: Faces) -> NDArray[np.bool_]:
    """Return `(P,)` bool: near beside the edges there, and with triangles on different sides."""
    shortest = np.full(len(vertices), np.inf)
    towards = np.zeros_like(vertices)
    interest = np.zeros(len(vertices), np.bool_)
    interest[pairs.ravel()] = True
    near = faces[interest[faces].any(axis=1)]
    centre = vertices[near].mean(axis=1)
    for k in range(3):
        a, b = near[:, k], near[:, (k + 1) % 3]
        length = np.linalg.norm(vertices[a] - vertices[b], axis=1)
        length[length == 0.0] = np.inf
        np.minimum.at(shortest, a, length)
        np.minimum.at(shortest, b, length)
        out = centre - vertices[a]
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-30)
        np.add.at(towards, a, out)
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-30)
    gap = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    allowed = WELD_EDGE * shortest[pairs].min(axis=1)
    side = np.einsum("ij,ij->i", towards[pairs[:, 0]], towards[pairs[:, 1]])
    return np.asarray((gap <= allowed) & (side < SAME_SIDE), np.bool_)


def _clusters(pairs: Faces, count: int) -> NDArray[np.int64]:
    """Return `(count,)` the lowest vertex of the group that pairs make of each one."""
    links = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, label = connected_components(links, directed=False)
    _, first = np.unique(label, return_index=True)
    return np.asarray(first[label], np.int64)


def _collapsed(faces: Faces) -> NDArray[np.bool_]:
    return (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])


def _without_flat(vertices: Array, faces: Faces, joined: int) -> Welded:
    kept = np.flatnonzero(~_collapsed(faces))
    if len(kept) < len(faces):
        faces = faces[kept]
    used = np.zeros(len(vertices), np.bool_)
    used[faces.ravel()] = True
    if used.all():
        return Welded(vertices, faces, kept, joined)
    new = np.cumsum(used) - 1
    return Welded(vertices[used], new[faces], kept, joined)
