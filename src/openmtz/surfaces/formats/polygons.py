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
    """Cut polygons into fans of triangles, each from a corner that sees all others.

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
    """Return `(P,)` the corner of polygons `(P, K, 3)` whose fan covers the polygon with the fattest
    triangles: of those without area, a polygon with three corners in a row would leave one behind."""
    flat = points - points[:, :1]
    normal = np.cross(flat[:, 1:-1], flat[:, 2:]).sum(axis=1)
    scale = np.einsum("pj,pj->p", normal, normal)
    best = np.zeros(len(points), np.int64)
    least = np.full(len(points), -np.inf)
    for corner in range(points.shape[1]):
        fan = np.roll(points, -corner, axis=1)
        fan = fan - fan[:, :1]
        cross = np.cross(fan[:, 1:-1], fan[:, 2:])
        thinnest = np.einsum("pkj,pj->pk", cross, normal).min(axis=1)
        better = thinnest > least * (1.0 + 1e-9) + 1e-9 * scale  # the first of equals
        best[better], least[better] = corner, thinnest[better]
        if (least > 0.1 * scale / points.shape[1]).all():
            break
    bad = (least < -1e-9 * scale) & np.isfinite(scale)
    if bad.any():
        raise FeatureError(
            f"{int(bad.sum())} polygons are folded back on themselves or too concave to be cut into triangles"
            " from one corner",
            "triangulate the mesh before the export",
        )
    return best
