"""Node `safety_monitor`: gathers inputs, steps the pure monitor, publishes state and permits.

Alone in its process, with real-time priority and without garbage collection where it may. What it does
stands in `openmtz.stack.Monitoring` and `openmtz.safety`; the scan head relays the permits' bytes unopened.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from openmtz_interfaces.srv import ResetFault
from rclpy.parameter import Parameter

from openmtz.graph import NODE_NAMES
from openmtz.nodes import convert_safety, topics
from openmtz.nodes.guard import own_secret
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parse_parameters
from openmtz.nodes.run_line import RunLine
from openmtz.nodes.safety_monitor_config import MonitorConfig
from openmtz.nodes.safety_monitor_inputs import MonitorInputs
from openmtz.nodes.safety_monitor_services import DECIDING_SERVICES, offer_services
from openmtz.nodes.work_loop import work_timer
from openmtz.robot import SCAN_HEAD_FRAME, ArmKinematics
from openmtz.safety import Reply, SafetyConfig, SafetyMonitor
from openmtz.stack import Monitoring, Turn


class SafetyMonitorNode(ListeningNode):
    """Convert, step, convert."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__(
            "safety_monitor",
            overrides,
            watched=(topics.PERMIT, topics.SAFETY_STATE),
            names=NODE_NAMES,
            services=DECIDING_SERVICES,
        )
        config = parse_parameters(self, MonitorConfig)
        self._run_line = RunLine(config.require_run_line)
        self.boot_id = uuid.uuid4().hex
        kinematics = ArmKinematics()
        self.monitoring = Monitoring(
            SafetyMonitor(config.limits(), self.boot_id, time.monotonic()),
            lambda joints: kinematics.forward(joints, SCAN_HEAD_FRAME),
            {*SafetyConfig().progress_required, config.recorder},
        )
        self._state_publisher = topics.SAFETY_STATE.publisher(self)
        self._permit_publisher = topics.PERMIT.publisher(self)
        self._diagnostics_publisher = topics.DIAGNOSTICS.publisher(self)
        self._inputs = MonitorInputs(self, self.monitoring)
        offer_services(self, self._ask)
        self._reset_device = self.create_client(ResetFault, "scan_head/reset_fault")
        work_timer(self, config.step_s, self._step)

    # ---- the step -------------------------------------------------------------------------------

    def _ask(self, request: Any) -> Reply:
        now = time.monotonic()
        reply, turn = self.monitoring.ask(
            request, now, run_line_ok=not self._run_line.broken(), strangers=self.ear.look(now)
        )
        self._tell(turn)
        return reply

    def _step(self) -> None:
        now = time.monotonic()
        self._tell(
            self.monitoring.step(now, run_line_ok=not self._run_line.broken(), strangers=self.ear.look(now))
        )

    def _tell(self, turn: Turn) -> None:
        if turn.permit is not None:
            self._publish(self._permit_publisher, convert_safety.permit_message(turn.permit))
        if turn.trouble:
            self.get_logger().error(turn.trouble, throttle_duration_sec=1.0)
        if turn.outputs.reset_device and self._reset_device.service_is_ready():
            self._reset_device.call_async(ResetFault.Request(secret=own_secret()))
        for event in turn.outputs.events:
            if event.kind != "permit":
                self.get_logger().info(f"{event.kind} {event.code}: {event.text}")
        if turn.tell_state:
            self._publish(self._state_publisher, convert_safety.state_message(turn.outputs, self.boot_id))
        if turn.tell_diagnostics:
            status = convert_safety.diagnostic_status(turn.outputs, self.boot_id)
            self._publish(self._diagnostics_publisher, DiagnosticArray(status=[status]))

    def _publish(self, publisher: Any, message: Any) -> None:
        message.header.stamp = self.get_clock().now().to_msg()
        publisher.publish(message)


def create(overrides: list[Parameter]) -> SafetyMonitorNode:
    """Return the node."""
    return SafetyMonitorNode(overrides)
