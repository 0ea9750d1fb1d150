"""The arm: kinematics, jerk-limited motion, collision. Lean: no simulator, no point clouds, no ROS."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from openmtz.robot.description import (
    CAMERA_FRAME,
    FLANGE_FRAME,
    HOME,
    JOINT_NAMES,
    SCAN_HEAD_FRAME,
    WORLD_FRAME,
    UrdfMissing,
    find_urdf,
)

_HOME_OF = {
    "ArmKinematics": "kinematics",
    "IkResult": "kinematics",
    "JointLimits": "joint_limits",
    "Trajectory": "trajectory",
    "MotionError": "trajectory",
    "plan_motion": "trajectory",
    "stop_motion": "trajectory",
    "CellCollision": "collision",
    "Collision": "clearance",
    "StationCheck": "station_check",
    "ReachReport": "station_check",
    "Branch": "kinematics",
    "Clearance": "clearance",
    "CellBox": "cell",
    "UrdfInvalid": "urdf_check",
    "validate_urdf": "urdf_check",
    "what_helps": "advice",
    "plan_move": "reach",
    "MoveResult": "reach",
    "Mover": "mover",
    "MoverConfig": "mover",
    "MoveOutcome": "mover",
}

__all__ = [
    "CAMERA_FRAME",
    "FLANGE_FRAME",
    "HOME",
    "JOINT_NAMES",
    "SCAN_HEAD_FRAME",
    "WORLD_FRAME",
    "ArmKinematics",
    "Branch",
    "CellBox",
    "CellCollision",
    "Clearance",
    "Collision",
    "IkResult",
    "JointLimits",
    "MotionError",
    "MoveOutcome",
    "MoveResult",
    "Mover",
    "MoverConfig",
    "ReachReport",
    "StationCheck",
    "Trajectory",
    "UrdfInvalid",
    "UrdfMissing",
    "find_urdf",
    "plan_motion",
    "plan_move",
    "stop_motion",
    "validate_urdf",
    "what_helps",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"openmtz.robot.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
