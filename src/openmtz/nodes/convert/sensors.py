"""What arm and camera publish."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image, JointState


def joints_of(
    message: JointState, names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return positions `(J,)` [rad] and velocities `(J,)` [rad/s] of the joints `names`, in their order.

    Velocities are optional in JointState: NaN where there are none. None: the message is about other
    joints (a gripper's, say). Positions may be NaN: what that means is the caller's to judge.
    """
    position = dict(zip(message.name, message.position, strict=False))
    velocity = dict(zip(message.name, message.velocity, strict=False))
    if not all(name in position for name in names):
        return None
    return (
        np.array([position[name] for name in names], np.float64),
        np.array([velocity.get(name, np.nan) for name in names], np.float64),
    )


def depth_of(message: Image) -> NDArray[np.float32]:
    """Return `(H, W)` depth [m] of 32FC1 [m] or 16UC1 [mm] (REP-118).

    Raises:
        ValueError: another encoding or byte order, no pixels, or a size that contradicts the header.
    """
    kinds = {"32FC1": "<f4", "16UC1": "<u2", "mono16": "<u2"}
    if message.encoding not in kinds:
        raise ValueError(f"depth frames must be 32FC1 [m] or 16UC1 [mm] (REP-118), got {message.encoding!r}")
    if message.is_bigendian:
        raise ValueError("depth frames must be little-endian")
    kind = np.dtype(kinds[message.encoding])
    pixels, length = message.height * message.width, len(message.data)
    if pixels == 0 or length != pixels * kind.itemsize:
        raise ValueError(
            f"a depth frame holds {length / kind.itemsize:g} pixels,"
            f" its size says {message.width}x{message.height}"
        )
    depth = np.frombuffer(message.data, kind).reshape(message.height, message.width)
    return depth if kind.kind == "f" else depth.astype(np.float32) * np.float32(1e-3)
