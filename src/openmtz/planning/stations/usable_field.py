"""What of a scan head's field a calibration leaves to plan with: a square, where its focus lies, how deep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import FieldCalibration, HandpieceProfile, point_to_angles

SHIFT_SHARE = 0.5
"""Focus may vary over the square by so much of the depth of focus, to either side; where it varies more the
square is made smaller. Engineering default."""
HALVINGS = 8
PER_SIDE = 15


class UsableField(NamedTuple):
    """`half_m` of a square in the focal plane, around its middle; `focus_m`, where focus lies in the mean,
    from the y mirror; `depth_m`, what is left of the depth of focus to either side. [m]"""

    half_m: float
    focus_m: float
    depth_m: float


def usable_field(profile: HandpieceProfile, calibration: FieldCalibration | None) -> UsableField:
    """Return the largest square of the profile's field that is calibrated and flat enough in focus.

    Empty (`half_m` zero) where not even the middle is calibrated.
    """
    most = min(
        profile.field_half_m, profile.focus_distance_m * float(np.tan(min(profile.full_scale_rad, 1.2)))
    )
    if calibration is None:
        return UsableField(most, profile.focus_distance_m, profile.depth_of_focus_m)

    def fits(half_m: float) -> bool:
        shift = _shifts(half_m, profile, calibration)
        return bool(
            np.isfinite(shift).all() and 0.5 * np.ptp(shift) <= SHIFT_SHARE * profile.depth_of_focus_m
        )

    low, high = 0.0, most
    if fits(most):
        low = most
    else:
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if fits(middle) else (low, middle)
    shift = _shifts(low, profile, calibration)
    if not np.isfinite(shift).all():
        return UsableField(0.0, profile.focus_distance_m, profile.depth_of_focus_m)
    mean, spread = 0.5 * float(shift.max() + shift.min()), 0.5 * float(np.ptp(shift))
    return UsableField(low, profile.focus_distance_m + mean, profile.depth_of_focus_m - spread)


def _shifts(half_m: float, profile: HandpieceProfile, calibration: FieldCalibration) -> NDArray[np.float64]:
    """Return by how much focus lies beyond the flat plane all over a square; NaN where not calibrated."""
    line = np.linspace(-half_m, half_m, PER_SIDE)
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    points = np.stack([x, y, np.full_like(x, profile.focus_distance_m)], axis=1)
    return calibration.focus_shift(point_to_angles(points, profile.mirror_separation_m))
