"""Recorded frames without known poses: registered to one of them by ICP, merged only where they fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from openmtz.capture import CameraIntrinsics
from openmtz.geometry import TriangleMesh, apply_pose, make_pose

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Registration:
    """`pose` reference_T_frame; `fitness`: share of points with a partner; `rmse_m` to their planes [m]."""

    pose: Array
    fitness: float
    rmse_m: float

    @property
    def fits(self) -> bool:
        """Whether this is the same rigid body, seen twice: a hand that changed its shape is not."""
        return self.fitness > 0.85 and self.rmse_m < 0.0008


def register(
    points: Array, reference: TriangleMesh, iterations: int = 30, start_m: float = 0.02
) -> Registration:
    """Register points `(N, 3)` [m] to a mesh by point-to-plane ICP from the identity.

    The partner distance shrinks from `start_m` to 3 mm, so that a shift between frames is caught first.
    """
    normals = reference.vertex_normals()
    tree = cKDTree(reference.vertices)
    pose = np.eye(4)
    fitness, rmse = 0.0, np.inf
    for k in range(iterations):
        limit = max(0.003, start_m * 0.8**k)
        moved = apply_pose(pose, points)
        distance, partner = tree.query(moved, distance_upper_bound=limit)
        found = np.isfinite(distance)
        fitness = float(found.mean())
        if found.sum() < 100:
            return Registration(pose, fitness, np.inf)
        p, q, n = moved[found], reference.vertices[partner[found]], normals[partner[found]]
        residual = np.einsum("ij,ij->i", q - p, n)
        rmse = float(np.sqrt(np.mean(residual**2)))
        middle = p.mean(axis=0)
        jacobian = np.concatenate([np.cross(p - middle, n), n], axis=1)
        # A little damping: on a sphere-like cheek some directions are not observable.
        normal_matrix = jacobian.T @ jacobian + 1e-6 * len(p) * np.diag([1e-4, 1e-4, 1e-4, 1, 1, 1])
        step = np.linalg.solve(normal_matrix, jacobian.T @ residual)
        turn = Rotation.from_rotvec(step[:3]).as_matrix()
        pose = make_pose(turn, middle + step[3:] - turn @ middle) @ pose
        if limit <= 0.003 and np.abs(step).max() < 1e-6:
            break
    return Registration(pose, fitness, rmse)


def merge_into(depth: Array, part: Mask, intrinsics: CameraIntrinsics, others: list[Array]) -> Array:
    """Return the reference depth `(H, W)` with each pixel the median of what all clouds say there.

    Args:
        others: clouds `(N, 3)` [m] in the reference's optical frame. Points more than 3 mm from the
            reference's own depth are other surfaces and are left out.
    """
    layers = [np.where(part, depth, np.nan)]
    for cloud in others:
        pixels, z = intrinsics.project(cloud)
        column, row = np.rint(pixels).astype(np.int64).T
        ok = (z > 0) & (column >= 0) & (column < intrinsics.width) & (row >= 0) & (row < intrinsics.height)
        row, column, z = row[ok], column[ok], z[ok]
        flat = row * intrinsics.width + column
        hits = np.bincount(flat, minlength=depth.size)
        total = np.bincount(flat, weights=z, minlength=depth.size)
        with np.errstate(invalid="ignore"):
            layer = (total / np.where(hits > 0, hits, np.nan)).reshape(depth.shape)
            layer[~(np.abs(layer - depth) < 0.003)] = np.nan
        layers.append(np.where(part, layer, np.nan))
    stack = np.stack(layers)
    merged = depth.copy()
    column = np.sort(stack[:, part], axis=0)  # NaN last
    known = np.isfinite(column).sum(axis=0)
    across = np.arange(column.shape[1])
    merged[part] = 0.5 * (column[(known - 1) // 2, across] + column[known // 2, across])
    return merged
