"""What can be wrong with a depth camera, beyond its noise. All off by default, all seeded.

Faults of the picture (bias, holes, scale, a wrong mounting, a hand in view) are applied where it is
rendered, faults of the stream (lost, frozen, wrongly stamped frames) where it leaves the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from openmtz.geometry import make_pose

if TYPE_CHECKING:
    from openmtz.capture import CameraIntrinsics

Array = NDArray[np.float64]

_RANGES: dict[str, tuple[float, float]] = {
    "bias_m": (0.0, 0.05),
    "view_bias_m": (0.0, 0.05),
    "bias_wavelength_px": (8.0, 1e4),
    "gloss_rad": (0.0, math.pi / 4),
    "noise_factor": (0.0, 100.0),
    "depth_scale": (1e-3, 1e3),
    "drop_share": (0.0, 1.0),
    "stamp_offset_s": (-10.0, 10.0),
    "stamp_jitter_s": (0.0, 1.0),
    "stamp_drift": (-0.1, 0.1),
    "hand_share": (0.0, 1.0),
    "hand_range_m": (0.05, 1.0),
}


@dataclass(frozen=True)
class CameraFaults:
    """Faults in force, in the units of what they spoil.

    Attributes:
        bias_m: amplitude of a smooth error of depth fixed in the picture [m] at the noise model's
            reference range, growing with range squared as disparity errors do.
        view_bias_m: the same of another error, drawn anew for each rest of the camera: two views disagree.
        bias_wavelength_px: the shortest wavelength of both [px].
        gloss_rad: no depth where the skin mirrors the projector into the camera to within this [rad]:
            oily skin is a few degrees wide [M].
        noise_factor: times the camera's noise. depth_scale: 1.03 is a depth unit 3 % too long.
        hand_eye: `(x, y, z, rx, ry, rz)` [m], rotation vector [rad]: the camera truly is at the pose
            believed times this.
        drop_share: of frames that never arrive. frozen: each frame repeats the first one since.
        stamp_offset_s: added to every time stamp [s]. stamp_jitter_s: 1 sigma of a random part [s].
        stamp_drift: [s/s] the camera's clock gains over time since 0.
        hand_share: how far a hand reaches into the picture, of its width. hand_range_m: its distance [m].
        seed: of what is random.

    Raises:
        ValueError: names the value that cannot be.
    """

    bias_m: float = 0.0
    view_bias_m: float = 0.0
    bias_wavelength_px: float = 160.0
    gloss_rad: float = 0.0
    noise_factor: float = 1.0
    depth_scale: float = 1.0
    hand_eye: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    drop_share: float = 0.0
    frozen: bool = False
    stamp_offset_s: float = 0.0
    stamp_jitter_s: float = 0.0
    stamp_drift: float = 0.0
    hand_share: float = 0.0
    hand_range_m: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and low <= value <= high):  # NaN fails too
                raise ValueError(f"camera fault {name} must be {low:g} to {high:g}, got {value!r}")
        error = np.asarray(self.hand_eye, np.float64)
        if error.shape != (6,) or not np.isfinite(error).all() or np.abs(error).max() > 1.0:
            raise ValueError(
                f"camera fault hand_eye must be x, y, z [m], rx, ry, rz [rad] within 1, got {self.hand_eye!r}"
            )
        object.__setattr__(self, "hand_eye", tuple(float(v) for v in error))

    @classmethod
    def none(cls) -> CameraFaults:
        """Return no faults."""
        return cls()

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of everything that can be set."""
        return tuple(f.name for f in fields(cls))

    def hand_eye_pose(self) -> Array:
        """Return `hand_eye` as the `(4, 4)` pose of the true camera in the one believed."""
        error = np.asarray(self.hand_eye)
        return make_pose(Rotation.from_rotvec(error[3:]).as_matrix(), error[:3])

    def with_changes(self, **changes: object) -> CameraFaults:
        """Return a copy with some values changed.

        Raises:
            ValueError: an unknown name (lists the known ones) or a value that cannot be.
        """
        unknown = sorted(set(changes) - set(self.names()))
        if unknown:
            raise ValueError(f"no camera fault {unknown[0]!r}; there are: {', '.join(self.names())}")
        return replace(self, **changes)  # type: ignore[arg-type]


def bias_field(
    u: Array, v: Array, amplitude_m: float, wavelength_px: float, rng: np.random.Generator
) -> Array:
    """Return a smooth field `(H, W)` [m] at columns `u` `(W,)` and rows `v` `(H,)`, within the amplitude.

    Eight plane waves of one to three wavelengths in all directions; about a quarter of the amplitude
    root mean square.
    """
    count = 8
    wavelength = wavelength_px * rng.uniform(1.0, 3.0, count)
    heading, phase = rng.uniform(0.0, 2.0 * np.pi, (2, count))
    along_u = 2.0 * np.pi * np.cos(heading) / wavelength * u[:, None] + phase
    along_v = 2.0 * np.pi * np.sin(heading) / wavelength * v[:, None]
    # sin(a + b) of all pixels and waves is one product of matrices; einsum keeps it to one thread.
    rows = np.concatenate([np.cos(along_v), np.sin(along_v)], axis=1)
    columns = np.concatenate([np.sin(along_u), np.cos(along_u)], axis=1)
    return amplitude_m / count * np.einsum("ik,jk->ij", rows, columns)


def hand_depth(rays: Array, intrinsics: CameraIntrinsics, share: float, range_m: float) -> Array:
    """Return the depth `(H, W)` [m] of a hand that reaches into the picture from the left, inf beside it.

    Args:
        rays: `(H, W, 3)` of the pixels asked for, z = 1. share: of the picture's width, to the fingertips.

    Palm and fingers are rounded bars of an adult's size at `range_m`: 18 mm fingers, 85 mm palm [M].
    """
    point = rays[..., :2] * range_m
    left = -intrinsics.cx / intrinsics.fx * range_m
    tip = left + share * intrinsics.width / intrinsics.fx * range_m
    bars = [(-0.30, -0.0, tip - 0.12, 0.0, 0.042)]
    for k in range(4):
        y = -0.033 + 0.022 * k
        reach = tip - (0.012, 0.0, 0.006, 0.022)[k]
        bars.append((tip - 0.13, y, reach - 0.009, 1.15 * y, 0.009))
    bars.append((tip - 0.16, 0.03, tip - 0.085, 0.068, 0.011))
    depth = np.full(rays.shape[:2], np.inf)
    for ax, ay, bx, by, radius in bars:
        a, along = np.array([ax, ay]), np.array([bx - ax, by - ay])
        share_along = np.clip((point - a) @ along / (along @ along), 0.0, 1.0)
        away = np.linalg.norm(point - a - share_along[..., None] * along, axis=-1)
        height = np.sqrt(np.maximum(radius**2 - away**2, 0.0))
        depth = np.minimum(depth, np.where(away < radius, range_m - np.minimum(height, 0.015), np.inf))
    return depth


class FrameStream:
    """Frames on their way out of the camera: lost, frozen or wrongly stamped."""

    def __init__(self) -> None:
        self._frozen: NDArray[np.float32] | None = None

    def is_lost(self, faults: CameraFaults, entropy: list[int]) -> bool:
        """Return whether the frame named by `entropy` never arrives."""
        if faults.drop_share <= 0.0:
            return False
        return bool(np.random.default_rng([faults.seed, 0xD0, *entropy]).random() < faults.drop_share)

    def held(self, faults: CameraFaults, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the picture that leaves: while frozen the first one, unless its size has changed."""
        if not faults.frozen:
            self._frozen = None
            return depth
        if self._frozen is None or self._frozen.shape != depth.shape:
            self._frozen = depth
        return self._frozen

    def stamp(self, faults: CameraFaults, true_s: float, entropy: list[int]) -> float:
        """Return the time stamp [s] the camera gives to an exposure at `true_s` [s]."""
        stamp = true_s + faults.stamp_offset_s + faults.stamp_drift * true_s
        if faults.stamp_jitter_s > 0.0:
            rng = np.random.default_rng([faults.seed, 0x57, *entropy])
            stamp += faults.stamp_jitter_s * float(rng.standard_normal())
        return stamp
