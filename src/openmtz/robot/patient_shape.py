"""The patient's skin as a shape for collision: the surface, and walls from its rims down to the bed."""

from __future__ import annotations

import coal
import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh


def patient_bvh(mesh: TriangleMesh, floor_m: float) -> coal.BVHModelOBBRSS:
    """Return the surface with its walls as coal's bounding volume hierarchy; vertices in `world` [m]."""
    vertices, faces = with_walls(mesh, floor_m)
    model = coal.BVHModelOBBRSS()
    model.beginModel(len(faces), len(vertices))
    model.addVertices(np.asfortranarray(vertices))
    model.addTriangles(np.asfortranarray(faces, dtype=np.int64))
    model.endModel()
    return model


def with_walls(mesh: TriangleMesh, floor_m: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return vertices `(V', 3)` [m] and faces `(F', 3)`: two triangles more per rim edge above the floor.

    A camera sees a sheet; without walls a link could stand inside the body, touching nothing.
    """
    faces = mesh.faces.astype(np.int64)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    key = np.sort(edges, axis=1)
    _, first, count = np.unique(key @ [len(mesh.vertices), 1], return_index=True, return_counts=True)
    rim = key[first[count == 1]]
    rim = rim[(mesh.vertices[rim][:, :, 2] > floor_m).all(axis=1)]
    if len(rim) == 0:
        return mesh.vertices, faces
    above, where = np.unique(rim, return_inverse=True)
    below = mesh.vertices[above].copy()
    below[:, 2] = floor_m
    low = where.reshape(rim.shape) + len(mesh.vertices)
    walls = [
        np.column_stack([rim[:, 0], rim[:, 1], low[:, 0]]),
        np.column_stack([rim[:, 1], low[:, 1], low[:, 0]]),
    ]
    return np.vstack([mesh.vertices, below]), np.vstack([faces, *walls])
