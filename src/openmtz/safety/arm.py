"""Is the arm at rest, is its measured pose believable, and is it at the station?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import pose_distance
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import ArmState


class ArmWatch:
    """Rest is judged from the joints themselves: within a band around where they were, for a while."""

    def __init__(self, config: SafetyConfig) -> None:
        self._config = config
        self._last: ArmState | None = None
        self._reference: NDArray[np.float64] | None = None
        self._rest_since = math.inf
        self._valid = False
        self._station: NDArray[np.float64] | None = None
        self._off: tuple[float, float] = (math.inf, math.inf)

    @property
    def valid(self) -> bool:
        """The last pose is finite and rigid."""
        return self._valid

    @property
    def at_rest(self) -> bool:
        """Measured joints stayed within the band for long enough."""
        return (
            self._last is not None
            and self._valid
            and self._last.received_at - self._rest_since >= self._config.arm_rest_s
        )

    def distance_to(self, station_pose: NDArray[np.float64]) -> tuple[float, float]:
        """Return distance [m] and angle [rad] of the measured pose to a station's `(4, 4)`."""
        if self._last is None or not self._valid:
            return math.inf, math.inf
        if self._station is not station_pose:
            self._station = station_pose
            self._off = pose_distance(station_pose, self._last.scan_head_pose)
        return self._off

    def update(self, arm: ArmState | None) -> None:
        """Take the latest state; the same object again is no news."""
        if arm is None or arm is self._last:
            return
        before, self._last = self._last, arm
        if before is not None and _same_and_sealed(before, arm):
            return  # what was judged of these very arrays still holds
        self._station = None
        self._valid = _is_pose(arm.scan_head_pose) and bool(np.isfinite(arm.joints_rad).all())
        if not self._valid:
            self._reference, self._rest_since = None, math.inf
            return
        joints = np.asarray(arm.joints_rad, np.float64)
        moved = (
            self._reference is None
            or self._reference.shape != joints.shape
            or float(np.abs(joints - self._reference).max()) > self._config.arm_rest_rad
        )
        if moved:
            self._reference, self._rest_since = joints.copy(), arm.received_at

    def conditions(self, station_pose: NDArray[np.float64] | None) -> dict[str, str]:
        """Return what speaks against firing from `station_pose`; nothing while no station is named."""
        if station_pose is None or self._last is None:
            return {}
        if not self._valid:
            return {"arm-pose-invalid": "joints or pose are not finite, or the pose is not rigid"}
        active: dict[str, str] = {}
        if not self.at_rest:
            active["arm-moving"] = "joints changed a moment ago"
        metres, radians = self.distance_to(station_pose)
        cfg = self._config
        if not (metres <= cfg.station_position_m and radians <= cfg.station_angle_rad):
            active["arm-off-station"] = (
                f"off by {metres * 1e3:.2f} mm and {math.degrees(radians):.2f} deg; allowed"
                f" {cfg.station_position_m * 1e3:.2f} mm and {math.degrees(cfg.station_angle_rad):.2f} deg"
            )
        return active


def _same_and_sealed(before: ArmState, arm: ArmState) -> bool:
    """Whether both hold the same arrays, which nobody can have changed in between."""
    return (
        arm.scan_head_pose is before.scan_head_pose
        and arm.joints_rad is before.joints_rad
        and not arm.scan_head_pose.flags.writeable
        and not arm.joints_rad.flags.writeable
    )


def _is_pose(pose: NDArray[np.float64]) -> bool:
    p = np.asarray(pose, np.float64)
    if p.shape != (4, 4) or not np.isfinite(p).all() or not np.array_equal(p[3], (0.0, 0.0, 0.0, 1.0)):
        return False
    rotation = p[:3, :3]
    return float(np.abs(rotation @ rotation.T - np.eye(3)).max()) < 1e-6 and np.linalg.det(rotation) > 0
