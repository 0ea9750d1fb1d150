"""The captured skin: a mesh, its normals and how well each vertex was seen, with an identity."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry.mesh import TriangleMesh

QUANTUM_M = 1e-6
"""Vertices are rounded to this [m] before anything is derived from them, so that a surface has one
identity: Open3D's extraction order (and so the last bits of a mean) differs from run to run."""


@dataclass(frozen=True, eq=False)
class SkinSurface:
    """`mesh` in the world frame [m], `normals` `(V, 3)` unit outward, `quality` `(V,)` 0 to 1."""

    mesh: TriangleMesh
    normals: NDArray[np.float64]
    quality: NDArray[np.float64]
    voxel_m: float
    surface_id: str

    @classmethod
    def from_arrays(
        cls,
        vertices: NDArray[np.floating],
        faces: NDArray[np.integer],
        normals: NDArray[np.floating] | None = None,
        quality: NDArray[np.floating] | None = None,
        voxel_m: float = 0.0,
    ) -> SkinSurface:
        """Quantise, sort vertices and faces into one canonical order, and name the result by hash.

        Raises:
            ValueError: as `TriangleMesh`, or lengths that do not match.
        """
        mesh = TriangleMesh(np.asarray(vertices, np.float64), np.asarray(faces, np.int32))
        count = len(mesh.vertices)
        for name, values in (("normals", normals), ("quality", quality)):
            if values is not None and len(values) != count:
                raise ValueError(f"{name} has {len(values)} rows, the mesh {count} vertices")
        grid = np.rint(mesh.vertices / QUANTUM_M).astype(np.int64)
        order = np.lexsort(grid.T[::-1])
        rank = np.empty(count, np.int32)
        rank[order] = np.arange(count, dtype=np.int32)
        grid = grid[order]
        new_faces = rank[mesh.faces]
        first = np.argmin(new_faces, axis=1)
        rows = np.arange(len(new_faces))[:, None]
        new_faces = new_faces[rows, (first[:, None] + np.arange(3)) % 3]
        new_faces = new_faces[np.lexsort(new_faces.T[::-1])]
        canonical = TriangleMesh(grid.astype(np.float64) * QUANTUM_M, new_faces)
        unit = canonical.vertex_normals() if normals is None else np.asarray(normals, np.float64)[order]
        seen = np.ones(count) if quality is None else np.asarray(quality, np.float64)[order]
        digest = hashlib.sha256(b"OMTZSURF1")
        digest.update(grid.astype("<i8").tobytes())
        digest.update(new_faces.astype("<i4").tobytes())
        return cls(canonical, unit, seen, float(voxel_m), digest.hexdigest())

    @property
    def area_cm2(self) -> float:
        """Area of the surface [cm2]."""
        return float(self.mesh.face_areas().sum() * 1e4)
