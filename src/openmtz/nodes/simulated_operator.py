"""The person at a treatment in the graph of the simulation: acts of the scripted operator, by the client."""

from __future__ import annotations

import time

from openmtz_interfaces.msg import TreatmentStatus

from openmtz.nodes.graph_client import PUMP_S
from openmtz.nodes.operator import OperatorClient
from openmtz.procedure import Act, ScriptedOperator

_SAID = {
    "ready": "attested eyewear, asked for ready",
    "footswitch": "pressed the footswitch",
}


class SimulatedOperator:
    """What a person does during a simulated treatment: attests eyewear, approves, arms, presses.

    Acts on `treatment/status.waiting_for`; each act once per time it is asked for.
    """

    def __init__(self, client: OperatorClient, approver: str = "simulated operator") -> None:
        self._client = client
        self._approver = approver
        self._script = ScriptedOperator()
        self._asking_s = 0.0

    def act(self) -> str:
        """Do what is waited for, if anything, to its end; returns a line saying what was done.

        Raises:
            RuntimeError: the safety monitor refused the act. ValueError: a line cannot be moved.
            TimeoutError: nobody answers.
        """
        status, plan = self._client.observed.status, self._client.observed.plan
        if status is None:
            return ""
        self._script.approves = plan is not None and plan.sha256 == status.plan_sha256
        acts = self._script.act(status, self._now())
        if not acts:
            return ""
        try:
            self._do_all(acts, status)
        except (RuntimeError, ValueError, TimeoutError):
            self._script.refused()
            raise
        return _SAID.get(status.waiting_for, f"approved plan {status.plan_sha256[:12]}")

    def _now(self) -> float:
        """Return a time that stands still while a line is asked to move: from then on it settles."""
        return time.monotonic() - self._asking_s

    def _do_all(self, acts: list[Act], status: TreatmentStatus) -> None:
        """Carry out what was begun, with the waits between."""
        while True:
            began = time.monotonic()
            for act in acts:
                self._do(act, status.waiting_for)
            self._asking_s += time.monotonic() - began
            if not self._script.busy:
                return
            self._client.pump(PUMP_S)
            acts = self._script.act(status, self._now())

    def _do(self, act: Act, waiting_for: str) -> None:
        if act.kind == "line":
            self._client.set_interlock(act.line, act.value)
            return
        if act.kind == "approve":
            accepted, reason = self._client.approve(self._approver)
        else:
            accepted, reason = self._client.request_ready()
        if not accepted:
            raise RuntimeError(f"the safety monitor refused ({waiting_for}): {reason}")
