"""Quantities measured on the surface itself, for pictures and figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh

KERNEL_M = 1.0e-3
"""Width (1 sigma) of the kernel [m] by which density is measured: two to three spot pitches."""


def measured_density_per_cm2(
    mesh: TriangleMesh, positions_m: NDArray[np.floating], sigma_m: float = KERNEL_M
) -> NDArray[np.float64]:
    """Return `(V,)` spots per cm2 of surface around each vertex; 0 where none is near.

    The spots' Gaussian weights over the areas' Gaussian weights, both in space: true on curved
    skin, unlike a count in a projected picture.
    """
    density = np.zeros(len(mesh.vertices))
    if len(positions_m) == 0:
        return density
    reach = 3.0 * sigma_m
    near = np.flatnonzero(
        np.isfinite(cKDTree(positions_m).query(mesh.vertices, distance_upper_bound=reach)[0])
    )
    if len(near) == 0:
        return density
    tree = cKDTree(mesh.vertices[near])

    def smooth(points: NDArray[np.floating], mass: NDArray[np.floating]) -> NDArray[np.float64]:
        pairs = tree.sparse_distance_matrix(cKDTree(points), reach, output_type="ndarray")
        weight = np.exp(-0.5 * (pairs["v"] / sigma_m) ** 2) * mass[pairs["j"]]
        return np.bincount(pairs["i"], weights=weight, minlength=len(near)).astype(np.float64)

    lower, upper = positions_m.min(axis=0) - 2 * reach, positions_m.max(axis=0) + 2 * reach
    skin = smooth(*area_samples(mesh, lower, upper, 0.8 * sigma_m))
    spots = smooth(positions_m, np.ones(len(positions_m)))
    density[near] = np.divide(spots, skin, out=np.zeros_like(spots), where=skin > 1e-9)
    return density


def area_samples(
    mesh: TriangleMesh, lower: NDArray[np.floating], upper: NDArray[np.floating], step_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points `(K, 3)` and the areas [cm2] `(K,)` they stand for, of faces that touch a box.

    Faces larger than `step_m` are cut into equal parts: a coarse mesh has few corners but all its area.
    """
    corners = mesh.vertices[mesh.faces]
    touches = ((corners.max(axis=1) > lower) & (corners.min(axis=1) < upper)).all(axis=1)
    corners, areas = corners[touches], mesh.face_areas()[touches] * 1e4
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    cuts = np.clip(np.ceil(longest / step_m), 1, 64).astype(int)
    points, masses = [], []
    for n in np.unique(cuts):
        i, j = np.mgrid[0:n, 0:n]
        up = np.stack([i + 1 / 3, j + 1 / 3], -1)[i + j < n]  # n (n + 1) / 2 pointing up,
        down = np.stack([i + 2 / 3, j + 2 / 3], -1)[i + j < n - 1]  # the others down
        uv = np.concatenate([up, down]) / n
        weights = np.column_stack([1 - uv.sum(axis=1), uv])
        chosen = cuts == n
        points.append(np.einsum("sk,fkd->fsd", weights, corners[chosen]).reshape(-1, 3))
        masses.append(np.repeat(areas[chosen] / (n * n), n * n))
    return np.concatenate(points), np.concatenate(masses)
