"""Feeds the procedure: one event to its end before the next, and what a safety state means to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from openmtz.procedure import events
from openmtz.procedure.commands import Command
from openmtz.procedure.procedure import Procedure


class Dispatcher:
    """`carry_out` is given each command; it may call `step` with the answer at once."""

    def __init__(self, procedure: Procedure, carry_out: Callable[[Command], None]) -> None:
        self.procedure = procedure
        self._carry_out = carry_out
        self._events: deque[events.Event] = deque()
        self._stepping = False
        self._approved_sha256 = ""

    def step(self, event: events.Event) -> None:
        """Take an event; one that comes while a command is carried out waits until that is done.

        Raises:
            Exception: what `carry_out` raises; events that still waited are gone then, as a procedure
                that lost a command must be told so and not fed on.
        """
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events:
                for command in self.procedure.step(self._events.popleft()):
                    self._carry_out(command)
        finally:
            self._stepping = False
            self._events.clear()

    def safety_changed(self, state: str, detail: str, approved_plan_sha256: str) -> None:
        """Take the monitor's state, why it is in it, and the plan it holds approved (empty: none)."""
        self.step(events.SafetyChanged(state, detail))
        status = self.procedure.status
        before, self._approved_sha256 = self._approved_sha256, approved_plan_sha256
        if status.plan_sha256 and approved_plan_sha256 == status.plan_sha256:
            if status.state == "approving":
                self.step(events.Approved(approved_plan_sha256))
        elif before and status.stage == "treat":
            self.step(events.ApprovalEnded())
