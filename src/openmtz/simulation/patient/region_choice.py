"""Where to treat when nobody said so: the smoothest well-seen patch that faces the viewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.capture import rim_edges
from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.errors import PatientError

Array = NDArray[np.float64]
RIM_M = 0.005
"""The region keeps at least this far from the edge of what is known [m]."""


@dataclass(frozen=True, eq=False)
class RegionChoice:
    """`center` `(3,)` on the mesh [m], mean outward `normal` `(3,)`, `radius_m`, `score` (higher is better).

    `spread_rad`: 95th percentile of the angle between the patch's normals and their mean.
    """

    center: Array
    normal: Array
    radius_m: float
    score: float
    spread_rad: float


def choose_region(
    mesh: TriangleMesh, towards_viewer: ArrayLike, radius_m: float = 0.011, candidates: int = 500
) -> RegionChoice:
    """Return the best patch of `radius_m` seen from `towards_viewer` (unit vector from skin to viewer).

    Score: smooth within the radius and twice the radius, facing the viewer, near the viewer, far from
    the rim, curved like a body part rather than folded. All weights are engineering defaults.

    Raises:
        PatientError: no patch is large and smooth enough.
    """
    view = np.asarray(towards_viewer, np.float64)
    view = view / np.linalg.norm(view)
    normals, areas = mesh.vertex_normals(), mesh.vertex_areas()
    tree = cKDTree(mesh.vertices)
    rim = mesh.vertices[rim_vertices(mesh)]
    rim_tree = cKDTree(rim) if len(rim) else None
    facing = normals @ view
    pool = np.nonzero(facing > 0.6)[0]
    if len(pool) == 0:
        raise PatientError(
            "no part of the surface faces the viewer", "give the region as x,y,z,radius_m, or turn the mesh"
        )
    pool = pool[:: max(1, len(pool) // candidates)]
    nearness = mesh.vertices @ view
    nearest = float(np.percentile(nearness[facing > 0.3], 99.0))
    best: RegionChoice | None = None
    for vertex in pool:
        center = mesh.vertices[vertex]
        room = np.inf if rim_tree is None else float(rim_tree.query(center)[0])
        if room < radius_m + RIM_M:
            continue
        choice = _rate(mesh, tree, normals, areas, center, normals[vertex], radius_m)
        if choice is None:
            continue
        wide = _spread(tree, mesh, normals, areas, center, 2.2 * radius_m, choice.normal)
        score = (
            -choice.spread_rad / np.deg2rad(15.0)
            - 0.7 * wide / np.deg2rad(30.0)
            - 2.0 * (1.0 - float(choice.normal @ view))
            - (nearest - float(center @ view)) / 0.05
            + min(room, 0.035) / 0.035
        )
        if best is None or score > best.score:
            best = RegionChoice(center, choice.normal, radius_m, float(score), choice.spread_rad)
    if best is None:
        raise PatientError(
            f"no smooth patch of {radius_m * 2e3:.0f} mm across faces the viewer",
            "give the region as x,y,z,radius_m with a smaller radius, or record the skin from nearer",
        )
    return best


def region_at(mesh: TriangleMesh, point: ArrayLike, radius_m: float) -> RegionChoice:
    """Return the patch around the surface point nearest to `point` `(3,)` [m], as asked for.

    Raises:
        PatientError: numbers that cannot be, a point away from the surface, no skin in the radius.
    """
    asked = np.asarray(point, np.float64)
    if asked.shape != (3,) or not np.isfinite(asked).all():
        raise PatientError(f"the region centre {point!r} is not three finite numbers", "give x,y,z in metres")
    if not (np.isfinite(radius_m) and 0.002 <= radius_m <= 0.15):
        raise PatientError(
            f"a region radius of {radius_m!r} m is not possible", "give 0.002 to 0.15 m, such as 0.011"
        )
    tree = cKDTree(mesh.vertices)
    distance, vertex = tree.query(asked)
    if distance > max(0.02, radius_m):
        low, high = mesh.vertices.min(axis=0).round(3), mesh.vertices.max(axis=0).round(3)
        raise PatientError(
            f"the region centre lies {distance * 1e3:.0f} mm from the nearest skin",
            f"the surface spans x,y,z from {low.tolist()} to {high.tolist()} m in the source's own frame",
        )
    normals, areas = mesh.vertex_normals(), mesh.vertex_areas()
    center = mesh.vertices[vertex]
    choice = _rate(mesh, tree, normals, areas, center, normals[vertex], radius_m, strict=False)
    if choice is None:
        raise PatientError(
            "the skin inside the region has no common direction", "choose a smaller radius or another centre"
        )
    return choice


def rim_vertices(mesh: TriangleMesh) -> NDArray[np.int64]:
    """Return indices of vertices on an open edge."""
    return np.unique(rim_edges(mesh.faces))


def _rate(
    mesh: TriangleMesh,
    tree: cKDTree,
    normals: Array,
    areas: Array,
    center: Array,
    normal: Array,
    radius_m: float,
    strict: bool = True,
) -> RegionChoice | None:
    near = np.asarray(tree.query_ball_point(center, radius_m))
    near = near[normals[near] @ normal > 0.2]
    if len(near) == 0:
        return None
    mean = (normals[near] * np.maximum(areas[near], 1e-12)[:, None]).sum(axis=0)
    length = float(np.linalg.norm(mean))
    if length < 1e-12:
        return None
    mean /= length
    spread = _spread(tree, mesh, normals, areas, center, radius_m, mean)
    covered = float(areas[near].sum()) / (np.pi * radius_m**2)
    if strict and (spread > np.deg2rad(28.0) or not 0.6 < covered < 1.7):
        return None
    return RegionChoice(center, mean, radius_m, 0.0, spread)


def _spread(
    tree: cKDTree, mesh: TriangleMesh, normals: Array, areas: Array, center: Array, radius: float, mean: Array
) -> float:
    """Return the 95th percentile of the angle to `mean` [rad]; skin on a far side counts as folded."""
    near = np.asarray(tree.query_ball_point(center, radius))
    near = near[np.abs((mesh.vertices[near] - center) @ mean) < radius]
    angle = np.arccos(np.clip(normals[near] @ mean, -1.0, 1.0))
    order = np.argsort(angle)
    weight = np.cumsum(np.maximum(areas[near][order], 1e-12))
    return float(angle[order][np.searchsorted(weight, 0.95 * weight[-1])])
