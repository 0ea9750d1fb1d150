"""Times and poses."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Transform, Vector3
from numpy.typing import NDArray

from openmtz.geometry import pose_from_vector, pose_to_vector

FAR_M = 100.0
"""Nothing in the cell is farther away [m]; a message that says so is refused."""


def seconds(stamp: Time) -> float:
    """Return a stamp in seconds."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def stamp_of(time_s: float) -> Time:
    """Return the stamp of a time [s], to the nanosecond."""
    total = round(time_s * 1e9)
    return Time(sec=int(total // 1_000_000_000), nanosec=int(total % 1_000_000_000))


def pose_message(pose: NDArray[np.float64]) -> Pose:
    """Return geometry_msgs/Pose of a `(4, 4)` pose."""
    v = [float(x) for x in pose_to_vector(pose)]
    return Pose(
        position=Point(x=v[0], y=v[1], z=v[2]), orientation=Quaternion(x=v[3], y=v[4], z=v[5], w=v[6])
    )


def pose_stamped(pose: NDArray[np.float64], frame: str, stamp: Time) -> PoseStamped:
    """Return a PoseStamped of a `(4, 4)` pose."""
    message = PoseStamped(pose=pose_message(pose))
    message.header.frame_id = frame
    message.header.stamp = stamp
    return message


def pose_of(message: Pose) -> NDArray[np.float64]:
    """Return the `(4, 4)` pose of a message.

    Raises:
        ValueError: not finite, farther away than `FAR_M`, or a zero quaternion.
    """
    p, q = message.position, message.orientation
    if not max(abs(p.x), abs(p.y), abs(p.z)) < FAR_M:
        raise ValueError(f"a position is not finite, or farther than {FAR_M:g} m away")
    return pose_from_vector([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


def transform_message(pose: NDArray[np.float64]) -> Transform:
    """Return geometry_msgs/Transform of a `(4, 4)` pose."""
    v = [float(x) for x in pose_to_vector(pose)]
    return Transform(
        translation=Vector3(x=v[0], y=v[1], z=v[2]), rotation=Quaternion(x=v[3], y=v[4], z=v[5], w=v[6])
    )


def require_world(frame: str) -> None:
    if frame != "world":
        raise ValueError(f"it must be given in frame 'world', not {frame!r}")
