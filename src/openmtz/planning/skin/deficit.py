"""Where skin lies below its own smooth course: the common ground of the indications' assessments.

The course is a fourth-degree height field over the tangent plane, fitted robustly: what lies below
(dents) soon loses its weight, so that a scarred third of the area does not drag the course down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from openmtz.geometry import SkinSurface

DEGREE = 4
MAX_DEFICIT_M = 0.004
"""Deeper "deficits" are folds or a course that does not fit, not lesions [M]."""


@dataclass(frozen=True, eq=False)
class Course:
    """`deficit_m` `(V,)` [m] below the course, noise smoothed away, 0 outside the area; `noise_m` [m] robust
    sigma of the smoothed deficit on healthy skin; `uv_m` `(V, 2)` coordinates in the tangent plane."""

    deficit_m: NDArray[np.float64]
    noise_m: float
    uv_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lesion:
    """One connected deficit: `vertices` `(K,)` rows, `area_cm2`, `depth_m` (95th percentile), `length_m` and
    `width_m` (four standard deviations along the principal axes), `edge_slope` (steepness of its rim)."""

    vertices: NDArray[np.int64]
    area_cm2: float
    depth_m: float
    length_m: float
    width_m: float


def fit_course(surface: SkinSurface, area: NDArray[np.bool_], smooth_m: float = 0.0007) -> Course:
    """Fit the smooth course over vertices `area` `(V,)` bool; deficits averaged over `smooth_m` [m].

    Raises:
        ValueError: fewer than 60 vertices.
    """
    rows = np.flatnonzero(area)
    if len(rows) < 60:
        raise ValueError(f"{len(rows)} vertices are too few to tell a smooth course; examine a larger area")
    mesh = surface.mesh
    weights = np.maximum(mesh.vertex_areas()[rows], 1e-12)
    points = mesh.vertices[rows]
    center = np.average(points, axis=0, weights=weights)
    normal = np.average(surface.normals[rows], axis=0, weights=weights)
    normal /= np.linalg.norm(normal)
    hint = np.array([1.0, 0.0, 0.0]) if abs(normal[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
    x_axis = hint - normal * (hint @ normal)
    x_axis /= np.linalg.norm(x_axis)
    frame = np.stack([x_axis, np.cross(normal, x_axis)], axis=1)
    uv = (mesh.vertices - center) @ frame
    height = (points - center) @ normal
    scale = float(np.abs(uv[rows]).max())
    x, y = (uv[rows] / scale).T
    basis = np.stack([x**i * y**j for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)], axis=1)
    residual, healthy = _robust_residual(basis, height, weights / weights.mean())
    smoothed = _average(points, residual, weights, smooth_m)
    noise = float(np.sqrt(np.average(smoothed**2, weights=healthy)))
    deficit = np.zeros(len(mesh.vertices))
    deficit[rows] = np.clip(smoothed, 0.0, MAX_DEFICIT_M)
    return Course(np.round(deficit, 7), noise, uv)


def lesions_of(
    surface: SkinSurface, course: Course, affected: NDArray[np.bool_], least_area_cm2: float
) -> list[Lesion]:
    """Return the connected groups of vertices `affected` `(V,)` bool, largest first, small ones left out."""
    mesh = surface.mesh
    both = affected[mesh.faces]
    pairs = np.concatenate(
        [mesh.faces[both[:, a] & both[:, b]][:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]
    )
    links = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(affected),) * 2)
    _, label = connected_components(links, directed=False)
    areas = mesh.vertex_areas() * 1e4
    found = []
    for name in np.unique(label[affected]):
        rows = np.flatnonzero(affected & (label == name))
        if float(areas[rows].sum()) < least_area_cm2:
            continue
        uv = course.uv_m[rows]
        spread = np.cov(uv.T, aweights=areas[rows]) if len(rows) > 2 else np.zeros((2, 2))
        short, long = np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 0.0))
        depth = float(np.percentile(course.deficit_m[rows], 95))
        found.append(Lesion(rows, float(areas[rows].sum()), depth, 4.0 * float(long), 4.0 * float(short)))
    return sorted(found, key=lambda item: (-round(item.area_cm2, 6), int(item.vertices[0])))


def spread_out(
    surface: SkinSurface, values: NDArray[np.float64], reach_m: float, area: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return `(V,)` the largest of `values` within `reach_m` [m] of each vertex of `area`: a margin."""
    result = values.copy()
    source = np.flatnonzero(values > 0)
    if len(source):
        rows = np.flatnonzero(area)
        points = surface.mesh.vertices
        near = cKDTree(points[source]).query_ball_point(points[rows], reach_m)
        result[rows] = [
            max(values[r], values[source[found]].max(initial=0.0))
            for r, found in zip(rows, near, strict=True)
        ]
    return result


def _robust_residual(
    basis: NDArray[np.float64], height: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return course minus height `(K,)` [m], positive in dents, and the weight `(K,)` 0 to 1 of each
    vertex as healthy skin; iteratively reweighted (Tukey, 3.5 sigma by the median absolute deviation)."""
    robust = np.ones(len(height))
    residual = np.zeros(len(height))
    for _ in range(25):
        root = np.sqrt(weights * robust)
        coefficients = np.linalg.lstsq(basis * root[:, None], height * root, rcond=None)[0]
        residual = basis @ coefficients - height
        sigma = max(1.4826 * float(np.median(np.abs(residual))), 2e-5)
        robust = np.maximum(1.0 - (residual / (3.5 * sigma)) ** 2, 0.0) ** 2 + 1e-9
    return residual, robust


def _average(
    points: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64], scale_m: float
) -> NDArray[np.float64]:
    tree = cKDTree(points)
    pairs = tree.sparse_distance_matrix(tree, 2.5 * scale_m, output_type="coo_matrix")
    kernel = np.exp(-0.5 * (pairs.data / scale_m) ** 2) * weights[pairs.col]
    matrix = sparse.csr_matrix((kernel, (pairs.row, pairs.col)), shape=(len(points),) * 2)
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return (matrix @ values) / np.maximum(total, 1e-300)
