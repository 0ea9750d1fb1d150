"""The operator's side of the graph: a client that asks for a treatment, acts and watches.

Not one of the seven nodes: `./openmtz demo` and tests use it. It gathers what a report needs. Who
decides when to act is `simulated_operator`, or a person.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import rclpy
import rclpy.node
from numpy.typing import NDArray
from openmtz_interfaces.action import Treat
from openmtz_interfaces.msg import (
    SafetyState,
    ShotsTruth,
    SkinSurface as SurfaceMessage,
    SpotsFired,
    TreatmentPlan as PlanMessage,
    TreatmentStatus,
)
from openmtz_interfaces.srv import ApprovePlan, InjectFault, RequestReady, SetInterlock
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from openmtz.geometry import SkinSurface
from openmtz.nodes import convert, topics
from openmtz.plan import Finding, TreatmentPlan

PUMP_S = 0.02


@dataclass
class Observed:
    """What the operator saw: the graph's own words, and the simulation's truth beside them."""

    surface: SkinSurface | None = None
    plan: TreatmentPlan | None = None
    findings: list[Finding] = field(default_factory=list)
    capture_quality: Any = None
    events: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(seconds since the start, kind, name, detail); kinds: stage, safety, withheld."""
    fired_index: list[NDArray[np.int64]] = field(default_factory=list)
    fired_tick_us: list[NDArray[np.int64]] = field(default_factory=list)
    fired_energy_uj: list[NDArray[np.float64]] = field(default_factory=list)
    truth: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    safety_events: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(seconds since the start, state, cause, detail)"""
    permits: int = 0
    safety: SafetyState | None = None
    status: TreatmentStatus | None = None


class OperatorClient:
    """Talks to a running graph. Every wait is bounded; `pump` lets messages in.

    Raises:
        TimeoutError: the graph did not answer in time; names what was asked.
    """

    def __init__(self, use_sim_truth: bool = True) -> None:
        self._own_context = not rclpy.ok()
        if self._own_context:
            rclpy.init(args=["openmtz"], signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.node.Node("operator")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.started = time.monotonic()
        self.observed = Observed()
        self._treat = ActionClient(self.node, Treat, "treat")
        self._goal: Any = None
        self._services: dict[str, Any] = {}
        self._truth_fields = tuple(ShotsTruth.get_fields_and_field_types())[1:]
        topics.SURFACE.subscription(self.node, self._on_surface)
        topics.PLAN.subscription(self.node, self._on_plan)
        topics.SAFETY_STATE.subscription(self.node, self._on_safety)
        topics.TREATMENT_STATUS.subscription(self.node, self._on_status)
        topics.SPOTS_FIRED.subscription(self.node, self._on_fired)
        if use_sim_truth:
            topics.SHOTS_TRUTH.subscription(self.node, self._on_truth)

    def _event(self, kind: str, name: str, detail: str = "") -> None:
        self.observed.events.append((time.monotonic() - self.started, kind, name, detail))

    def _on_surface(self, message: SurfaceMessage) -> None:
        try:
            self.observed.surface = convert.surface_of(message)
            self.observed.capture_quality = message.capture
        except ValueError as error:
            self.node.get_logger().error(f"a surface was refused: {error}")

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self.observed.findings = [convert.finding_of(f) for f in message.findings]
            self.observed.plan = convert.plan_of(message)
        except ValueError as error:
            self.observed.plan = None
            self.node.get_logger().error(f"a plan was refused: {error}")

    def _on_safety(self, message: SafetyState) -> None:
        last = self.observed.safety
        self.observed.safety = message
        self.observed.permits = max(self.observed.permits, message.permits_granted)
        if last is None or last.state != message.state:
            self._event("safety", message.state_name, message.detail or message.cause)
            self.observed.safety_events.append(
                (time.monotonic() - self.started, message.state_name, message.cause, message.detail)
            )
        withheld = ", ".join(message.withheld)
        if last is not None and withheld != ", ".join(last.withheld) and message.state == SafetyState.FIRING:
            self._event("withheld", withheld or "granting", "")

    def _on_status(self, message: TreatmentStatus) -> None:
        last = self.observed.status
        self.observed.status = message
        if last is None or last.stage != message.stage:
            self._event("stage", message.stage, message.detail)

    def _on_fired(self, message: SpotsFired) -> None:
        self.observed.fired_index.append(np.asarray(message.spot_index, np.int64))
        self.observed.fired_tick_us.append(np.asarray(message.device_tick_us, np.int64))
        self.observed.fired_energy_uj.append(np.asarray(message.energy_uj, np.float64))

    def _on_truth(self, message: ShotsTruth) -> None:
        for name in self._truth_fields:
            self.observed.truth.setdefault(name, []).append(np.asarray(getattr(message, name)))

    def pump(self, seconds: float = 0.05) -> None:
        """Let messages in for about so long.

        Always with the same timeout: with another one rclpy forgets who of the ready ones is next, and
        the topics subscribed to last would starve.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=PUMP_S)

    def wait(self, done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Pump until `done()`.

        Raises:
            TimeoutError: it did not come true in time.
        """
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: nothing after {timeout_s:.0f} s")
            self._executor.spin_once(timeout_sec=PUMP_S)

    def call(self, service_type: Any, name: str, request: Any, timeout_s: float = 5.0) -> Any:
        """Call a service and return its response.

        Raises:
            TimeoutError: no such service, or no answer in time.
        """
        client = self._services.get(name)
        if client is None:
            client = self._services[name] = self.node.create_client(service_type, name)
        self.wait(client.service_is_ready, timeout_s, f"service {name}")
        future = client.call_async(request)
        self.wait(future.done, timeout_s, f"answer of {name}")
        return future.result()

    def wait_for_standby(self, timeout_s: float) -> None:
        """Wait until the safety monitor sees the whole stack.

        Raises:
            TimeoutError: it does not; the text says what it misses.
        """
        try:
            self.wait(self._in_standby, timeout_s, "the safety monitor")
        except TimeoutError as error:
            seen = self.observed.safety
            why = f"{seen.state_name}, {', '.join(seen.withheld)}" if seen is not None else "it says nothing"
            raise TimeoutError(f"the safety monitor does not reach standby: {why}") from error

    def _in_standby(self) -> bool:
        seen = self.observed.safety
        return seen is not None and seen.state == SafetyState.STANDBY

    def start_treatment(self, indication: str, request: dict[str, Any], seed: int) -> Any:
        """Ask for a treatment; returns the goal handle's result future.

        Raises:
            TimeoutError: nobody answers. RuntimeError: the goal was refused.
        """
        self.wait(self._treat.server_is_ready, 10.0, "action treat")
        goal = Treat.Goal(indication=indication, request_json=json.dumps(request), seed=seed)
        sent = self._treat.send_goal_async(goal)
        self.wait(sent.done, 5.0, "answer of treat")
        handle = sent.result()
        if handle is None or not handle.accepted:
            raise RuntimeError("the treatment was refused: another one is running")
        self._goal = handle
        return handle.get_result_async()

    def cancel_treatment(self) -> None:
        """Ask for the end of the treatment started last.

        Raises:
            TimeoutError: nobody answers.
        """
        if self._goal is not None:
            self.wait(self._goal.cancel_goal_async().done, 5.0, "answer to the cancel of treat")

    def approve(self, approver: str) -> tuple[bool, str]:
        """Approve the plan seen last, for this run of the safety monitor."""
        observed = self.observed
        if observed.plan is None or observed.safety is None:
            return False, "no plan or no safety monitor was seen"
        answer = self.call(
            ApprovePlan,
            "safety/approve_plan",
            ApprovePlan.Request(
                plan_sha256=observed.plan.sha256,
                monitor_boot_id=observed.safety.boot_id,
                approver=approver,
            ),
        )
        return answer.accepted, answer.reason

    def request_ready(self, ready: bool = True) -> tuple[bool, str]:
        """Ask the safety monitor to leave standby, or go back."""
        answer = self.call(RequestReady, "safety/request_ready", RequestReady.Request(ready=ready))
        return answer.accepted, answer.reason

    def reset_safety(self) -> tuple[bool, str]:
        """Reset a latched fault."""
        answer = self.call(Trigger, "safety/reset", Trigger.Request())
        return answer.success, answer.message

    def set_interlock(self, line: str, value: bool) -> None:
        """Simulation: move a line of the cell.

        Raises:
            ValueError: no such line.
        """
        answer = self.call(
            SetInterlock, "simulation/set_interlock", SetInterlock.Request(line=line, value=value)
        )
        if not answer.success:
            raise ValueError(answer.message)

    def inject_fault(self, fault: str, active: bool = True, **parameters: Any) -> None:
        """Simulation: switch a fault on or off.

        Raises:
            ValueError: no such fault.
        """
        request = InjectFault.Request(fault=fault, active=active, parameters_json=json.dumps(parameters))
        answer = self.call(InjectFault, "simulation/inject_fault", request)
        if not answer.success:
            raise ValueError(answer.message)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=0.5)
        self.node.destroy_node()
        if self._own_context:
            rclpy.try_shutdown()
