"""Which skin: vertices of a region, and where to put it when none is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.hooks import Region
from openmtz.planning.skin.normals import smooth_normals
from openmtz.planning.skin.polygon import MOST_TURN_COS, Outline, PolygonRegion, WholeSkin

DEFAULT_RADIUS_M = 0.0105
"""About 3.5 cm2: a patch of a cheek, and a demo that ends within a minute."""
EXAMINED_RADIUS_M = 0.022
"""Area examined around the middle of the surface when no region is given [m]."""
EXAMINED_MARGIN_M = 0.008
"""Skin examined around a given region, so that a smooth course can be fitted [m]."""
EDGE_MARGIN_M = 0.002
"""The rim of a captured surface is ragged; nothing is treated nearer to it than this [m]."""


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


def disc(surface: SkinSurface, region: Region, *, keep_edge: bool = False) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices of the region, connected to its centre and facing the same way.

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
    keep = (distance <= region.radius_m) & (surface.normals @ around > MOST_TURN_COS)
    if not keep_edge:
        keep &= _away_from_rim(mesh)
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


def select(surface: SkinSurface, region: AnyRegion, *, keep_edge: bool = False) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices of any kind of region, without the rim unless `keep_edge`.

    Raises:
        RegionError: no skin there, or a polygon that crosses itself or was not drawn on the skin.
    """
    if isinstance(region, Region):
        return disc(surface, region, keep_edge=keep_edge)
    mesh = surface.mesh
    keep = np.ones(len(mesh.vertices), np.bool_) if keep_edge else _away_from_rim(mesh)
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
    keep &= outline.inside(mesh.vertices) & (surface.normals @ outline.normal > MOST_TURN_COS)
    distance = np.linalg.norm(mesh.vertices - outline.center, axis=1)
    return _connected(mesh, keep, distance, "the polygon")


def grown(surface: SkinSurface, area: NDArray[np.bool_], margin_m: float) -> NDArray[np.bool_]:
    """Return `(V,)` bool: vertices within `margin_m` [m] of those of `area`."""
    points = surface.mesh.vertices
    return np.asarray(
        cKDTree(points[area]).query(points, distance_upper_bound=margin_m)[0] <= margin_m, np.bool_
    )


def _away_from_rim(mesh: TriangleMesh) -> NDArray[np.bool_]:
    rim = edge_vertices(mesh)
    if not rim.any():
        return np.ones(len(mesh.vertices), np.bool_)
    return np.asarray(cKDTree(mesh.vertices[rim]).query(mesh.vertices)[0] > EDGE_MARGIN_M, np.bool_)


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
    surface: SkinSurface, area: NDArray[np.bool_], severity: NDArray[np.float64], radius_m: float
) -> NDArray[np.float64]:
    """Return the centre `(3,)` [m] in `area` whose disc holds the most severity; the middle if none."""
    vertices = surface.mesh.vertices
    load = severity * surface.mesh.vertex_areas() * area
    start = middle(surface)
    affected = np.flatnonzero(load > 0)
    if len(affected) == 0:
        return start
    candidates = np.flatnonzero(area)
    candidates = candidates[:: max(1, len(candidates) // 400)]
    pairs = cKDTree(vertices[candidates]).query_ball_tree(cKDTree(vertices[affected]), radius_m)
    score = np.array([load[affected[found]].sum() for found in pairs])
    score = np.round(score / max(float(score.max()), 1e-30), 3)
    far = np.linalg.norm(vertices[candidates] - start, axis=1)
    return vertices[candidates[np.lexsort((far, -score))[0]]]
