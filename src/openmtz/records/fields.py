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
    centers = mesh.vertices[mesh.faces].mean(axis=1)
    areas = mesh.face_areas() * 1e4
    tree = cKDTree(mesh.vertices[near])

    def smooth(points: NDArray[np.floating], mass: NDArray[np.floating]) -> NDArray[np.float64]:
        pairs = tree.sparse_distance_matrix(cKDTree(points), reach, output_type="ndarray")
        weight = np.exp(-0.5 * (pairs["v"] / sigma_m) ** 2) * mass[pairs["j"]]
        return np.bincount(pairs["i"], weights=weight, minlength=len(near)).astype(np.float64)

    lower, upper = positions_m.min(axis=0) - 2 * reach, positions_m.max(axis=0) + 2 * reach
    around = ((centers > lower) & (centers < upper)).all(axis=1)
    skin = smooth(centers[around], areas[around])
    spots = smooth(positions_m, np.ones(len(positions_m)))
    density[near] = np.divide(spots, skin, out=np.zeros_like(spots), where=skin > 1e-9)
    return density
