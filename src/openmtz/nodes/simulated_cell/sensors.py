"""Clock, joint states and transforms of the simulated cell, and what may be wrong with them.

Part of node `simulation`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import rclpy.node
from geometry_msgs.msg import TransformStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage

from openmtz.geometry import invert_pose
from openmtz.nodes import convert, topics
from openmtz.robot import CAMERA_FRAME, FLANGE_FRAME, JOINT_NAMES, SCAN_HEAD_FRAME
from openmtz.simulation.arm import World

TRANSFORM_EVERY_S = 0.02
LARGEST_ERROR_RAD = math.pi
LARGEST_JUMP_S = 3600.0


class CellSensors:
    """Publishes `/clock`, `joint_states`, `/tf` and `/tf_static`; `stamp` makes every stamp."""

    def __init__(self, node: rclpy.node.Node, joint_rate_hz: float) -> None:
        self._clock_publisher = topics.CLOCK.publisher(node)
        self._joint_publisher = topics.JOINT_STATES.publisher(node)
        self._tf_publisher = topics.TF.publisher(node)
        self._static_publisher = topics.TF_STATIC.publisher(node)
        self._period_s = 1.0 / joint_rate_hz
        self.offset_s = 0.0
        """Simulation time less the world's own [s]; a reset of the state alone leaves one."""
        self._jump_s = 0.0
        self._clock_stopped = self._lost = self._frozen = False
        self._error_rad = np.zeros(len(JOINT_NAMES))
        self._last: JointState | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget due times: the world was reset."""
        self._joints_due = self._transforms_due = 0.0

    def stamp(self, time_s: float) -> Any:
        """Return the stamp of an instant of the world's time [s]; never before 0."""
        return convert.stamp_of(max(0.0, time_s + self.offset_s + self._jump_s))

    def time_of(self, stamp: Any) -> float:
        """Return the world's time [s] that a stamp of this clock names: the other way round."""
        return float(stamp.sec + stamp.nanosec * 1e-9 - self.offset_s - self._jump_s)

    def report(self, world: World) -> None:
        """Publish what is due at the world's time."""
        now = world.time_s
        if now >= self._joints_due:
            self._joints_due = max(self._joints_due + self._period_s, now)
            if not self._clock_stopped:
                self._clock_publisher.publish(Clock(clock=self.stamp(now)))
            if not self._lost:
                self._joint_publisher.publish(self._joint_message(world))
        if now >= self._transforms_due:
            self._transforms_due = now + TRANSFORM_EVERY_S
            pose = world.pose(FLANGE_FRAME)
            transform = self._transform("base_link", FLANGE_FRAME, pose, now)
            self._tf_publisher.publish(TFMessage(transforms=[transform]))

    def _joint_message(self, world: World) -> JointState:
        joints = world.joint_state()
        if self._frozen and self._last is not None:
            message = self._last
        else:
            message = JointState(
                name=list(JOINT_NAMES),
                position=(joints.position + self._error_rad).tolist(),
                velocity=joints.velocity.tolist(),
                effort=joints.effort.tolist(),
            )
            message.header.frame_id = "base_link"
        message.header.stamp = self.stamp(world.time_s)
        self._last = message
        return message

    def publish_fixed(self, world: World) -> None:
        """Publish the frames that do not move."""
        flange = invert_pose(world.pose(FLANGE_FRAME))
        fixed = [self._transform("world", "base_link", np.eye(4), 0.0)]
        for frame in (SCAN_HEAD_FRAME, CAMERA_FRAME):
            fixed.append(self._transform(FLANGE_FRAME, frame, flange @ world.pose(frame), 0.0))
        self._static_publisher.publish(TFMessage(transforms=fixed))

    def _transform(self, parent: str, child: str, pose: Any, now: float) -> TransformStamped:
        message = TransformStamped(child_frame_id=child, transform=convert.transform_message(pose))
        message.header.frame_id = parent
        message.header.stamp = self.stamp(now)
        return message

    # ---- faults ---------------------------------------------------------------------------------

    def fault_clock_stopped(self, active: bool, _parameters: Mapping[str, Any]) -> None:
        """Stop `/clock` alone, or let it go on."""
        self._clock_stopped = active

    def fault_clock_jump(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Shift every stamp by `s`, back when switched off.

        Raises:
            ValueError: no number within an hour.
        """
        self._jump_s = _number(parameters, "s", 1.0, LARGEST_JUMP_S) if active else 0.0

    def fault_joints_lost(self, active: bool, _parameters: Mapping[str, Any]) -> None:
        """Publish no joint states."""
        self._lost = active

    def fault_joints_frozen(self, active: bool, _parameters: Mapping[str, Any]) -> None:
        """Repeat the last joint state under new stamps, whatever the arm does."""
        self._frozen = active

    def fault_encoder_offset(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Let the encoder of joint 1 read `rad` too much.

        Raises:
            ValueError: no angle.
        """
        self._error_rad[0] = _number(parameters, "rad", 0.005, LARGEST_ERROR_RAD) if active else 0.0


def _number(parameters: Mapping[str, Any], name: str, default: float, largest: float) -> float:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= largest:
        raise ValueError(f"{name} must be a number within +-{largest:g}, got {value!r}")
    return float(value)
