"""The operator's side of the graph: a client that asks for a treatment, acts and watches.

Not one of the seven nodes: `./openmtz demo` and tests use it. It gathers what a report needs. Who
decides when to act is `simulated_operator`, or a person.
"""

from __future__ import annotations

import json
from typing import Any

from openmtz_interfaces.action import Treat
from openmtz_interfaces.msg import (
    SafetyState,
)
from openmtz_interfaces.srv import ApprovePlan, InjectFault, RequestReady, ResetFault, SetInterlock
from rclpy.action import ActionClient

from openmtz.nodes.graph_client import GraphClient
from openmtz.nodes.guard import own_secret
from openmtz.nodes.operator_view import OperatorView


class OperatorClient(GraphClient):
    """Asks, approves, stops; `observed` is what it saw. What needs it carries the stack's secret.

    Raises:
        TimeoutError: the graph did not answer in time; names what was asked.
    """

    def __init__(self, use_sim_truth: bool = True) -> None:
        super().__init__("operator")
        self.view = OperatorView(self.node, use_sim_truth)
        self.observed = self.view.observed
        self.started = self.view.started
        self._treat = ActionClient(self.node, Treat, "treat")
        self._goal: Any = None

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
        asked = {"indication": indication, "request_json": json.dumps(request), "seed": seed}
        goal = Treat.Goal(**asked, secret=own_secret())
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
                secret=own_secret(),
            ),
        )
        return answer.accepted, answer.reason

    def request_ready(self, ready: bool = True) -> tuple[bool, str]:
        """Ask the safety monitor to leave standby, or go back."""
        request = RequestReady.Request(ready=ready, secret=own_secret())
        answer = self.call(RequestReady, "safety/request_ready", request)
        return answer.accepted, answer.reason

    def reset_safety(self) -> tuple[bool, str]:
        """Reset a latched fault."""
        answer = self.call(ResetFault, "safety/reset", ResetFault.Request(secret=own_secret()))
        return answer.success, answer.message

    def set_interlock(self, line: str, value: bool) -> None:
        """Simulation: move a line of the cell.

        Raises:
            ValueError: no such line.
        """
        request = SetInterlock.Request(line=line, value=value, secret=own_secret())
        answer = self.call(SetInterlock, "simulation/set_interlock", request)
        if not answer.success:
            raise ValueError(answer.message)

    def inject_fault(self, fault: str, active: bool = True, **parameters: Any) -> None:
        """Simulation: switch a fault on or off.

        Raises:
            ValueError: no such fault.
        """
        request = InjectFault.Request(
            fault=fault, active=active, parameters_json=json.dumps(parameters), secret=own_secret()
        )
        answer = self.call(InjectFault, "simulation/inject_fault", request)
        if not answer.success:
            raise ValueError(answer.message)
