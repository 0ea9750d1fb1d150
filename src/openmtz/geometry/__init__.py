"""Poses and triangle meshes as plain numpy arrays. No I/O, no ROS."""

from openmtz.geometry.mesh import TriangleMesh
from openmtz.geometry.poses import (
    apply_pose,
    invert_pose,
    look_along,
    make_pose,
    pose_distance,
    pose_from_vector,
    pose_to_vector,
)
from openmtz.geometry.surface import SkinSurface

__all__ = [
    "SkinSurface",
    "TriangleMesh",
    "apply_pose",
    "invert_pose",
    "look_along",
    "make_pose",
    "pose_distance",
    "pose_from_vector",
    "pose_to_vector",
]
