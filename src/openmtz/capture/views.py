"""Where to look from: camera poses around the skin to capture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import look_along, make_pose

Array = NDArray[np.float64]


def scan_views(
    center: ArrayLike,
    direction: ArrayLike,
    standoff_m: float = 0.30,
    tilt_rad: float = float(np.deg2rad(18.0)),
    count: int = 6,
) -> list[Array]:
    """Return `count` poses world_T_camera `(4, 4)` that look at `center` `(3,)` [m].

    The first looks straight down onto the skin, the others from a ring tilted by `tilt_rad`, in
    order of azimuth so that the arm travels little. All keep the image upright in one sense (x axis
    as near to world x as it can be), so that a wrist need not turn between views.

    Args:
        direction: `(3,)` out of the skin at the centre; the cameras stand on that side.
        standoff_m: from the centre to the optical centre of the camera [m].

    Raises:
        ValueError: count < 1, standoff not positive, tilt outside 0 to 60 degrees, no direction.
    """
    if count < 1:
        raise ValueError(f"a scan needs at least one view, got {count}")
    if not (np.isfinite(standoff_m) and standoff_m > 0):
        raise ValueError(f"standoff_m must be positive, got {standoff_m!r}")
    if not 0.0 <= tilt_rad <= np.deg2rad(60.0):
        raise ValueError(f"tilt_rad must be within 0 to 60 degrees in radians, got {tilt_rad!r}")
    middle = np.asarray(center, np.float64)
    out = np.asarray(direction, np.float64)
    frame = look_along(middle, out)[:3, :3]
    rays = [np.array([0.0, 0.0, 1.0])]
    for k in range(count - 1):
        azimuth = 2.0 * np.pi * k / (count - 1)
        side = np.sin(tilt_rad) * np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        rays.append(side + np.array([0.0, 0.0, np.cos(tilt_rad)]))
    poses = []
    for ray in rays:
        away = frame @ ray
        pose = look_along(middle + standoff_m * away, -away)
        poses.append(make_pose(pose[:3, :3], pose[:3, 3]))
    return poses
