"""Rigid poses as 4x4 homogeneous matrices: `a_T_b` maps points of frame b into frame a.

Vectors of a pose are `x y z qx qy qz qw` (metres, unit quaternion), the order of geometry_msgs/Pose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


def make_pose(rotation: ArrayLike, translation_m: ArrayLike) -> Array:
    """Return the `(4, 4)` pose of a `(3, 3)` rotation and a `(3,)` translation [m]."""
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = translation_m
    return pose


def invert_pose(pose: Array) -> Array:
    """Return the inverse of a rigid `(4, 4)` pose."""
    rotation = pose[:3, :3].T
    return make_pose(rotation, -rotation @ pose[:3, 3])


def apply_pose(pose: Array, points_m: ArrayLike) -> Array:
    """Return points `(..., 3)` [m] mapped by the pose `(4, 4)`."""
    return np.asarray(points_m, dtype=np.float64) @ pose[:3, :3].T + pose[:3, 3]


def pose_from_vector(vector: ArrayLike) -> Array:
    """Return the `(4, 4)` pose of `x y z qx qy qz qw`.

    Raises:
        ValueError: not seven finite numbers, or a quaternion without direction.
    """
    v = np.asarray(vector, dtype=np.float64)
    if v.shape != (7,) or not np.isfinite(v).all():
        raise ValueError(f"a pose needs seven finite numbers x y z qx qy qz qw, got {v!r}")
    if np.linalg.norm(v[3:]) < 1e-6:
        raise ValueError("the quaternion of a pose must not be zero")
    return make_pose(Rotation.from_quat(v[3:]).as_matrix(), v[:3])


def pose_to_vector(pose: Array) -> Array:
    """Return `(7,)` x y z qx qy qz qw of a pose, with qw >= 0."""
    quaternion = Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True)
    return np.concatenate([pose[:3, 3], quaternion])


def pose_distance(a: Array, b: Array) -> tuple[float, float]:
    """Return distance [m] and angle [rad] between two poses."""
    angle = Rotation.from_matrix(a[:3, :3].T @ b[:3, :3]).magnitude()
    return float(np.linalg.norm(a[:3, 3] - b[:3, 3])), float(angle)


def look_along(origin_m: ArrayLike, direction: ArrayLike, x_hint: ArrayLike = (1.0, 0.0, 0.0)) -> Array:
    """Return a `(4, 4)` pose at `origin_m` whose z axis points along `direction`.

    The x axis is as near to `x_hint` as it can be; where the hint is parallel to the direction
    the world y axis serves instead, so that the result is defined everywhere.

    Raises:
        ValueError: a direction of length zero.
    """
    z = np.asarray(direction, dtype=np.float64)
    length = np.linalg.norm(z)
    if not np.isfinite(length) or length < 1e-12:
        raise ValueError("a direction of length zero has no pose")
    z = z / length
    hints: list[Array] = [
        np.asarray(x_hint, np.float64),
        np.array([0.0, 1.0, 0.0]),
        np.array([0.0, 0.0, 1.0]),
    ]
    for hint in hints:
        x = hint - z * (hint @ z)
        if np.linalg.norm(x) > 0.1 * max(float(np.linalg.norm(hint)), 1e-12):
            x /= np.linalg.norm(x)
            return make_pose(np.column_stack([x, np.cross(z, x), z]), origin_m)
    raise AssertionError("unreachable: y and z cannot both be parallel to one direction")
