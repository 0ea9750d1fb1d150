"""Node `scan_head`: fires the spots of a station (action `fire_station`) through the serial line.

It aims from the measured pose, loads records, reports them to the safety monitor (`spots_loaded`) and
relays permits unopened. What may fire is decided by the monitor and by the device itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from numpy.typing import NDArray
from openmtz_interfaces.action import FireStation
from openmtz_interfaces.msg import Permit, SafetyState, TreatmentPlan as PlanMessage
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from openmtz.devices import (
    DeviceNotAnswering,
    Fired,
    FiredGap,
    FiringRefused,
    GroupFiring,
    LinkLost,
    PermitFrame,
    ScanHeadError,
    ScanHeadLink,
    SerialPortMissing,
    Status,
    aim_records,
    decode_frame,
    first_to_fire,
    group_of,
)
from openmtz.nodes import calibration, convert, convert_head, topics
from openmtz.nodes.support import (
    Goal,
    GoalSlot,
    NodeError,
    ProgressCounter,
    SharedTopics,
    parameter,
    parse_parameters,
    work_timer,
)
from openmtz.plan import PlanError, TreatmentPlan
from openmtz.robot import JOINT_NAMES, ArmKinematics

REPORT_PERIOD_S = 0.025


@dataclass(frozen=True)
class ScanHeadConfig:
    """Parameters of `scan_head`."""

    port: str = parameter("", "serial port of the scan head")
    baud: int = parameter(921_600, "baud rate", 9600, 4_000_000)
    connect_timeout_s: float = parameter(6.0, "longest wait for the port and the device [s]", 0.5, 120.0)
    stall_timeout_s: float = parameter(30.0, "no shot for so long ends a firing goal [s]", 1.0, 600.0)
    calibration_file: str = parameter(
        "", "field calibration of the scan head, JSON file; empty: the nominal map"
    )
    joint_age_s: float = parameter(
        0.2, "joint states older than this are of no use for aiming [s]", 0.02, 5.0
    )


class ScanHeadNode(rclpy.node.Node):
    """Alone in its process; serial I/O has its own thread inside `ScanHeadLink`."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("scan_head", parameter_overrides=overrides)
        self._config = parse_parameters(self, ScanHeadConfig)
        self._calibration = calibration.load_calibration(self._config.calibration_file, "scan_head")
        self._kinematics = ArmKinematics()
        self._joints: NDArray[np.float64] | None = None
        self._joints_at = -1e9
        self._plan: TreatmentPlan | None = None
        self._approved = ""
        self._firing: GroupFiring | None = None
        self._goal: Goal[Any] | None = None
        self._work_count = -1
        self._reports: list[Fired] = []
        self._reports_due = 0.0
        self._lost = ""
        self._status_publisher = topics.HEAD_STATUS.publisher(self)
        self._loaded_publisher = topics.SPOTS_LOADED.publisher(self)
        self._fired_publisher = topics.SPOTS_FIRED.publisher(self)
        self._topics = SharedTopics(self, [topics.PERMIT.name, topics.SAFETY_STATE.name])
        self._link = self._connect()
        topics.PERMIT.subscription(self, self._on_permit)
        topics.PLAN.subscription(self, self._on_plan)
        topics.SAFETY_STATE.subscription(self, self._on_safety)
        topics.JOINT_STATES.subscription(self, self._on_joints)
        self.create_service(Trigger, "scan_head/reset_fault", self._on_reset)
        self._slot: GoalSlot[Any] = GoalSlot(self, FireStation, "fire_station", self._start, self._cancel)
        self._progress = ProgressCounter(self, 0.1)
        work_timer(self, 0.005, self._work)

    def _connect(self) -> ScanHeadLink:
        """Open the line; a simulated head may take a moment to be there."""
        if not self._config.port:
            raise NodeError("scan_head: no serial port given (parameter port), e.g. /dev/ttyUSB0")
        link = ScanHeadLink(self._config.port, baud=self._config.baud)
        deadline = time.monotonic() + self._config.connect_timeout_s
        while True:
            try:
                hello = link.connect()
                self.get_logger().info(f"connected to {hello.device_id} on {self._config.port}")
                return link
            except ScanHeadError as error:
                if time.monotonic() > deadline or not isinstance(
                    error, (SerialPortMissing, DeviceNotAnswering)
                ):
                    raise NodeError(str(error)) from error
                time.sleep(0.1)

    # ---- inputs ---------------------------------------------------------------------------------

    def _on_permit(self, message: Permit) -> None:
        """Relayed as it is, after a look that it is one permit: nothing else travels by this way."""
        frame = bytes(message.frame)
        try:
            if self._topics.shared:
                raise ValueError(f"more than one node publishes on {self._topics.shared}")
            content = decode_frame(frame[:-1])
            if not isinstance(content, PermitFrame):
                raise ValueError(f"the frame holds no permit but {content}"[:120])
            self._link.relay_permit(frame)
        except (ValueError, ScanHeadError) as error:
            self.get_logger().error(f"a permit was not relayed: {error}", throttle_duration_sec=1.0)

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self._plan = convert.plan_of(message)
        except PlanError as error:
            self._plan = None
            self.get_logger().error(f"a plan was refused: {error}")

    def _on_safety(self, message: SafetyState) -> None:
        self._approved = message.approved_plan_sha256
        firing = self._firing
        if firing is None:
            return
        if message.state in (SafetyState.FAULT, SafetyState.OFF):
            self._interrupt(f"safety monitor: {message.state_name} ({message.detail or message.cause})")
        elif message.approved_plan_sha256 != firing.plan.sha256:
            self._interrupt("the approval of the plan is no longer in force")

    def _on_joints(self, message: JointState) -> None:
        joints = convert.joints_of(message, JOINT_NAMES)
        if joints is not None and np.isfinite(joints[0]).all():
            self._joints, self._joints_at = joints[0], time.monotonic()

    def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._link.reset_fault()
        response.success = True
        return response

    # ---- firing ---------------------------------------------------------------------------------

    def _start(self, goal: Goal[Any]) -> None:
        first = int(goal.request.first)
        try:
            firing = self._prepare(goal.request)
        except (ValueError, ScanHeadError) as error:
            goal.finish(FireStation.Result(success=False, reason=str(error), next_spot=first))
            return
        if isinstance(firing, int):
            goal.finish(FireStation.Result(success=True, next_spot=firing))
        else:
            self._firing, self._goal = firing, goal

    def _prepare(self, request: Any) -> GroupFiring | int:
        """Return the firing begun, or the end of the group if all of it is fired already."""
        plan = self._plan
        if plan is None or plan.sha256 != request.plan_sha256:
            raise FiringRefused(f"plan {request.plan_sha256[:12]} is not the one this node has")
        if self._approved != plan.sha256:
            raise FiringRefused(f"plan {plan.sha256[:12]} is not approved (service safety/approve_plan)")
        group = group_of(plan, request.station, request.pass_index)
        first = first_to_fire(plan, group, int(request.first), self._link.status)
        if first >= group.end:
            return group.end
        if self._joints is None or time.monotonic() - self._joints_at > self._config.joint_age_s:
            raise FiringRefused(f"no fresh joint states on {topics.JOINT_STATES.name}: cannot aim")
        pose = self._kinematics.forward(self._joints, "scan_head")
        records = aim_records(plan, first, group.end, pose, self._calibration)
        self._link.select(plan.sha256, group.station, group.pass_index, first, group.end, timeout_s=0)
        return GroupFiring(plan, group, first, records, time.monotonic())

    def _on_selected(self, firing: GroupFiring) -> None:
        """The device took the selection: load it, and show the safety monitor what was loaded."""
        self._link.load(firing.first, firing.records)
        for chunk in firing.chunks():
            message = convert_head.loaded_message(firing, chunk)
            message.header.stamp = self.get_clock().now().to_msg()
            self._loaded_publisher.publish(message)

    def _cancel(self, _goal: Goal[Any]) -> None:
        self._interrupt("cancelled")

    def _interrupt(self, reason: str) -> None:
        if self._firing is None:
            return
        self._link.close_gate()
        self._finish(False, reason)

    def _finish(self, success: bool, reason: str) -> None:
        firing, self._firing = self._firing, None
        goal, self._goal = self._goal, None
        if firing is not None and goal is not None:
            next_spot = firing.end if success else firing.next_spot
            goal.finish(FireStation.Result(success=success, reason=reason, next_spot=next_spot))

    # ---- the work loop --------------------------------------------------------------------------

    def _work(self) -> None:
        now = time.monotonic()
        self._topics.look(now)
        latest: Status | None = None
        for event in self._link.events():
            if isinstance(event, Status):
                latest = event
            elif isinstance(event, Fired):
                self._reports.append(event)
            elif isinstance(event, FiredGap):
                self.get_logger().error(
                    f"spots {event.first} to {event.end} are in doubt: fired, but not reported"
                )
            elif isinstance(event, LinkLost):
                self._lost = event.reason
            if self._firing is not None:
                heard = self._firing.hear(event)
                if isinstance(heard, str):
                    self._interrupt(heard)
                elif heard:
                    self._on_selected(self._firing)
        self._publish_fired(now)
        if latest is not None or self._lost:
            self._publish_status(latest)
        self._follow(latest, now)
        if self._link.work_count != self._work_count:
            self._work_count = self._link.work_count
            self._progress.work(now)
        if self._lost:
            raise NodeError(f"the line to the scan head is lost: {self._lost}")

    def _follow(self, status: Status | None, now: float) -> None:
        firing, goal = self._firing, self._goal
        if firing is None or goal is None:
            return
        before = firing.next_spot
        over = firing.follow(status, now, self._config.stall_timeout_s)
        if over:
            self._interrupt(over)
            return
        if status is not None and firing.next_spot != before:
            goal.handle.publish_feedback(
                FireStation.Feedback(next_spot=firing.next_spot, gate_open=status.gate_open)
            )
        if firing.complete(status) and not self._reports:
            self._finish(True, "")

    def _publish_status(self, status: Status | None) -> None:
        status = status or self._link.status
        if status is None:
            return
        message = convert_head.status_message(status, self._link.connected and not self._lost)
        message.header.stamp = self.get_clock().now().to_msg()
        self._status_publisher.publish(message)

    def _publish_fired(self, now: float) -> None:
        """Reports of shots, a batch every 25 ms: the device tells them every 4 ms, too often for DDS."""
        reports = self._reports
        if not reports or now < self._reports_due:
            return
        self._reports_due = now + REPORT_PERIOD_S
        self._reports = []
        message = convert_head.fired_message(reports, self._link.status)
        message.header.stamp = self.get_clock().now().to_msg()
        self._fired_publisher.publish(message)

    def make_safe(self) -> None:
        """The gate closes before anything else goes."""
        self._link.close()


def create(overrides: list[Parameter]) -> ScanHeadNode:
    """Return the node."""
    return ScanHeadNode(overrides)
