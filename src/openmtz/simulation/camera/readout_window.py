"""The part of a depth image that is read out while firing: where the scan head's field lies in it. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics

Array = NDArray[np.float64]
HALF_M = 0.045
"""Half width of the skin the window shows, around the middle of the field [m]: wide enough that skin beside
the field is in it where the camera's mounting hides the field itself (engineering default)."""
WORKING_M = (0.13, 0.17)
"""Nearest and farthest skin in front of the scan head that it shows [m]: the focal distance of 0.15 m
and 2 cm to either side (engineering default)."""
SMALLEST_PX = 32


class Window(NamedTuple):
    """Pixels of the whole image: `x`, `y` of the upper left one, `width`, `height` [px]."""

    x: int
    y: int
    width: int
    height: int


def field_window(
    intrinsics: CameraIntrinsics, world_T_camera: Array, world_T_head: Array, half_m: float = HALF_M
) -> Window:
    """Return the window that shows the scan head's field, whatever the skin's distance.

    The head's axis is looked at over `WORKING_M`, widened by `half_m` on all sides, and cut to the image.
    Where the camera does not see the field at all the window is the whole image.

    Args:
        world_T_camera: `(4, 4)`, optical frame. world_T_head: `(4, 4)`, z along the undeflected beam.

    Raises:
        ValueError: `half_m` not positive.
    """
    if not half_m > 0:
        raise ValueError(f"half_m must be positive [m], got {half_m!r}")
    corners = np.array(
        [[x, y, z, 1.0] for x in (-half_m, half_m) for y in (-half_m, half_m) for z in WORKING_M]
    )
    seen = np.linalg.inv(world_T_camera) @ world_T_head @ corners.T
    pixels, depth = intrinsics.project(seen[:3].T)
    whole = Window(0, 0, intrinsics.width, intrinsics.height)
    if (depth <= 0).any():
        return whole
    low = np.floor(pixels.min(axis=0)).astype(int)
    high = np.ceil(pixels.max(axis=0)).astype(int) + 1
    low = np.clip(low, 0, [intrinsics.width, intrinsics.height])
    high = np.clip(high, 0, [intrinsics.width, intrinsics.height])
    size = high - low
    if (size < SMALLEST_PX).any():
        return whole
    return Window(int(low[0]), int(low[1]), int(size[0]), int(size[1]))
