"""How a scan-head pose sees spots: in the field or not, how far out of focus, how steep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import apply_pose, invert_pose
from openmtz.optics import FieldCalibration, HandpieceProfile, angles_to_ray, point_to_angles


class Aim(NamedTuple):
    """Rows of `N` spots: `angles_rad` `(N, 2)` optical, `lateral_m` `(N, 2)` in the scan head's x y,
    `defocus_m` `(N,)` along the beam, positive beyond the focal plane, `incidence_rad` `(N,)`."""

    angles_rad: NDArray[np.float64]
    lateral_m: NDArray[np.float64]
    defocus_m: NDArray[np.float64]
    incidence_rad: NDArray[np.float64]

    def in_field(self, profile: HandpieceProfile) -> NDArray[np.bool_]:
        """Return `(N,)` bool: within the square field and the galvo's full scale."""
        inside = np.abs(self.lateral_m).max(axis=1) <= profile.field_half_m
        return np.asarray(inside & (np.abs(self.angles_rad).max(axis=1) < profile.full_scale_rad), np.bool_)


def aim_from(
    world_T_scan_head: NDArray[np.float64],
    positions_m: NDArray[np.float64],
    normals: NDArray[np.float64],
    profile: HandpieceProfile,
    calibration: FieldCalibration | None = None,
) -> Aim:
    """Return how spots `(N, 3)` [m] with unit normals `(N, 3)` are met from a pose `(4, 4)`.

    Spots behind the mirrors come out with an incidence of pi: never usable. With a calibration, defocus
    counts from where focus really lies over the field; spots outside the calibrated field have a defocus of
    NaN.
    """
    local = apply_pose(invert_pose(world_T_scan_head), positions_m)
    angles = point_to_angles(local, profile.mirror_separation_m)
    _, direction = angles_to_ray(angles, profile.mirror_separation_m)
    beam = direction @ world_T_scan_head[:3, :3].T
    cosine = np.clip(-(beam * normals).sum(axis=1), -1.0, 1.0)
    incidence = np.where(local[:, 2] > 0.0, np.arccos(cosine), np.pi)
    defocus = (local[:, 2] - profile.focus_distance_m) / np.maximum(direction[:, 2], 1e-6)
    if calibration is not None:
        defocus = defocus - calibration.focus_shift(angles)
    return Aim(angles, local[:, :2], defocus, incidence)
