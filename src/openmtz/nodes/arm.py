"""Node `arm`: brings scan head or camera to a pose (action `move_to_station`), only with the motion token.

Kinematics, motion and collision come from `openmtz.robot`; the trajectory goes to the topic of
ros2_control's joint_trajectory_controller.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from builtin_interfaces.msg import Duration
from numpy.typing import NDArray
from openmtz_interfaces.action import MoveToStation
from openmtz_interfaces.msg import SafetyState
from openmtz_interfaces.msg import SkinSurface as SurfaceMessage
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from openmtz.geometry import pose_distance
from openmtz.nodes import convert, topics
from openmtz.nodes.support import Goal, GoalSlot, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.robot import JOINT_NAMES, ArmKinematics, CellCollision, Trajectory, plan_move, stop_motion

FRESH_S = 0.03
HOLD_S = 0.5
FASTEST_RAD_S = 10.0
"""No joint is as fast; a velocity beyond it is not believed."""
TOOLS = ("scan_head", "camera_depth_optical_frame")


@dataclass(frozen=True)
class ArmConfig:
    """Parameters of `arm`."""

    goal_tolerance_rad: float = parameter(0.0005, "joint error that counts as arrived [rad]", 0.0, 0.05)
    rest_s: float = parameter(0.06, "the joints must have rested so long [s]", 0.0, 2.0)
    settle_timeout_s: float = parameter(3.0, "longest time beyond the planned motion [s]", 0.1, 60.0)
    token_wait_s: float = parameter(0.5, "longest wait for the motion token to be seen [s]", 0.0, 5.0)
    joint_age_s: float = parameter(0.5, "joint states older than this stop the motion [s]", 0.02, 5.0)
    safety_age_s: float = parameter(1.0, "a safety state older than this stops the motion [s]", 0.2, 10.0)


@dataclass
class _Motion:
    goal: Goal[Any]
    target: NDArray[np.float64]
    tool: str
    trajectory: Trajectory
    started: float


class Arm(rclpy.node.Node):
    """One motion at a time; it ends at rest, in tolerance, or with a stop and the reason."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("arm", parameter_overrides=overrides)
        self._config = parse_parameters(self, ArmConfig)
        self._kinematics = ArmKinematics()
        self._collision = CellCollision()
        self._joints: NDArray[np.float64] | None = None
        self._velocity = np.zeros(6)
        self._joints_at = -1e9
        self._still_since = -1e9
        self._token = SafetyState.TOKEN_NONE
        self._safety_at = -1e9
        self._motion: _Motion | None = None
        self._pending: tuple[Goal[Any], float] | None = None
        self._publisher = topics.TRAJECTORY.publisher(self)
        topics.JOINT_STATES.subscription(self, self._on_joints)
        topics.SAFETY_STATE.subscription(self, self._on_safety)
        topics.SURFACE.subscription(self, self._on_surface)
        self._slot: GoalSlot[Any] = GoalSlot(
            self, MoveToStation, "move_to_station", self._start, self._cancel
        )
        self._progress = ProgressCounter(self, 1.0)
        work_timer(self, 0.02, self._work)

    def _on_joints(self, message: JointState) -> None:
        position = dict(zip(message.name, message.position, strict=False))
        velocity = dict(zip(message.name, message.velocity, strict=False))
        if not all(name in position for name in JOINT_NAMES):
            return
        joints = np.array([position[name] for name in JOINT_NAMES])
        if not np.isfinite(joints).all():
            return
        now = time.monotonic()
        if self._joints is None or np.abs(joints - self._joints).max() > 1e-6:
            self._still_since = now
        measured = np.array([velocity.get(name, np.nan) for name in JOINT_NAMES])
        if not (np.abs(measured) < FASTEST_RAD_S).all():
            # Optional in JointState; a stop needs them all the same.
            since = now - self._joints_at
            known = self._joints is not None and 1e-3 < since < FRESH_S
            measured = (joints - self._joints) / since if known else np.zeros(6)
            measured = np.where(np.abs(measured) < FASTEST_RAD_S, measured, 0.0)
        self._joints, self._joints_at, self._velocity = joints, now, measured

    def _on_safety(self, message: SafetyState) -> None:
        self._token, self._safety_at = message.token, time.monotonic()
        if self._motion is not None and self._token != SafetyState.TOKEN_MOTION:
            self._end(False, "the motion token was taken away", stop=True)

    def _on_surface(self, message: SurfaceMessage) -> None:
        try:
            self._collision.set_patient(convert.surface_of(message).mesh)
        except ValueError as error:
            self.get_logger().error(f"a surface was refused: {error}")

    def _start(self, goal: Goal[Any]) -> None:
        """The state that grants the token may still be on its way: wait for it, but not for long."""
        self._pending = (goal, time.monotonic() + self._config.token_wait_s)
        self._begin_pending(time.monotonic())

    def _begin_pending(self, now: float) -> None:
        if self._pending is None:
            return
        goal, deadline = self._pending
        if self._token == SafetyState.TOKEN_MOTION or now > deadline:
            self._pending = None
            self._begin(goal)

    def _begin(self, goal: Goal[Any]) -> None:
        request = goal.request
        tool = request.tool or "scan_head"
        now = time.monotonic()
        refusal = ""
        if self._token != SafetyState.TOKEN_MOTION:
            refusal = "the arm does not hold the motion token (service safety/request_token)"
        elif now - self._safety_at > self._config.safety_age_s:
            refusal = f"no fresh safety state on {topics.SAFETY_STATE.name}: is the safety monitor running?"
        elif tool not in TOOLS:
            refusal = f"unknown tool {tool!r}; there are: {', '.join(TOOLS)}"
        elif self._joints is None or now - self._joints_at > self._config.joint_age_s:
            refusal = f"no fresh joint states on {topics.JOINT_STATES.name}"
        elif request.target.header.frame_id not in ("world", "base_link"):
            refusal = f"targets are given in world, not {request.target.header.frame_id!r}"
        elif not request.speed_fraction >= 0.0:
            refusal = f"speed_fraction must be a number from 0 to 1, got {request.speed_fraction}"
        if refusal:
            goal.finish(MoveToStation.Result(success=False, reason=refusal))
            return
        assert self._joints is not None
        speed = request.speed_fraction if 0.0 < request.speed_fraction <= 1.0 else 1.0
        try:
            target = convert.pose_of(request.target.pose)
            move = plan_move(self._kinematics, self._collision, self._joints, target, tool, speed)
        except ValueError as error:
            goal.finish(MoveToStation.Result(success=False, reason=str(error)))
            return
        if move.trajectory is None:
            goal.finish(MoveToStation.Result(success=False, reason=move.reason))
            return
        self._motion = _Motion(goal, target, tool, move.trajectory, time.monotonic())
        self._publish(move.trajectory)

    def _publish(self, trajectory: Trajectory, skip: int = 0) -> None:
        message = JointTrajectory(joint_names=list(JOINT_NAMES))
        for k in range(skip, len(trajectory.times)):
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

    def _cancel(self, goal: Goal[Any]) -> None:
        if self._pending is not None:  # or it would begin as soon as the token is seen
            self._pending = None
            goal.finish(MoveToStation.Result(success=False, reason="cancelled before it began"))
        if self._motion is not None:
            self._end(False, "cancelled", stop=True)

    def _work(self) -> None:
        now = time.monotonic()
        self._progress.work(now)
        self._begin_pending(now)
        motion = self._motion
        if motion is None or self._joints is None:
            return
        if now - self._joints_at > self._config.joint_age_s:
            self._end(False, f"no joint states for {self._config.joint_age_s:.1f} s", stop=True)
            return
        if now - self._safety_at > self._config.safety_age_s:
            self._end(False, f"no safety state for {self._config.safety_age_s:.1f} s", stop=True)
            return
        elapsed = now - motion.started
        duration = motion.trajectory.duration_s
        motion.goal.handle.publish_feedback(
            MoveToStation.Feedback(fraction=float(min(1.0, elapsed / max(duration, 1e-3))))
        )
        error = float(np.abs(self._joints - motion.trajectory.positions[-1]).max())
        resting = now - self._still_since >= self._config.rest_s
        if resting and error <= self._config.goal_tolerance_rad:
            self._end(True, "")
        elif elapsed > duration + self._config.settle_timeout_s:
            self._end(
                False, f"not at the goal after {elapsed:.1f} s, off by {np.rad2deg(error):.2f} deg", stop=True
            )

    def _end(self, success: bool, reason: str, stop: bool = False) -> None:
        motion, self._motion = self._motion, None
        if motion is None or self._joints is None:
            return
        if stop:
            self._stop()
        reached = self._kinematics.forward(self._joints, motion.tool)
        distance, angle = pose_distance(reached, motion.target)
        motion.goal.finish(
            MoveToStation.Result(
                success=success, reason=reason, position_error_m=distance, orientation_error_rad=angle
            )
        )

    def _stop(self) -> None:
        """Brake along a jerk-limited path; with joints too old for that, hold where they were seen.

        Both begin later than 0, so that the controller starts from what it measures itself. (An empty
        trajectory is no stop: the joint_trajectory_controller of Jazzy discards it.)
        """
        assert self._joints is not None
        if time.monotonic() - self._joints_at < FRESH_S:
            self._publish(stop_motion(self._joints, self._velocity), skip=1)
            return
        held = np.vstack([self._joints, self._joints])
        zero = np.zeros_like(held)
        self._publish(Trajectory(np.array([0.0, HOLD_S]), held, zero, zero), skip=1)

    def make_safe(self) -> None:
        """Stop a motion that is under way before the node goes."""
        if self._motion is not None:
            self._end(False, "the arm node is shutting down", stop=True)


def create(overrides: list[Parameter]) -> Arm:
    """Return the node."""
    return Arm(overrides)
