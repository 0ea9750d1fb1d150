"""Scan-head optics: where galvo angles land, how wide and how strong the spot is there."""

from openmtz.optics.field_calibration import CalibrationError, FieldCalibration
from openmtz.optics.footprint import delivered_share, footprint_um
from openmtz.optics.galvo import angles_to_counts, angles_to_ray, counts_to_angles, point_to_angles
from openmtz.optics.profile import HandpieceProfile, ProfileError

__all__ = [
    "CalibrationError",
    "FieldCalibration",
    "HandpieceProfile",
    "ProfileError",
    "angles_to_counts",
    "angles_to_ray",
    "counts_to_angles",
    "delivered_share",
    "footprint_um",
    "point_to_angles",
]
