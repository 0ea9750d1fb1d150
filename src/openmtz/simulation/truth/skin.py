"""The patient's true skin, at rest or moving: rays against it, each at its own instant.

Thousands of shots, each at its own time, must not cost thousands of meshes. The rigid part of the
motion is undone on the ray. For the rest, the ray is shifted back by the displacement where it hits
the skin at rest, until the triangle it finds is the one it truly meets; that triangle's three corners
are displaced and met exactly, so that the answer is the one the displaced mesh would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.capture import load_open3d
from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient import PatientMotion, check_times

Array = NDArray[np.float64]
INSIDE = 2e-4
"""A hit this far (of an edge) outside a triangle still is on it: Embree's single precision."""
STARTS = (0.0, 0.5, 1.0, 0.25, 0.75)
"""Shares of the largest displacement from which the search begins; past the first, for rays that miss."""
STEPS = 8
"""Shifts per start. The displacement changes slowly over the skin: one or two are the rule."""


@dataclass(frozen=True, eq=False)
class RayHits:
    """Of `N` rays: `hit` bool, `distance_m`, `position_m` `(N, 3)` and unit `normal` `(N, 3)` in
    `world` at the ray's instant, `rest_position_m` `(N, 3)` where on the skin at rest that is, `face`
    `(N,)` int (-1: none); NaN where nothing was hit."""

    hit: NDArray[np.bool_]
    distance_m: Array
    position_m: Array
    normal: Array
    rest_position_m: Array
    face: NDArray[np.int64]


class TrueSkin:
    """The skin `mesh` at rest in `world` and its motion. Rays by Embree, hits in double precision."""

    def __init__(self, mesh: TriangleMesh, motion: PatientMotion | None = None) -> None:
        open3d = load_open3d()
        self.mesh = mesh
        self.motion = motion or PatientMotion.none()
        self._normals = mesh.vertex_normals()
        self._tensor: Any = open3d.core.Tensor
        self._scene = open3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            self._tensor(mesh.vertices.astype(np.float32)), self._tensor(mesh.faces.astype(np.uint32))
        )

    def mesh_at(self, time_s: float) -> TriangleMesh:
        """Return the skin as it is at `time_s` [s]: the same faces, vertices displaced."""
        if self.motion.is_still:
            return self.mesh
        return TriangleMesh(self.motion.displace(self.mesh.vertices, float(time_s)), self.mesh.faces)

    def cast(self, origins_m: ArrayLike, directions: ArrayLike, time_s: ArrayLike = 0.0) -> RayHits:
        """Return the first hits of rays `(N, 3)` [m], unit directions `(N, 3)`, in `world`.

        `time_s` [s]: one instant for all rays or `(N,)`, one each.

        Raises:
            MotionError: a time that is not finite, or times of another number than the rays.
        """
        origins = np.asarray(origins_m, np.float64).reshape(-1, 3)
        rays = np.asarray(directions, np.float64).reshape(-1, 3)
        times = check_times(time_s, len(origins))
        distance = np.full(len(origins), np.nan)
        face = np.full(len(origins), -1, np.int64)
        weights = np.full((len(origins), 3), np.nan)
        if len(origins) == 0:
            empty = np.zeros((0, 3))
            return RayHits(np.zeros(0, bool), distance, empty, empty.copy(), empty.copy(), face)
        turn, shift = self.motion.rigid_at(times)
        back = np.broadcast_to(np.linalg.inv(turn), (len(origins), 3, 3))
        if self.motion.is_still:
            start, along = origins, rays
        else:
            start = np.einsum("nij,nj->ni", back, origins - shift)
            along = np.einsum("nij,nj->ni", back, rays)
        if self.motion.is_rigid:
            found, coarse, inside = self._first(start, along)
            hit = found >= 0
            face[hit], weights[hit] = found[hit], inside[hit]
            distance[hit] = _on_plane(self._corners(found[hit]), start[hit], along[hit], coarse[hit])
        else:
            times = np.broadcast_to(times, (len(origins),))
            self._search(start, along, back, times, distance, face, weights)
        hit = face >= 0
        position = origins + distance[:, None] * rays
        if self.motion.is_still:
            rest = position.copy()
        else:
            rest = np.einsum("nk,nkj->nj", weights, self.mesh.vertices[self.mesh.faces[face]])
            rest[~hit] = np.nan
        normal = np.full((len(origins), 3), np.nan)
        smooth = np.einsum("nk,nkj->nj", weights[hit], self._normals[self.mesh.faces[face[hit]]])
        smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
        if not self.motion.is_still:
            at = np.broadcast_to(times, (len(origins),))[hit]
            smooth = self._turned(smooth, rest[hit], np.broadcast_to(turn, back.shape)[hit], at)
        normal[hit] = smooth
        return RayHits(hit, distance, position, normal, rest, face)

    def _first(self, origins: Array, rays: Array) -> tuple[NDArray[np.int64], Array, Array]:
        """Return face `(N,)` (-1: none), distance `(N,)` and corner weights `(N, 3)` on the skin at rest."""
        packed = np.concatenate([origins, rays], axis=1).astype(np.float32)
        answer = self._scene.cast_rays(self._tensor(packed), nthreads=1)
        distance = answer["t_hit"].numpy().astype(np.float64)
        face = np.where(np.isfinite(distance), answer["primitive_ids"].numpy().astype(np.int64), -1)
        uv = answer["primitive_uvs"].numpy().astype(np.float64)
        return face, distance, np.column_stack([1.0 - uv.sum(axis=1), uv])

    def _corners(self, face: NDArray[np.int64]) -> Array:
        return self.mesh.vertices[self.mesh.faces[face]]

    def _search(
        self,
        start: Array,
        along: Array,
        back: Array,
        times: Array,
        distance: Array,
        face: NDArray[np.int64],
        weights: Array,
    ) -> None:
        """Find hits where skin moves locally; writes `distance`, `face`, `weights` of the rays that hit.

        Works where the rigid parts are undone: `start + s along` meets `p + back @ e(p)`.
        """
        peak = np.einsum("nij,nj->ni", back, self.motion.local_peak(times))
        for share in STARTS:
            open_rays = np.nonzero(face < 0)[0]
            if share > 0.0:  # nothing moves these rays' skin: there is nothing more to find
                open_rays = open_rays[np.abs(peak[open_rays]).max(axis=1) > 0.0]
            shift = share * peak[open_rays]
            for _ in range(STEPS):
                if len(open_rays) == 0:
                    break
                found, _, rest = self._first(start[open_rays] - shift, along[open_rays])
                met = found >= 0
                open_rays, found, rest = open_rays[met], found[met], rest[met]
                corners = self._corners(found)
                flat = corners.reshape(-1, 3)
                moved = self.motion.local_displacement(flat, np.repeat(times[open_rays], 3))
                moved = np.einsum("nij,nkj->nki", back[open_rays], moved.reshape(-1, 3, 3))
                where, inside = _meet(corners + moved, start[open_rays], along[open_rays])
                done = (inside > -INSIDE).all(axis=1) & (where > 0.0)
                solved = open_rays[done]
                distance[solved], face[solved], weights[solved] = where[done], found[done], inside[done]
                shift = np.einsum("nk,nkj->nj", rest[~done], moved[~done])
                open_rays = open_rays[~done]

    def _turned(self, normals: Array, rest: Array, turn: Array, times: Array) -> Array:
        """Return unit normals `(N, 3)` of the skin at rest points `(N, 3)` after the motion."""
        helper = np.where(np.abs(normals[:, :1]) < 0.7, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
        first = np.cross(normals, helper)
        first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
        step = 1e-4
        tangents = []
        for tangent in (first, np.cross(normals, first)):
            moved = np.einsum("nij,nj->ni", turn, tangent)
            if not self.motion.is_rigid:
                ahead = self.motion.local_displacement(rest + step * tangent, times)
                behind = self.motion.local_displacement(rest - step * tangent, times)
                moved = moved + (ahead - behind) / (2.0 * step)
            tangents.append(moved)
        across = np.cross(*tangents)
        return across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)


def _on_plane(corners: Array, origins: Array, rays: Array, coarse: Array) -> Array:
    """Return distances `(N,)` to the planes of triangles `(N, 3, 3)`, in double precision."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    n = np.cross(b - a, c - a)
    slope = np.einsum("ij,ij->i", n, rays)
    exact = np.divide(
        np.einsum("ij,ij->i", n, a - origins), slope, out=coarse.copy(), where=np.abs(slope) > 1e-30
    )
    # Near grazing the plane's answer may run away from the triangle: keep Embree's there.
    return np.where(np.abs(exact - coarse) < 1e-5, exact, coarse)


def _meet(corners: Array, origins: Array, rays: Array) -> tuple[Array, Array]:
    """Return distance `(N,)` and corner weights `(N, 3)` of rays with the planes of triangles `(N, 3, 3)`.

    Moeller & Trumbore 1997; weights outside 0 to 1 lie outside the triangle, NaN for a grazing ray.
    """
    a = corners[:, 0]
    one, two = corners[:, 1] - a, corners[:, 2] - a
    across = np.cross(rays, two)
    volume = np.einsum("ij,ij->i", one, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / volume
        to = origins - a
        u = np.einsum("ij,ij->i", to, across) * scale
        other = np.cross(to, one)
        v = np.einsum("ij,ij->i", rays, other) * scale
        distance = np.einsum("ij,ij->i", two, other) * scale
        return distance, np.stack([1.0 - u - v, u, v], axis=1)
