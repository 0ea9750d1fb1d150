"""Scan-head optics: where galvo angles land, how wide and how strong the spot is there."""

from openmtz.optics.galvo import angles_to_counts, angles_to_ray, counts_to_angles, point_to_angles
from openmtz.optics.profile import HandpieceProfile, ProfileError

__all__ = [
    "HandpieceProfile",
    "ProfileError",
    "angles_to_counts",
    "angles_to_ray",
    "counts_to_angles",
    "point_to_angles",
]
