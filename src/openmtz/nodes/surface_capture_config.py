"""The parameters of node `surface_capture`."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.nodes.parameters import parameter
from openmtz.robot import CAMERA_FRAME
from openmtz.stack import CapturingConfig


@dataclass(frozen=True)
class CaptureConfig:
    """Parameters of `surface_capture`."""

    voxel_m: float = parameter(0.001, "edge of a fusion voxel [m]", 0.0003, 0.01)
    radius_m: float = parameter(0.045, "half edge of the box kept around the centre [m]", 0.005, 0.3)
    frames_per_rest: int = parameter(5, "frames fused per rest of the arm; more are surplus", 1, 100)
    settle_s: float = parameter(0.05, "the arm must have rested so long before a frame [s]", 0.0, 2.0)
    rest_tolerance_rad: float = parameter(0.0, "joint change that still counts as rest [rad]", 0.0, 0.01)
    camera_frame: str = parameter(CAMERA_FRAME, "link that holds the camera")
    ready_timeout_s: float = parameter(20.0, "longest wait for camera_info and worker [s]", 1.0, 120.0)
    idle_timeout_s: float = parameter(120.0, "no frame fused for so long ends a capture [s]", 1.0, 3600.0)

    def capturing(self) -> CapturingConfig:
        """Return the loop's settings."""
        values = {name: value for name, value in vars(self).items() if name != "camera_frame"}
        return CapturingConfig(**values)
