"""Simulated depth camera: Embree rays through a scene of meshes, then the noise of a real sensor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from openmtz.capture import CameraIntrinsics
from openmtz.geometry import TriangleMesh
from openmtz.simulation.camera_faults import CameraFaults, bias_field, hand_depth

Array = NDArray[np.float64]
Depth = NDArray[np.float32]
Window = tuple[int, int, int, int]
"""Part of a picture: first column, first row, width, height [px]."""


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
        bias_m, view_bias_m, bias_wavelength_px, gloss_rad: as in `CameraFaults`; the amounts are
            engineering defaults (docs/simulation_patients.md has what real frames say).
        projector_m: from the camera along x to the projector [m] (SR305: 27 mm) [M].
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
    bias_m: float = 1.0e-4
    view_bias_m: float = 1.0e-4
    bias_wavelength_px: float = 160.0
    gloss_rad: float = float(np.deg2rad(1.5))
    projector_m: float = 0.027

    @classmethod
    def none(cls) -> CameraNoise:
        """Return a perfect camera."""
        return cls(
            white_m=0.0,
            correlated_m=0.0,
            incidence_gain=0.0,
            incidence_max_rad=float(np.pi / 2),
            quantum_m=0.0,
            dropout=0.0,
            edge_dropout=0.0,
            edge_step_m=1.0,
            range_m=(0.0, np.inf),
            bias_m=0.0,
            view_bias_m=0.0,
            gloss_rad=0.0,
        )

    def with_faults(self, faults: CameraFaults) -> CameraNoise:
        """Return the noise under faults: scaled, and the larger of each bias and gloss."""
        return replace(
            self,
            white_m=self.white_m * faults.noise_factor,
            correlated_m=self.correlated_m * faults.noise_factor,
            bias_m=max(self.bias_m, faults.bias_m),
            view_bias_m=max(self.view_bias_m, faults.view_bias_m),
            bias_wavelength_px=(
                faults.bias_wavelength_px if faults.bias_m or faults.view_bias_m else self.bias_wavelength_px
            ),
            gloss_rad=max(self.gloss_rad, faults.gloss_rad),
        )


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
        self._bias_of: object = None
        self._field = np.zeros(0)

    def render(
        self,
        world_T_camera: Array,
        scene: RayScene,
        still_key: object,
        n: int,
        faults: CameraFaults | None = None,
        window: Window | None = None,
    ) -> Depth:
        """Return depth `(H, W)` [m] along the optical axis, 0 where there is none.

        Args:
            world_T_camera: `(4, 4)` as believed, optical frame (z forward, x right, y down).
            still_key: anything whose repr names the rest pose, such as the rounded joints; the
                standstill's n-th image has the same noise in every run.
            faults: faults of the picture; those of the stream are not applied here.
            window: render this part of the picture alone; its noise is its own.

        Raises:
            ValueError: a window that does not lie in the picture.
        """
        wrong = faults or CameraFaults.none()
        noise = self.noise if faults is None else self.noise.with_faults(faults)
        part = self._part(window)
        rays, ray_length = self._rays[part], self._ray_length[part]
        pose = np.asarray(world_T_camera, np.float64)
        if any(wrong.hand_eye):
            pose = pose @ wrong.hand_eye_pose()
        directions = rays @ pose[:3, :3].T
        depth, normals = scene.cast(pose[:3, 3], directions)  # z of a ray is 1: distance is depth
        hit = np.isfinite(depth)
        cosine = np.abs(np.einsum("hwi,hwi->hw", directions, normals)) / ray_length
        incidence = np.arccos(np.clip(cosine, 0.0, 1.0))
        entropy = noise_seed(self.seed, still_key, n) + ([] if window is None else [*window])
        rng = np.random.default_rng(entropy)
        depth = np.where(hit, depth, 0.0)
        glare = np.zeros(depth.shape, bool)
        if noise.gloss_rad:
            # The direction half-way lies within half the projector's parallax of that to the camera.
            parallax = 0.5 * abs(noise.projector_m) / max(noise.range_m[0], 0.05)
            facing = hit & (incidence < noise.gloss_rad + parallax)
            points, local = rays[facing] * depth[facing][:, None], normals[facing] @ pose[:3, :3]
            glare[facing] = _mirrors(points, local, noise.projector_m, noise.gloss_rad)
        if wrong.hand_share:
            hand = hand_depth(rays, self.intrinsics, wrong.hand_share, wrong.hand_range_m)
            front = hand < np.where(hit, depth, np.inf)
            depth, hit = np.where(front, hand, depth), hit | front
            incidence, glare = np.where(front, 0.0, incidence), glare & ~front
        smooth = noise.bias_m or noise.view_bias_m
        bias = self._bias(noise, wrong, still_key, part) if smooth else None
        image = self._measure(depth, hit, incidence, rng, noise, bias)
        if wrong.depth_scale != 1.0:
            image *= np.float32(wrong.depth_scale)
        image[glare] = 0.0
        return image

    def _part(self, window: Window | None) -> tuple[slice, slice]:
        if window is None:
            return np.s_[:, :]
        u0, v0, width, height = window
        k = self.intrinsics
        if min(u0, v0) < 0 or min(width, height) < 1 or u0 + width > k.width or v0 + height > k.height:
            raise ValueError(
                f"the window {window} (u0, v0, width, height) leaves the {k.width}x{k.height} pixel picture"
            )
        return np.s_[v0 : v0 + height, u0 : u0 + width]

    def _bias(
        self, noise: CameraNoise, faults: CameraFaults, still_key: object, part: tuple[slice, slice]
    ) -> Array:
        """Return the smooth error `(H, W)` [m] at the reference range: fixed part and this view's own."""
        view = noise_seed(self.seed, still_key, 0) if noise.view_bias_m else []
        key = (noise.bias_m, noise.view_bias_m, noise.bias_wavelength_px, faults.seed, tuple(view))
        if self._bias_of != key:
            v = np.arange(self.intrinsics.height, dtype=np.float64)
            u = np.arange(self.intrinsics.width, dtype=np.float64)
            self._bias_of, self._field = key, np.zeros((len(v), len(u)))
            for amplitude, entropy in ((noise.bias_m, [self.seed & 0xFFFFFFFF]), (noise.view_bias_m, view)):
                if amplitude:
                    rng = np.random.default_rng([*entropy, faults.seed, 0xB1A5])
                    self._field += bias_field(u, v, amplitude, noise.bias_wavelength_px, rng)
        return self._field[part]

    def _measure(
        self,
        depth: Array,
        hit: NDArray[np.bool_],
        incidence: Array,
        rng: np.random.Generator,
        s: CameraNoise,
        bias: Array | None,
    ) -> Depth:
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
        if bias is not None:
            measured += growth * bias
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


def _mirrors(points: Array, normals: Array, projector_m: float, gloss_rad: float) -> NDArray[np.bool_]:
    """Return `(N,)` where skin mirrors a projector at `projector_m` along x into the camera.

    `points` [m], `normals` `(N, 3)` in the optical frame. It does where the normal lies within
    `gloss_rad` of the direction half-way between projector and camera.
    """
    to_camera = -points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    to_projector = np.array([projector_m, 0.0, 0.0]) - points
    to_projector /= np.maximum(np.linalg.norm(to_projector, axis=1, keepdims=True), 1e-9)
    half = to_camera + to_projector
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
    return np.abs(np.einsum("ni,ni->n", half, normals)) > np.cos(gloss_rad)


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
