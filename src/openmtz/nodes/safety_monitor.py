"""Node `safety_monitor`: gathers inputs, steps the pure monitor, publishes state and permits.

Alone in its process, with real-time priority and without garbage collection where it may. Permits are
put on the wire here (counter, digest, CRC); the scan head relays the bytes unopened.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from diagnostic_msgs.msg import DiagnosticArray
from openmtz_interfaces.msg import (
    Interlocks as InterlocksMessage,
    Progress as ProgressMessage,
    ScanHeadStatus,
    SkinSurface as SurfaceMessage,
    SpotsFired,
    SpotsLoaded,
    TreatmentPlan as PlanMessage,
)
from openmtz_interfaces.srv import ApprovePlan, RequestReady, RequestToken
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from openmtz.nodes import calibration, convert, convert_safety, topics
from openmtz.nodes.run_line import RunLine
from openmtz.nodes.support import SharedTopics, parameter, parse_parameters, work_timer
from openmtz.plan import PlanError
from openmtz.robot import JOINT_NAMES, ArmKinematics
from openmtz.safety import (
    Approve,
    Inbox,
    Outputs,
    PermitGrant,
    ProgressSample,
    Reply,
    RequestToken as TokenRequest,
    Reset,
    SafetyConfig,
    SafetyMonitor,
    SetReady,
    Token,
)

DECIDING = (
    topics.INTERLOCKS, topics.HEAD_STATUS, topics.JOINT_STATES, topics.SPOTS_LOADED, topics.SPOTS_FIRED,
    topics.PERMIT, topics.SAFETY_STATE,
)  # fmt: skip
"""What the monitor believes, and what it says: each has one publisher."""


@dataclass(frozen=True)
class MonitorConfig:
    """Parameters of `safety_monitor`; limits that are not named here are those of `SafetyConfig`."""

    step_s: float = parameter(0.005, "period of the monitor's step [s]", 0.001, 0.015)
    ready_delay_s: float = parameter(2.0, "delay on entering ready [s]", 2.0, 60.0)
    ttl_s: float = parameter(0.060, "time to live of a permit [s]", 0.02, 0.1)
    grant_period_s: float = parameter(0.015, "period of permits [s]", 0.005, 0.05)
    recorder: str = parameter("recorder", "node that keeps the record; empty: fire without evidence")
    calibration_file: str = parameter(
        "", "field calibration of the scan head, JSON file; empty: the nominal map"
    )
    require_run_line: bool = parameter(False, "refuse to start without a supervisor's run line")


class SafetyMonitorNode(rclpy.node.Node):
    """Convert, step, convert."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("safety_monitor", parameter_overrides=overrides)
        config = parse_parameters(self, MonitorConfig)
        self._run_line = RunLine(config.require_run_line)
        field = calibration.load_calibration(config.calibration_file, "safety_monitor")
        self.boot_id = uuid.uuid4().hex
        self._monitor = SafetyMonitor(
            SafetyConfig(
                ready_delay_s=config.ready_delay_s,
                ttl_s=config.ttl_s,
                grant_period_s=config.grant_period_s,
                recorder=config.recorder,
                calibration=field,
                calibration_id=field.calibration_id if field else "nominal",
            ),
            self.boot_id,
            time.monotonic(),
        )
        self._watched = {*SafetyConfig().progress_required, config.recorder}
        self._topics = SharedTopics(self, [topic.name for topic in DECIDING])
        self._inbox = Inbox(ArmKinematics().forward)
        self._progress: dict[str, ProgressSample] = {}
        self._inbox.progress = self._progress
        self._last_state: tuple[Any, ...] | None = None
        self._state_due = self._diagnostics_due = 0.0
        self._state_publisher = topics.SAFETY_STATE.publisher(self)
        self._permit_publisher = topics.PERMIT.publisher(self)
        self._diagnostics_publisher = topics.DIAGNOSTICS.publisher(self)
        topics.INTERLOCKS.subscription(self, self._on_interlocks)
        topics.HEAD_STATUS.subscription(self, self._on_head)
        topics.JOINT_STATES.subscription(self, self._on_joints)
        topics.PROGRESS.subscription(self, self._on_progress)
        topics.PLAN.subscription(self, self._on_plan)
        topics.SURFACE.subscription(self, self._on_surface)
        topics.SPOTS_LOADED.subscription(self, self._on_loaded)
        topics.SPOTS_FIRED.subscription(self, self._on_fired)
        self.create_service(ApprovePlan, "safety/approve_plan", self._on_approve)
        self.create_service(RequestReady, "safety/request_ready", self._on_ready)
        self.create_service(RequestToken, "safety/request_token", self._on_token)
        self.create_service(Trigger, "safety/reset", self._on_reset)
        self._reset_device = self.create_client(Trigger, "scan_head/reset_fault")
        work_timer(self, config.step_s, self._step)

    # ---- inputs ---------------------------------------------------------------------------------

    def _on_interlocks(self, message: InterlocksMessage) -> None:
        self._inbox.interlocks = convert_safety.interlocks_of(message, time.monotonic())

    def _on_head(self, message: ScanHeadStatus) -> None:
        self._inbox.head = convert_safety.head_of(message, time.monotonic())

    def _on_joints(self, message: JointState) -> None:
        known = convert.joints_of(message, JOINT_NAMES)
        joints = np.full(len(JOINT_NAMES), np.nan) if known is None else known[0]
        self._inbox.hear_joints(joints, time.monotonic())

    def _on_progress(self, message: ProgressMessage) -> None:
        if message.node not in self._watched:
            return
        self._progress[message.node] = ProgressSample(
            message.counter, time.monotonic(), message.period_ms * 1e-3
        )

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self._inbox.plan = convert.plan_of(message)
        except PlanError as error:
            self._inbox.plan = None
            self._refused(f"a plan was refused: {error}")

    def _on_surface(self, message: SurfaceMessage) -> None:
        skin = None
        try:
            skin = convert.surface_of(message).mesh
        except ValueError as error:
            self._refused(f"a surface was refused: {error}")
        self._inbox.hear_surface(message.surface_id, skin)

    def _on_loaded(self, message: SpotsLoaded) -> None:
        try:
            self._inbox.loaded.append(convert_safety.loaded_of(message))
        except ValueError as error:
            self._refused(f"records of loaded spots were refused: {error}")

    def _on_fired(self, message: SpotsFired) -> None:
        try:
            self._inbox.fired.append(convert_safety.fired_of(message))
        except ValueError as error:
            self._refused(f"a report of shots was refused: {error}")

    def _refused(self, text: str) -> None:
        self.get_logger().error(text, throttle_duration_sec=1.0)

    # ---- services -------------------------------------------------------------------------------

    def _on_approve(self, request: Any, response: Any) -> Any:
        reply = self._ask(Approve(request.plan_sha256, request.monitor_boot_id, request.approver))
        response.accepted, response.reason = reply.accepted, reply.text
        return response

    def _on_ready(self, request: Any, response: Any) -> Any:
        reply = self._ask(SetReady(request.ready))
        response.accepted, response.reason = reply.accepted, reply.text
        return response

    def _on_token(self, request: Any, response: Any) -> Any:
        try:
            token = Token(request.token)
        except ValueError:
            response.reason = f"there is no token {request.token}"
            return response
        reply = self._ask(TokenRequest(token, request.station, request.pass_index))
        response.granted, response.reason = reply.accepted, reply.text
        return response

    def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reply = self._ask(Reset())
        response.success, response.message = reply.accepted, reply.text
        return response

    def _ask(self, request: Any) -> Reply:
        outputs = self._step((request,))
        return (
            outputs.replies[0] if outputs.replies else Reply(False, "no-answer", "the monitor gave no answer")
        )

    # ---- the step -------------------------------------------------------------------------------

    def _step(self, requests: tuple[Any, ...] = ()) -> Outputs:
        now = time.monotonic()
        inputs = self._inbox.take(
            requests, run_line_ok=not self._run_line.broken(), shared_topics=self._topics.look(now)
        )
        outputs = self._monitor.step(inputs, now)
        if outputs.grant is not None:
            self._publish_permit(outputs.grant)
        if outputs.reset_device and self._reset_device.service_is_ready():
            self._reset_device.call_async(Trigger.Request())
        for event in outputs.events:
            if event.kind != "permit":
                self.get_logger().info(f"{event.kind} {event.code}: {event.text}")
        self._publish_state(outputs, now)
        return outputs

    def _publish_permit(self, grant: PermitGrant) -> None:
        if grant.counter > convert_safety.MAX_COUNTER:  # somebody claims that every number was used
            self._refused(f"no permit was made: counter {grant.counter} does not fit its field")
            return
        message = convert_safety.permit_message(grant)
        message.header.stamp = self.get_clock().now().to_msg()
        self._permit_publisher.publish(message)

    def _publish_state(self, outputs: Outputs, now: float) -> None:
        key = (outputs.state, outputs.token, outputs.cause, outputs.approved_plan_sha256, outputs.withheld)
        if key == self._last_state and now < self._state_due:
            return
        changed = key != self._last_state
        self._last_state = key
        self._state_due = now + 0.1
        message = convert_safety.state_message(outputs, self.boot_id)
        message.header.stamp = self.get_clock().now().to_msg()
        self._state_publisher.publish(message)
        if changed or now >= self._diagnostics_due:
            self._diagnostics_due = now + 1.0
            self._publish_diagnostics(outputs)

    def _publish_diagnostics(self, outputs: Outputs) -> None:
        array = DiagnosticArray(status=[convert_safety.diagnostic_status(outputs, self.boot_id)])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(array)


def create(overrides: list[Parameter]) -> SafetyMonitorNode:
    """Return the node."""
    return SafetyMonitorNode(overrides)
