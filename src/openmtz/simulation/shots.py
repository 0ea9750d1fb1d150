"""Ground truth of the laser: what each shot really hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import open3d as o3d
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import TriangleMesh
from openmtz.optics import HandpieceProfile, angles_to_ray, counts_to_angles

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RayHits:
    """Of `N` rays: `hit` bool, `distance_m`, `position_m` `(N, 3)` and unit `normal` `(N, 3)` in
    `world`; NaN where nothing was hit."""

    hit: NDArray[np.bool_]
    distance_m: Array
    position_m: Array
    normal: Array


class PatientRays:
    """Rays against the patient's true skin, by Embree; hits refined in double precision."""

    def __init__(self, mesh: TriangleMesh) -> None:
        self.mesh = mesh
        self._normals = mesh.vertex_normals()
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            o3d.core.Tensor(mesh.vertices.astype(np.float32)),
            o3d.core.Tensor(mesh.faces.astype(np.uint32)),
        )

    def cast(self, origins_m: ArrayLike, directions: ArrayLike) -> RayHits:
        """Return the first hits of rays `(N, 3)` [m], unit directions `(N, 3)`, in `world`."""
        origins = np.asarray(origins_m, np.float64).reshape(-1, 3)
        rays = np.asarray(directions, np.float64).reshape(-1, 3)
        count = len(origins)
        nothing = np.full((count, 3), np.nan)
        if count == 0:
            return RayHits(np.zeros(0, bool), np.zeros(0), nothing, nothing.copy())
        packed = np.concatenate([origins, rays], axis=1).astype(np.float32)
        answer = self._scene.cast_rays(o3d.core.Tensor(packed), nthreads=1)
        hit = np.isfinite(answer["t_hit"].numpy())
        position, normal, distance = nothing, nothing.copy(), np.full(count, np.nan)
        if hit.any():
            faces = self.mesh.faces[answer["primitive_ids"].numpy()[hit].astype(np.int64)]
            a, b, c = (self.mesh.vertices[faces[:, k]] for k in range(3))
            n = np.cross(b - a, c - a)
            o, d = origins[hit], rays[hit]
            slope = np.einsum("ij,ij->i", n, d)
            coarse = answer["t_hit"].numpy()[hit].astype(np.float64)
            exact = np.divide(
                np.einsum("ij,ij->i", n, a - o), slope, out=coarse.copy(), where=np.abs(slope) > 1e-30
            )
            # Near grazing the plane's answer may run away from the triangle: keep Embree's there.
            distance[hit] = np.where(np.abs(exact - coarse) < 1e-5, exact, coarse)
            position[hit] = o + distance[hit][:, None] * d
            uv = answer["primitive_uvs"].numpy()[hit].astype(np.float64)
            weights = np.column_stack([1.0 - uv.sum(axis=1), uv])
            smooth = np.einsum("ik,ikj->ij", weights, self._normals[faces])
            normal[hit] = smooth / np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
        return RayHits(hit, distance, position, normal)


@dataclass(frozen=True, eq=False)
class ShotHits:
    """Of `N` shots: `hit` bool, `position_m` `(N, 3)` in `world`, `incidence_rad`, `defocus_m`
    (positive behind the focus, along the beam), `fluence_j_cm2` (peak); NaN where the skin was missed."""

    hit: NDArray[np.bool_]
    position_m: Array
    incidence_rad: Array
    defocus_m: Array
    fluence_j_cm2: Array


def evaluate_shots(
    scan_head_pose: ArrayLike,
    counts: ArrayLike,
    energy_mj: ArrayLike,
    rays: PatientRays,
    profile: HandpieceProfile,
) -> ShotHits:
    """Return what shots hit.

    Args:
        scan_head_pose: true `world` pose of `scan_head`, `(4, 4)` for all or `(N, 4, 4)` for each.
        counts: galvo counts `(N, 2)` the mirrors really stood at, fractions included.
        energy_mj: `(N,)` really emitted [mJ].
        rays: the patient's true skin. profile: optics of the head.

    Raises:
        ValueError: lengths that do not match.
    """
    aims = np.asarray(counts, np.float64).reshape(-1, 2)
    energy = np.asarray(energy_mj, np.float64).reshape(-1)
    poses = np.asarray(scan_head_pose, np.float64)
    if len(energy) != len(aims) or (poses.ndim == 3 and len(poses) != len(aims)):
        raise ValueError(f"{len(aims)} aims, {len(energy)} energies, poses {poses.shape}: must match")
    poses = np.broadcast_to(poses, (len(aims), 4, 4))
    angles = counts_to_angles(aims, profile.full_scale_rad)
    origins, directions = angles_to_ray(angles, profile.mirror_separation_m)
    rotation, translation = poses[:, :3, :3], poses[:, :3, 3]
    hits = rays.cast(
        np.einsum("nij,nj->ni", rotation, origins) + translation,
        np.einsum("nij,nj->ni", rotation, directions),
    )
    cosine = -np.einsum("nij,nj,ni->n", rotation, directions, hits.normal)
    incidence = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    # Focus is a flat plane at focus_distance_m; the ray meets it this far from its origin.
    to_focus = (profile.focus_distance_m - origins[:, 2]) / directions[:, 2]
    defocus = hits.distance_m - to_focus
    fluence = profile.peak_fluence_j_cm2(energy, defocus, incidence)
    return ShotHits(hits.hit, hits.position_m, incidence, defocus, fluence)
