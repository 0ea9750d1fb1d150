"""Polygons of any number of corners -> triangles that cover the same area, or a refusal."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import BrokenFileError, FeatureError
from openmtz.surfaces.raw import Array, Faces

MOST_CORNERS = 1000
"""More corners than this on one polygon is a broken file. Engineering default."""


class Triangles(NamedTuple):
    """`slots` `(F, 3)` places in the list of all corners; `polygon` `(F,)` which polygon each one is from."""

    slots: Faces
    polygon: Faces


def triangulate(counts: NDArray[np.integer], corners: Faces, vertices: Array) -> Triangles:
    """Cut polygons into fans of triangles, concave ones from a corner that sees all others.

    Args:
        counts: `(P,)` corners of each polygon. corners: `(sum(counts),)` vertex of each. vertices: `(V, 3)`.

    Raises:
        BrokenFileError: fewer than three or very many corners, or vertices that do not exist.
        FeatureError: a polygon that cannot be cut from one corner.
    """
    counts = np.asarray(counts, np.int64)
    if len(counts) and (counts.min() < 3 or counts.max() > MOST_CORNERS):
        bad = int(counts.min()) if counts.min() < 3 else int(counts.max())
        raise BrokenFileError(f"a face has {bad} corners")
    if len(corners) and (corners.min() < 0 or corners.max() >= len(vertices)):
        worst = int(corners.max()) if corners.max() >= len(vertices) else int(corners.min())
        raise BrokenFileError(f"a face names vertex {worst}, but there are {len(vertices)}")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
    slots, polygon = [], []
    for size in np.unique(counts):
        rows = np.flatnonzero(counts == size)
        places = starts[rows][:, None] + np.arange(size)
        turn = np.zeros(len(rows), np.int64)
        if size > 3:
            turn = _fan_corner(vertices[corners[places]])
        order = (turn[:, None] + np.arange(size)) % size
        places = np.take_along_axis(places, order, axis=1)
        for k in range(1, int(size) - 1):
            slots.append(places[:, [0, k, k + 1]])
            polygon.append(rows)
    if not slots:
        empty = np.zeros((0, 3), np.int64)
        return Triangles(empty, np.zeros(0, np.int64))
    found, owner = np.concatenate(slots), np.concatenate(polygon)
    order = np.argsort(owner, kind="stable")
    return Triangles(found[order], owner[order])


def _fan_corner(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return `(P,)` the first corner of polygons `(P, K, 3)` from which a fan covers the polygon."""
    _, size, _ = points.shape
    flat = points - points[:, :1]
    normal = np.cross(flat[:, 1:-1], flat[:, 2:]).sum(axis=1)
    scale = np.einsum("pj,pj->p", normal, normal)
    best = np.full(len(points), -1, np.int64)
    for corner in range(size):
        left = np.flatnonzero(best < 0)
        if len(left) == 0:
            break
        fan = np.roll(points[left], -corner, axis=1)
        fan = fan - fan[:, :1]
        cross = np.cross(fan[:, 1:-1], fan[:, 2:])
        facing = np.einsum("pkj,pj->pk", cross, normal[left])
        good = (facing >= -1e-9 * scale[left, None]).all(axis=1) | ~np.isfinite(scale[left])
        best[left[good]] = corner
    if (best < 0).any():
        raise FeatureError(
            f"{int((best < 0).sum())} polygons are folded back on themselves or too concave to be cut into"
            " triangles from one corner",
            "triangulate the mesh before the export",
        )
    return best
