"""Node `scan_head`: fires the spots of a station (action `fire_station`) through the serial line.

What it does stands in `openmtz.stack.Firing`: here messages become its calls and what it tells becomes
messages.
"""

from __future__ import annotations

import time
from typing import Any

from openmtz_interfaces.action import FireStation
from openmtz_interfaces.msg import Permit, SafetyState, TreatmentPlan as PlanMessage
from openmtz_interfaces.srv import ResetFault
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from openmtz.devices import FiredGap, LinkLost, ScanHeadError
from openmtz.nodes import calibration, convert, convert_head, convert_safety, topics
from openmtz.nodes.errors import NodeError
from openmtz.nodes.goals import Goal, GoalSlot
from openmtz.nodes.guard import Guard
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parse_parameters
from openmtz.nodes.scan_head_line import ScanHeadConfig, connect
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.plan import PlanError
from openmtz.robot import JOINT_NAMES, SCAN_HEAD_FRAME, ArmKinematics
from openmtz.stack import (
    FireOrder,
    Firing,
    FiringEnded,
    FiringProgress,
    HeadHeard,
    ShotReport,
    SpotsLoaded,
)


class ScanHeadNode(ListeningNode):
    """Alone in its process; serial I/O has its own thread inside `ScanHeadLink`."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("scan_head", overrides)
        config = parse_parameters(self, ScanHeadConfig)
        field = calibration.load_calibration(config.calibration_file, "scan_head")
        self._status_publisher = topics.HEAD_STATUS.publisher(self)
        self._loaded_publisher = topics.SPOTS_LOADED.publisher(self)
        self._fired_publisher = topics.SPOTS_FIRED.publisher(self)
        self._line = connect(self, config)
        kinematics = ArmKinematics()
        self.firing = Firing(
            self._line,
            lambda joints: kinematics.forward(joints, SCAN_HEAD_FRAME),
            field,
            config.firing(),
        )
        self.ear.subscribe(topics.PERMIT, self._on_permit)
        self.ear.subscribe(topics.PLAN, self._on_plan)
        self.ear.subscribe(topics.SAFETY_STATE, self._on_safety)
        self.ear.subscribe(topics.JOINT_STATES, self._on_joints)
        self._guard = Guard(self)
        self.create_service(ResetFault, "scan_head/reset_fault", self._on_reset)
        self._slot: GoalSlot[Any] = GoalSlot(self, FireStation, "fire_station", self._start, self._cancel)
        self._progress = ProgressCounter(self, 0.1)
        work_timer(self, 0.005, self._work)

    # ---- inputs ---------------------------------------------------------------------------------

    def _on_permit(self, message: Permit) -> None:
        try:
            if self.ear.shared:
                raise ValueError(f"more than one node publishes on {self.ear.shared}")
            self.firing.hear_permit(bytes(message.frame))
        except (ValueError, ScanHeadError) as error:
            self.get_logger().error(f"a permit was not relayed: {error}", throttle_duration_sec=1.0)

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self.firing.hear_plan(convert.plan_of(message))
        except PlanError as error:
            self.firing.hear_plan(None)
            self.get_logger().error(f"a plan was refused: {error}")

    def _on_safety(self, message: SafetyState) -> None:
        self.firing.hear_safety(*convert_safety.told_by(message))

    def _on_joints(self, message: JointState) -> None:
        joints = convert.joints_of(message, JOINT_NAMES)
        if joints is not None:
            self.firing.hear_joints(joints[0], time.monotonic())

    def _on_reset(self, request: ResetFault.Request, response: ResetFault.Response) -> ResetFault.Response:
        response.message = self._guard.refusal(request.secret, "scan_head/reset_fault")
        response.success = not response.message
        if response.success:
            self._line.reset_fault()
        return response

    def _start(self, goal: Goal[Any]) -> None:
        request = goal.request
        order = FireOrder(
            request.plan_sha256, int(request.station), int(request.pass_index), int(request.first)
        )
        self.firing.begin(order, time.monotonic())

    def _cancel(self, _goal: Goal[Any]) -> None:
        self.firing.interrupt("cancelled")

    # ---- the work loop --------------------------------------------------------------------------

    def _work(self) -> None:
        now = time.monotonic()
        self.ear.look(now)
        lost = ""
        for outcome in self.firing.work(now):
            match outcome:
                case HeadHeard():
                    self._publish(self._status_publisher, convert_head.status_message(outcome))
                case SpotsLoaded():
                    self._publish(self._loaded_publisher, convert_head.loaded_message(outcome))
                case ShotReport():
                    self._publish(self._fired_publisher, convert_head.fired_message(outcome))
                case FiringProgress() if self._slot.active is not None:
                    self._slot.active.handle.publish_feedback(FireStation.Feedback(**outcome._asdict()))
                case FiringEnded() if self._slot.active is not None:
                    self._slot.active.finish(FireStation.Result(**outcome._asdict()))
                case FiredGap():
                    self.get_logger().error(
                        f"spots {outcome.first} to {outcome.end} are in doubt: fired, but not reported"
                    )
                case LinkLost():
                    lost = outcome.reason
        if self.firing.worked:
            self._progress.work(now)
        if lost:
            raise NodeError(f"the line to the scan head is lost: {lost}")

    def _publish(self, publisher: Any, message: Any) -> None:
        message.header.stamp = self.get_clock().now().to_msg()
        publisher.publish(message)

    def make_safe(self) -> None:
        """The gate closes before anything else goes."""
        self._line.close()


def create(overrides: list[Parameter]) -> ScanHeadNode:
    """Return the node."""
    return ScanHeadNode(overrides)
