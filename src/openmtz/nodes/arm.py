"""Node `arm`: brings scan head or camera to a pose (action `move_to_station`), only with the motion token.

The logic is `openmtz.robot.Mover`; the trajectory goes to the topic of ros2_control's
joint_trajectory_controller.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from openmtz_interfaces.action import MoveToStation
from openmtz_interfaces.msg import SafetyState, SkinSurface as SurfaceMessage
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from openmtz.nodes import convert, topics
from openmtz.nodes.background import Background
from openmtz.nodes.goals import Goal, GoalSlot
from openmtz.nodes.guard import Guard
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parameter, parse_parameters
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.robot import JOINT_NAMES, MoveOutcome, Mover, MoverConfig, Trajectory


@dataclass(frozen=True)
class ArmConfig:
    """Parameters of `arm`."""

    goal_tolerance_rad: float = parameter(0.0005, "joint error that counts as arrived [rad]", 0.0, 0.05)
    rest_s: float = parameter(0.06, "the joints must have rested so long [s]", 0.0, 2.0)
    settle_timeout_s: float = parameter(3.0, "longest time beyond the planned motion [s]", 0.1, 60.0)
    token_wait_s: float = parameter(0.5, "longest wait for the motion token to be seen [s]", 0.0, 5.0)
    joint_age_s: float = parameter(0.5, "joint states older than this stop the motion [s]", 0.02, 5.0)
    safety_age_s: float = parameter(1.0, "a safety state older than this stops the motion [s]", 0.2, 10.0)


class Arm(ListeningNode):
    """One motion at a time; it ends at rest, in tolerance, or with a stop and the reason."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("arm", overrides)
        config = parse_parameters(self, ArmConfig)
        self._mover = Mover(
            self._publish,
            MoverConfig(**{f.name: getattr(config, f.name) for f in fields(MoverConfig)}),
            submit=Background("search of a way").submit,
        )
        self._goal: Goal[Any] | None = None
        self._publisher = topics.TRAJECTORY.publisher(self)
        self.ear.subscribe(topics.JOINT_STATES, self._on_joints)
        self.ear.subscribe(topics.SAFETY_STATE, self._on_safety)
        self.ear.subscribe(topics.SURFACE, self._on_surface)
        self._slot: GoalSlot[Any] = GoalSlot(
            self, MoveToStation, "move_to_station", self._start, self._cancel, Guard(self)
        )
        self._progress = ProgressCounter(self, 1.0)
        work_timer(self, 0.02, self._work)

    def _on_joints(self, message: JointState) -> None:
        joints = convert.joints_of(message, JOINT_NAMES)
        if joints is not None and np.isfinite(joints[0]).all():
            self._mover.take_joints(*joints, time.monotonic())

    def _on_safety(self, message: SafetyState) -> None:
        self._mover.take_token(message.token == SafetyState.TOKEN_MOTION, time.monotonic())
        self._report()

    def _on_surface(self, message: SurfaceMessage) -> None:
        try:
            self._mover.set_patient(convert.surface_of(message).mesh)
        except ValueError as error:
            self.get_logger().error(f"a surface was refused: {error}")

    def _start(self, goal: Goal[Any]) -> None:
        request = goal.request
        refusal = ""
        if request.target.header.frame_id not in ("world", "base_link"):
            refusal = f"targets are given in world, not {request.target.header.frame_id!r}"
        elif not request.speed_fraction >= 0.0:
            refusal = f"speed_fraction must be a number from 0 to 1, got {request.speed_fraction}"
        else:
            try:
                target = convert.pose_of(request.target.pose)
            except ValueError as error:
                refusal = str(error)
        if refusal:
            goal.finish(MoveToStation.Result(success=False, reason=refusal))
            return
        self._goal = goal
        tool = request.tool or "scan_head"
        self._mover.begin(target, tool, float(request.speed_fraction), time.monotonic())
        self._report()

    def _publish(self, trajectory: Trajectory) -> None:
        message = JointTrajectory(joint_names=list(JOINT_NAMES))
        for k in range(len(trajectory.times)):
            total_ns = round(float(trajectory.times[k]) * 1e9)
            message.points.append(
                JointTrajectoryPoint(
                    positions=trajectory.positions[k].tolist(),
                    velocities=trajectory.velocities[k].tolist(),
                    accelerations=trajectory.accelerations[k].tolist(),
                    time_from_start=Duration(sec=total_ns // 1_000_000_000, nanosec=total_ns % 1_000_000_000),
                )
            )
        self._publisher.publish(message)

    def _cancel(self, _goal: Goal[Any]) -> None:
        self._mover.cancel(time.monotonic())
        self._report()

    def _work(self) -> None:
        now = time.monotonic()
        self.ear.look(now)
        self._progress.work(now)
        self._report()
        if self._goal is not None:
            self._goal.handle.publish_feedback(MoveToStation.Feedback(fraction=self._mover.fraction(now)))

    def _report(self) -> None:
        outcome: MoveOutcome | None = self._mover.work(time.monotonic())
        goal = self._goal
        if outcome is None or goal is None:
            return
        self._goal = None
        goal.finish(
            MoveToStation.Result(
                success=outcome.success,
                reason=outcome.reason,
                late=outcome.late,
                position_error_m=outcome.position_error_m,
                orientation_error_rad=outcome.orientation_error_rad,
            )
        )

    def make_safe(self) -> None:
        """Stop a motion that is under way before the node goes."""
        self._mover.cancel(time.monotonic(), "the arm node is shutting down")
        self._report()


def create(overrides: list[Parameter]) -> Arm:
    """Return the node."""
    return Arm(overrides)
