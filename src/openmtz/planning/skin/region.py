"""Which skin: vertices of a region, and where to put it when none is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.hooks import Region
from openmtz.planning.skin.normals import NORMAL_SCALE_M, smooth_normals
from openmtz.planning.skin.polygon import MOST_TURN_COS, Outline, PolygonRegion, WholeSkin
from openmtz.planning.skin.rim import EDGE_MARGIN_M, Rim, rim_of

DEFAULT_RADIUS_M = 0.0105
"""About 3.5 cm2: a patch of a cheek, and a demo that ends within a minute."""
EXAMINED_RADIUS_M = 0.022
"""Area examined around the middle of the surface when no region is given [m]."""
EXAMINED_MARGIN_M = 0.008
"""Skin examined around a given region, so that a smooth course can be fitted [m]."""
WHOLE_MARGIN_M = 0.001
"""A lesion lies wholly in a region that reaches beyond it by this [m]. Engineering default."""
FACING_SCALE_M = NORMAL_SCALE_M
"""Skin is judged to face a region's way by normals averaged over this [m]: the wall of a narrow scar does not
turn away from the region it lies in."""


class RegionError(ValueError):
    """No skin where the region is; the text names cause and fix."""


def edge_vertices(mesh: TriangleMesh) -> NDArray[np.bool_]:
    """Return `(V,)` bool, vertices on an edge that has one triangle only."""
    edges = np.sort(
        np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1
    )
    unique, count = np.unique(edges, axis=0, return_counts=True)
    rim = np.zeros(len(mesh.vertices), bool)
    rim[unique[count == 1].ravel()] = True
    return rim


AnyRegion = Region | PolygonRegion | WholeSkin


def disc(
    surface: SkinSurface, region: Region, *, keep_edge: bool = False, rim: Rim | None = None
) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices of the region, connected to its centre and facing the same way.

    `rim`: of the capture, where triangles were left out since; default, that of the mesh.

    Raises:
        RegionError: no skin there.
    """
    mesh = surface.mesh
    center = np.asarray(region.center_m)
    distance = np.linalg.norm(mesh.vertices - center, axis=1)
    start = int(np.argmin(distance))
    if distance[start] > max(region.radius_m, 0.003):
        raise RegionError(
            f"the region's centre {np.round(center, 4).tolist()} m lies"
            f" {distance[start] * 1000:.1f} mm from the captured skin; the nearest skin is at"
            f" {np.round(mesh.vertices[start], 4).tolist()} m"
        )
    around = smooth_normals(mesh, mesh.vertices[start][None], 0.004)[0]
    keep = _facing(surface, distance <= region.radius_m, around)
    if not keep_edge:
        keep &= _away_from_rim(mesh, rim)
    return _connected(mesh, keep, distance, f"the region of radius {region.radius_m * 1000:.1f} mm")


def cut_off_cm2(surface: SkinSurface, region: AnyRegion) -> float:
    """Return the skin [cm2] within a region that does not hang together with its middle: beyond a crack, or
    on another piece. It gets no spots.

    Raises:
        RegionError: as `select`.
    """
    if isinstance(region, WholeSkin):
        return 0.0
    mesh = surface.mesh
    if isinstance(region, Region):
        center = np.asarray(region.center_m)
        inside = np.linalg.norm(mesh.vertices - center, axis=1) <= region.radius_m
        start = int(np.argmin(np.linalg.norm(mesh.vertices - center, axis=1)))
        around = smooth_normals(mesh, mesh.vertices[start][None], 0.004)[0]
    else:
        outline = Outline(surface, region)
        inside, around = outline.inside(mesh.vertices), outline.normal
    inside &= surface.normals @ around > MOST_TURN_COS
    together = select(surface, region, keep_edge=True)
    areas = mesh.face_areas()
    corners = mesh.faces
    # by whole triangles, so that a rim of triangles half inside counts in neither sum
    return float(areas[inside[corners].all(axis=1)].sum() - areas[together[corners].all(axis=1)].sum()) * 1e4


def select(
    surface: SkinSurface, region: AnyRegion, *, keep_edge: bool = False, rim: Rim | None = None
) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices of any kind of region, without the rim unless `keep_edge`.

    `rim`: of the capture, where triangles were left out since; default, that of the mesh.

    Raises:
        RegionError: no skin there, or a polygon that crosses itself or was not drawn on the skin.
    """
    if isinstance(region, Region):
        return disc(surface, region, keep_edge=keep_edge, rim=rim)
    mesh = surface.mesh
    keep = np.ones(len(mesh.vertices), np.bool_) if keep_edge else _away_from_rim(mesh, rim)
    if isinstance(region, WholeSkin):
        used = np.zeros(len(keep), np.bool_)
        used[mesh.faces[keep[mesh.faces].all(axis=1)].ravel()] = True
        if not used.any():
            raise RegionError("all of the captured skin lies at its rim; capture a larger area")
        return used
    try:
        outline = Outline(surface, region)
    except ValueError as error:
        raise RegionError(str(error)) from error
    keep &= _facing(surface, outline.inside(mesh.vertices), outline.normal)
    distance = np.linalg.norm(mesh.vertices - outline.center, axis=1)
    return _connected(mesh, keep, distance, "the polygon")


def grown(surface: SkinSurface, area: NDArray[np.bool_], margin_m: float) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices within `margin_m` [m] of those of `area`."""
    points = surface.mesh.vertices
    return np.asarray(
        cKDTree(points[area]).query(points, distance_upper_bound=margin_m)[0] <= margin_m, np.bool_
    )


def _away_from_rim(mesh: TriangleMesh, rim: Rim | None) -> NDArray[np.bool_]:
    outer, hole = (rim or rim_of(mesh)).near(mesh.vertices)
    return ~(outer | hole)


def _facing(
    surface: SkinSurface, keep: NDArray[np.bool_], direction: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return those of `keep` `(V,)` whose own normal looks along the unit `direction` `(3,)`, or else that of
    the skin around."""
    result = keep & (surface.normals @ direction > MOST_TURN_COS)
    rows = np.flatnonzero(keep & ~result)
    if len(rows):
        around = smooth_normals(surface.mesh, surface.mesh.vertices[rows], FACING_SCALE_M)
        result[rows] = around @ direction > MOST_TURN_COS
    return result


def _connected(
    mesh: TriangleMesh, keep: NDArray[np.bool_], distance: NDArray[np.float64], what: str
) -> NDArray[np.bool_]:
    """Return the vertices kept that hang together with the one of least `distance` by whole triangles."""
    faces = mesh.faces[keep[mesh.faces].all(axis=1)]
    if len(faces) == 0:
        raise RegionError(
            f"{what} holds no captured skin more than {EDGE_MARGIN_M * 1000:.0f} mm from its rim;"
            " choose another place or capture again"
        )
    links = sparse.coo_matrix(
        (np.ones(3 * len(faces)), (faces.ravel(), faces[:, [1, 2, 0]].ravel())), shape=(len(keep), len(keep))
    )
    _, label = connected_components(links, directed=False)
    used = np.zeros(len(keep), bool)
    used[faces.ravel()] = True
    nearest = int(np.flatnonzero(used)[np.argmin(distance[used])])
    return used & (label == label[nearest])


def middle(surface: SkinSurface) -> NDArray[np.float64]:
    """Return the vertex `(3,)` [m] nearest to the middle of the well-seen skin: far from the rim first."""
    mesh = surface.mesh
    weight = mesh.vertex_areas() * np.clip(surface.quality, 0.05, 1.0)
    center = (mesh.vertices * weight[:, None]).sum(axis=0) / weight.sum()
    score = np.linalg.norm(mesh.vertices - center, axis=1)
    rim = edge_vertices(mesh)
    if rim.any():
        score = score - 0.5 * np.minimum(cKDTree(mesh.vertices[rim]).query(mesh.vertices)[0], 0.02)
    return mesh.vertices[int(np.argmin(score))]


def most_affected(
    surface: SkinSurface,
    area: NDArray[np.bool_],
    severity: NDArray[np.float64],
    radius_m: float,
    centres: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the centre `(3,)` [m] whose disc holds the most severity in `area` `(V,)`; the middle if none.
    `centres` `(V,)` bool: where it may lie; default, `area`.

    A lesion that a disc cuts counts for nothing there, unless it is too large for any; and the worst place of
    all lies in the one chosen, where any disc can hold it.
    """
    vertices = surface.mesh.vertices
    load = severity * surface.mesh.vertex_areas() * area
    start = middle(surface)
    affected = np.flatnonzero(load > 0)
    if len(affected) == 0:
        return start
    label = lesion_labels(surface.mesh, severity > 0)[affected]
    affected = affected[np.argsort(label, kind="stable")]
    starts = np.flatnonzero(np.diff(np.sort(label), prepend=-1))
    candidates = np.flatnonzero(area if centres is None else centres)
    candidates = candidates[:: max(1, len(candidates) // 400)]
    away = cdist(vertices[candidates], vertices[affected])
    whole = np.maximum.reduceat(away, starts, axis=1) <= radius_m - WHOLE_MARGIN_M
    fits = whole.any(axis=0)
    per_lesion = np.add.reduceat((away <= radius_m) * load[affected], starts, axis=1)
    score = np.where(fits, whole * per_lesion, per_lesion).sum(axis=1)
    holds_worst = _holds(
        vertices[candidates], vertices[_worst_place(surface.mesh, load > 0, severity)], radius_m
    )
    if holds_worst.any():
        score = np.where(holds_worst, score, -1.0)
    score = np.round(score / max(float(score.max()), 1e-30), 3)
    far = np.linalg.norm(vertices[candidates] - start, axis=1)
    return vertices[candidates[np.lexsort((far, -score))[0]]]


def _worst_place(
    mesh: TriangleMesh, affected: NDArray[np.bool_], severity: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the vertices around the worst of those `affected` that hang together with it and are at least
    half as severe: scars that touch are one lesion, too large for a disc, and have one bottom each."""
    rows = np.flatnonzero(affected)
    worst = rows[np.argmax(severity[rows])]
    label = lesion_labels(mesh, affected & (severity >= 0.5 * severity[worst]))
    return np.flatnonzero(label == label[worst])


def _holds(centres: NDArray[np.float64], points: NDArray[np.float64], radius_m: float) -> NDArray[np.bool_]:
    """Return `(C,)` whether a disc about each centre holds all points, with a margin."""
    return np.asarray(cdist(centres, points).max(axis=1) <= radius_m - WHOLE_MARGIN_M, np.bool_)


def lesion_labels(mesh: TriangleMesh, affected: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each vertex `(V,)` which piece of the `affected` ones `(V,)` bool, hanging together by
    edges, it belongs to; the others are pieces of their own."""
    halves = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    pairs = halves[affected[halves].all(axis=1)]
    links = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(affected),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], np.int64)
