"""Clock, joint states and transforms of the simulated cell. Part of node `simulation`."""

from __future__ import annotations

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
from openmtz.simulation.arm import JointState as MeasuredJoints
from openmtz.simulation.cell import PlayedCell

TRANSFORM_EVERY_S = 0.02


class CellSensors:
    """Publishes `/clock`, `joint_states`, `/tf` and `/tf_static` as they are due in the cell's time."""

    def __init__(self, node: rclpy.node.Node, cell: PlayedCell, joint_rate_hz: float) -> None:
        self._cell = cell
        self._clock_publisher = topics.CLOCK.publisher(node)
        self._joint_publisher = topics.JOINT_STATES.publisher(node)
        self._tf_publisher = topics.TF.publisher(node)
        self._static_publisher = topics.TF_STATIC.publisher(node)
        self._period_s = 1.0 / joint_rate_hz
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget due times: the world was reset."""
        self._joints_due = self._transforms_due = 0.0

    def _stamp(self, time_s: float) -> Any:
        return convert.stamp_of(self._cell.clock.stamp_s(time_s))

    def report(self) -> None:
        """Publish what is due at the world's time."""
        world, clock = self._cell.world, self._cell.clock
        now = world.time_s
        if now >= self._joints_due:
            self._joints_due = max(self._joints_due + self._period_s, now)
            if not clock.stopped:
                self._clock_publisher.publish(Clock(clock=self._stamp(now)))
            told = self._cell.joints.tell(world.joint_state())
            if told is not None:
                self._joint_publisher.publish(self._joint_message(told))
        if now >= self._transforms_due:
            self._transforms_due = now + TRANSFORM_EVERY_S
            pose = world.pose(FLANGE_FRAME)
            transform = self._transform("base_link", FLANGE_FRAME, pose, now)
            self._tf_publisher.publish(TFMessage(transforms=[transform]))

    def _joint_message(self, told: MeasuredJoints) -> JointState:
        message = JointState(
            name=list(JOINT_NAMES),
            position=told.position.tolist(),
            velocity=told.velocity.tolist(),
            effort=told.effort.tolist(),
        )
        message.header.frame_id = "base_link"
        message.header.stamp = self._stamp(told.time_s)
        return message

    def publish_fixed(self) -> None:
        """Publish the frames that do not move."""
        world = self._cell.world
        flange = invert_pose(world.pose(FLANGE_FRAME))
        fixed = [self._transform("world", "base_link", np.eye(4), 0.0)]
        for frame in (SCAN_HEAD_FRAME, CAMERA_FRAME):
            fixed.append(self._transform(FLANGE_FRAME, frame, flange @ world.pose(frame), 0.0))
        self._static_publisher.publish(TFMessage(transforms=fixed))

    def _transform(self, parent: str, child: str, pose: Any, now: float) -> TransformStamped:
        message = TransformStamped(child_frame_id=child, transform=convert.transform_message(pose))
        message.header.frame_id = parent
        message.header.stamp = self._stamp(now)
        return message
