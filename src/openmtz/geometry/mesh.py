"""A triangle mesh as two arrays, and what can be said of it without any library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TriangleMesh:
    """Vertices `(V, 3)` [m] float64 and faces `(F, 3)` int32, counter-clockwise seen from outside.

    Raises:
        ValueError: wrong shapes, NaN or infinite vertices, face indices out of range, no faces.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, dtype=np.float64)
        faces = np.ascontiguousarray(self.faces, dtype=np.int32)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise ValueError(f"vertices must be (V, 3), got {vertices.shape}")
        if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0:
            raise ValueError(f"a mesh needs at least one triangle (F, 3), got {faces.shape}")
        bad = int((~np.isfinite(vertices)).any(axis=1).sum())
        if bad:
            raise ValueError(f"{bad} of {len(vertices)} vertices are NaN or infinite")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError(f"a face names vertex {int(faces.max())}, but there are {len(vertices)}")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)

    def face_cross(self) -> NDArray[np.float64]:
        """Return `(F, 3)` normals of length twice the area [m2]."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        (ux, uy, uz), (vx, vy, vz) = (b - a).T, (c - a).T  # np.cross, term by term, in half of its time
        return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)

    def face_areas(self) -> NDArray[np.float64]:
        """Return `(F,)` areas [m2]."""
        return 0.5 * np.linalg.norm(self.face_cross(), axis=1)

    def face_normals(self) -> NDArray[np.float64]:
        """Return `(F, 3)` unit normals; zero for a triangle without area."""
        cross = self.face_cross()
        length = np.linalg.norm(cross, axis=1, keepdims=True)
        return np.divide(cross, length, out=np.zeros_like(cross), where=length > 0)

    def vertex_normals(self) -> NDArray[np.float64]:
        """Return `(V, 3)` area-weighted unit normals; +z where a vertex has no triangle."""
        cross = self.face_cross()
        total = np.zeros_like(self.vertices)
        for k in range(3):
            np.add.at(total, self.faces[:, k], cross)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        fallback = np.broadcast_to(np.array([0.0, 0.0, 1.0]), total.shape).copy()
        return np.divide(total, length, out=fallback, where=length > 0)

    def vertex_areas(self) -> NDArray[np.float64]:
        """Return `(V,)` areas [m2], a third of each adjacent triangle."""
        areas = self.face_areas() / 3.0
        weights = np.repeat(areas, 3)
        total: NDArray[np.float64] = np.bincount(self.faces.ravel(), weights, len(self.vertices)).astype(
            np.float64
        )
        return total

    def submesh(self, keep_faces: NDArray[np.bool_]) -> tuple[TriangleMesh, NDArray[np.int64]]:
        """Return the mesh of the faces kept `(F,)` bool and the `(V',)` old index of each vertex."""
        faces = self.faces[keep_faces]
        old, new = np.unique(faces, return_inverse=True)
        return TriangleMesh(self.vertices[old], new.reshape(-1, 3).astype(np.int32)), old.astype(np.int64)
