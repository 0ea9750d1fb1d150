"""Simulated depth camera: meshes drawn as depth, then the noise of a real sensor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics
from openmtz.simulation.camera.faults import CameraFaults, bias_field, hand_depth
from openmtz.simulation.camera.mesh_scene import MeshScene, TrueDepth

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


class DepthCamera:
    """Renders depth images; the noise depends on `(seed, still_key, n)` alone, never on time."""

    def __init__(
        self, intrinsics: CameraIntrinsics | None = None, seed: int = 0, noise: CameraNoise | None = None
    ) -> None:
        self.intrinsics = intrinsics or CameraIntrinsics()
        self.seed = int(seed)
        self.noise = noise or CameraNoise()
        self._fields: dict[str, tuple[object, Array]] = {}

    def render(
        self,
        world_T_camera: Array,
        scene: MeshScene,
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
        pose = np.asarray(world_T_camera, np.float64)
        if any(wrong.hand_eye):
            pose = pose @ wrong.hand_eye_pose()
        true = scene.depth(pose, self.intrinsics, part)
        if wrong.hand_share:
            self._put_hand(true, wrong)
        rng = np.random.default_rng(
            noise_seed(self.seed, still_key, n) + ([] if window is None else [*window])
        )
        bias = self._bias(noise, wrong, still_key)
        u0, v0, width, height = part
        return _measure(true, noise, rng, bias[v0 : v0 + height, u0 : u0 + width], wrong.depth_scale)

    def _part(self, window: Window | None) -> Window:
        k = self.intrinsics
        if window is None:
            return (0, 0, k.width, k.height)
        u0, v0, width, height = window
        if min(u0, v0) < 0 or min(width, height) < 1 or u0 + width > k.width or v0 + height > k.height:
            raise ValueError(
                f"the window {window} (u0, v0, width, height) leaves the {k.width}x{k.height} pixel picture"
            )
        return (int(u0), int(v0), int(width), int(height))

    def _put_hand(self, true: TrueDepth, faults: CameraFaults) -> None:
        """Put the hand that reaches into the picture in front of what it hides; it faces the camera."""
        from openmtz.simulation.camera.depth_kernels import IN_FRONT

        u0, v0, width, height = true.window
        rays = self.intrinsics.directions()[v0 : v0 + height, u0 : u0 + width]
        hand = hand_depth(rays, self.intrinsics, faults.hand_share, faults.hand_range_m)
        front = hand < true.depth_m
        true.depth_m[front] = hand[front]
        true.face[front] = IN_FRONT

    def _bias(self, noise: CameraNoise, faults: CameraFaults, still_key: object) -> Array:
        """Return the smooth error `(H, W)` [m] at the reference range: fixed part and this view's own."""
        view = noise_seed(self.seed, still_key, 0) if noise.view_bias_m else []
        wavelength = noise.bias_wavelength_px
        fixed = self._field("fixed", noise.bias_m, wavelength, [self.seed & 0xFFFFFFFF, faults.seed])
        return fixed + self._field("view", noise.view_bias_m, wavelength, [*view, faults.seed])

    def _field(self, name: str, amplitude_m: float, wavelength_px: float, entropy: list[int]) -> Array:
        """Return a smooth field `(H, W)` [m]; the last one of each name is kept."""
        key = (amplitude_m, wavelength_px, tuple(entropy))
        known = self._fields.get(name)
        if known is None or known[0] != key:
            v = np.arange(self.intrinsics.height, dtype=np.float64)
            u = np.arange(self.intrinsics.width, dtype=np.float64)
            field = np.zeros((len(v), len(u)))
            if amplitude_m:
                rng = np.random.default_rng([*entropy, 0xB1A5])
                field = bias_field(u, v, amplitude_m, wavelength_px, rng)
            known = self._fields[name] = (key, field)
        return known[1]


def _measure(true: TrueDepth, s: CameraNoise, rng: np.random.Generator, bias: Array, scale: float) -> Depth:
    """Return what the camera says of a true picture: noise, bias, what is lost, times `scale`."""
    from openmtz.simulation.camera import depth_kernels as kernels  # numba: only who renders pays for it

    shape = true.depth_m.shape
    # Every draw is made whatever the picture shows, so that one pixel never shifts another's noise.
    normal = rng.standard_normal((2, *shape), np.float32)
    uniform = rng.random((2, *shape), np.float32)
    slow = normal[1]
    if s.correlated_m:
        slow = kernels.smooth(slow, _gaussian(s.correlation_px))
    if s.edge_dropout:
        beside = kernels.beside_step(true.depth_m, s.edge_step_m)
    else:
        beside = np.zeros(shape, bool)
    parallax = 0.5 * abs(s.projector_m) / max(s.range_m[0], 0.05)
    amounts = (
        s.white_m, s.correlated_m, s.reference_m, s.incidence_gain, s.incidence_max_rad, s.quantum_m,
        s.dropout, s.edge_dropout, *s.range_m, s.gloss_rad, s.projector_m, parallax, scale,
    )  # fmt: skip
    image: Depth = kernels.measure(
        kernels.Seen(true.depth_m, true.face, true.normals, true.lens, true.window),
        kernels.Draws(normal[0], slow, uniform, beside, bias),
        kernels.Errors(*(float(amount) for amount in amounts)),
    )
    return image


def _gaussian(sigma_px: float) -> NDArray[np.float32]:
    """Return weights of distance 0, 1, ... px of a Gaussian filter that leaves white noise its deviation.

    Cut at four sigma. Sum 1 would leave 1 / (2 sqrt(pi) sigma) of the deviation.
    """
    distance = np.arange(int(4.0 * sigma_px + 0.5) + 1)
    weights = np.exp(-0.5 * (distance / sigma_px) ** 2)
    weights /= weights[0] + 2.0 * weights[1:].sum()
    return (weights * np.sqrt(2.0 * np.sqrt(np.pi) * sigma_px)).astype(np.float32)


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
