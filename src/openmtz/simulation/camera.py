"""Simulated depth camera: Embree rays through a scene of meshes, then the noise of a real sensor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from openmtz.capture import CameraIntrinsics
from openmtz.geometry import TriangleMesh

Array = NDArray[np.float64]
Depth = NDArray[np.float32]


@dataclass(frozen=True)
class CameraNoise:
    """Noise of a close-range structured-light camera.

    Shape measured on the recorded SR305 frames of a real hand and torso (residual of 7x7 quadratic
    fits, 75,000 windows): 0.045 mm at 0.5 m facing the camera, rising with incidence to 1.4, 4, 10 and
    19 times at 30, 47, 60 and 70 degrees, which 1 + 2.2 (a / (pi/2 - a))^2 follows (the form of Nguyen et
    al. 2012, 3DIMPVT, for Kinect). The magnitude here is larger than measured, because the SR305
    filters in the camera and that hides noise as smoothness: `correlated_m` stands for it.

    Attributes:
        white_m: per pixel, 1 sigma at `reference_m` facing the surface [m]; grows with range squared.
        correlated_m: 1 sigma of the part smooth over `correlation_px`, same growth with range [m].
        incidence_gain: see above. incidence_max_rad: no return beyond.
        quantum_m: depth unit [m] (SR305: 0.125 mm). dropout: probability of no return anywhere.
        edge_dropout: the same beside a depth step larger than `edge_step_m` [m].
        range_m: depths outside give no return [m].
    """

    white_m: float = 1.0e-4
    correlated_m: float = 5.0e-5
    correlation_px: float = 3.0
    reference_m: float = 0.30
    incidence_gain: float = 2.2
    incidence_max_rad: float = float(np.deg2rad(75.0))
    quantum_m: float = 1.25e-4
    dropout: float = 0.002
    edge_dropout: float = 0.7
    edge_step_m: float = 0.008
    range_m: tuple[float, float] = (0.12, 1.5)

    @classmethod
    def none(cls) -> CameraNoise:
        """Return a perfect camera."""
        return cls(0.0, 0.0, 1.0, 0.3, 0.0, float(np.pi / 2), 0.0, 0.0, 0.0, 1.0, (0.0, np.inf))


class RayScene:
    """Meshes in `world`, ready for ray casting. Loads Open3D."""

    def __init__(self, meshes: TriangleMesh | Sequence[TriangleMesh]) -> None:
        import open3d

        self._o3d: Any = open3d
        self._scene = open3d.t.geometry.RaycastingScene(nthreads=1)
        for mesh in [meshes] if isinstance(meshes, TriangleMesh) else meshes:
            self._scene.add_triangles(
                open3d.core.Tensor(np.ascontiguousarray(mesh.vertices, np.float32)),
                open3d.core.Tensor(np.ascontiguousarray(mesh.faces, np.uint32)),
            )

    def cast(self, origins: Array, directions: Array) -> tuple[Array, Array]:
        """Return distance `(...,)` in lengths of the direction (inf: no hit) and normals `(..., 3)`."""
        rays = np.concatenate([np.broadcast_to(origins, directions.shape), directions], axis=-1)
        answer = self._scene.cast_rays(self._o3d.core.Tensor(rays.astype(np.float32)), nthreads=1)
        distance, normals = answer["t_hit"].numpy(), answer["primitive_normals"].numpy()
        return distance.astype(np.float64), normals.astype(np.float64)


class DepthCamera:
    """Renders depth images; the noise depends on `(seed, still_key, n)` alone, never on time."""

    def __init__(
        self, intrinsics: CameraIntrinsics | None = None, seed: int = 0, noise: CameraNoise | None = None
    ) -> None:
        self.intrinsics = intrinsics or CameraIntrinsics()
        self.seed = int(seed)
        self.noise = noise or CameraNoise()
        self._rays = self.intrinsics.directions()
        self._ray_length = np.linalg.norm(self._rays, axis=-1)

    def render(self, world_T_camera: Array, scene: RayScene, still_key: object, n: int) -> Depth:
        """Return depth `(H, W)` [m] along the optical axis, 0 where there is none.

        Args:
            world_T_camera: `(4, 4)`, optical frame (z forward, x right, y down).
            still_key: anything whose repr names the rest pose, such as the rounded joints; the
                standstill's n-th image has the same noise in every run.
        """
        pose = np.asarray(world_T_camera, np.float64)
        directions = self._rays @ pose[:3, :3].T
        depth, normals = scene.cast(pose[:3, 3], directions)  # z of a ray is 1: distance is depth
        hit = np.isfinite(depth)
        cosine = np.abs(np.einsum("hwi,hwi->hw", directions, normals)) / self._ray_length
        incidence = np.arccos(np.clip(cosine, 0.0, 1.0))
        rng = np.random.default_rng(noise_seed(self.seed, still_key, n))
        return self._measure(np.where(hit, depth, 0.0), hit, incidence, rng)

    def _measure(
        self, depth: Array, hit: NDArray[np.bool_], incidence: Array, rng: np.random.Generator
    ) -> Depth:
        s = self.noise
        shape = depth.shape
        # Every draw is made whatever the picture shows, so that one pixel never shifts another's noise.
        white, smooth = rng.standard_normal((2, *shape))
        chance, edge_chance = rng.random((2, *shape))
        growth = (depth / s.reference_m) ** 2
        measured = depth.copy()
        if s.white_m or s.correlated_m:
            away = np.minimum(incidence, np.deg2rad(85.0))
            white_sigma = s.white_m * (1.0 + s.incidence_gain * (away / (np.pi / 2 - away)) ** 2)
            # A Gaussian filter of sigma p leaves white noise with 1 / (2 sqrt(pi) p) of its deviation.
            smooth = gaussian_filter(smooth, s.correlation_px) * (2.0 * np.sqrt(np.pi) * s.correlation_px)
            measured += growth * (white_sigma * white + s.correlated_m * smooth)
        if s.quantum_m:
            measured = np.rint(measured / s.quantum_m) * s.quantum_m
        lost = ~hit | (incidence > s.incidence_max_rad) | (chance < s.dropout)
        if s.edge_dropout:
            far = np.where(hit, depth, 10.0)
            step = maximum_filter(far, 3) - minimum_filter(far, 3)
            lost |= (step > s.edge_step_m) & (edge_chance < s.edge_dropout)
        lost |= (measured < s.range_m[0]) | (measured > s.range_m[1])
        measured[lost] = 0.0
        return measured.astype(np.float32)


def noise_seed(seed: int, still_key: object, n: int) -> list[int]:
    """Return the entropy of image `n` of the rest named by `still_key`.

    Numpy arrays are taken as their rounded values, so that a tuple and an array name the same rest.
    """
    if isinstance(still_key, np.ndarray):
        still_key = tuple(still_key.tolist())
    digest = hashlib.sha256(repr(still_key).encode()).digest()
    return [seed & 0xFFFFFFFF, int(n), *np.frombuffer(digest, "<u4").tolist()]


def still_key_of(joints_rad: NDArray[np.float64]) -> tuple[int, ...]:
    """Return the key of a rest: joints `(J,)` [rad] rounded to microradians."""
    return tuple(int(value) for value in np.rint(np.asarray(joints_rad, np.float64) * 1e6))
