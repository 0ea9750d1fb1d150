"""Where a body part is put: its region at the patient target, facing up, turned clear of the robot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import look_along

Array = NDArray[np.float64]
PATIENT_TARGET_M = (0.50, 0.0, 0.05)
"""Where the centre of the region scanned is placed, in `world` [m]; the skin there faces +z."""


def place_points(points_m: Array, center: Array, normal: Array) -> Array:
    """Return points `(N, 3)` [m] of a body part moved so that `center` is the target and `normal` +z.

    The part is turned about the normal to keep away from the robot's base at the origin of `world`.
    """
    target = np.asarray(PATIENT_TARGET_M, np.float64)
    local = (points_m - center) @ look_along(center, normal)[:3, :3]
    yaw = _clear_yaw(local, target)
    c, s = np.cos(yaw), np.sin(yaw)
    return local @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T + target


def _clear_yaw(local: Array, target: Array) -> float:
    """Return the turn about the approach [rad] that keeps the body furthest from the robot's base."""
    points = local[:: max(1, len(local) // 2000)]
    best, best_cost = 0.0, np.inf
    for k in range(24):
        yaw = 2.0 * np.pi * k / 24
        x = points[:, 0] * np.cos(yaw) - points[:, 1] * np.sin(yaw) + target[0]
        y = points[:, 0] * np.sin(yaw) + points[:, 1] * np.cos(yaw) + target[1]
        close = np.maximum(0.0, 0.35 - np.hypot(x, y))
        raised = np.maximum(0.0, points[:, 2] - 0.01) * np.maximum(0.0, target[0] + 0.05 - x)
        cost = float(np.sum(close**2) + 2.0 * np.sum(raised)) / len(points)
        if cost < best_cost - 1e-12:
            best, best_cost = yaw, cost
    return best
