"""A treatment under way in a running stack."""

from __future__ import annotations

import math
import time
from typing import Any

from stack import SharedStack, Stack

QUICK = {"treatment": {"views": 2, "frames_per_view": 3, "speed_fraction": 1.0}}
"""Parameters of a stack whose scan is short."""
REQUEST = {
    "facts": {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"},
    "region": {"center_m": [0.5, 0.0, 0.05], "radius_m": 0.011},
}


def skin_of(seed: int) -> dict[str, Any]:
    """Return the request for a disc of skin that no other seed from 0 to 6 touches.

    Whatever the seed, what is fired adds up on the skin, and more than two passes are refused.
    """
    turn = 2.0 * math.pi * seed / 7.0
    center = [0.5 + 0.024 * math.cos(turn), 0.024 * math.sin(turn), 0.05]
    return {**REQUEST, "region": {"center_m": center, "radius_m": 0.008}}


class Treatment:
    """`start` one through the operator's client, the simulated operator beside it; `close` at the end."""

    def __init__(self, stack: Stack) -> None:
        from openmtz.nodes.operator import OperatorClient
        from openmtz.nodes.simulated_operator import SimulatedOperator

        self.stack = stack
        self.client = OperatorClient()
        self.client.wait_for_standby(30.0)
        self.operator = SimulatedOperator(self.client)
        self.future: Any = None

    def start(self, indication: str = "ladd", request: dict[str, Any] | None = None, *, seed: int) -> None:
        """Ask for it, with a seed no test in this stack took: on skin of its own, or as `request` says."""
        wanted = skin_of(seed) if request is None else request
        self.future = self.client.start_treatment(indication, wanted, seed=seed)

    def go_on(self, until: Any, timeout_s: float = 90.0, act: bool = True) -> None:
        deadline = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < deadline, (self.client.observed.status, self.client.observed.safety)
            self.client.pump(0.02)
            if act:
                self.operator.act()

    def go_on_until_fired(self, count: int, timeout_s: float = 90.0, act: bool = True) -> None:
        """Go on until so many spots were fired; a treatment that ended before says why."""
        self.go_on(lambda: self.fired() >= count or self.future.done(), timeout_s, act)
        assert self.fired() >= count, self.result().reason

    def state(self) -> str:
        safety = self.client.observed.safety
        return safety.state_name if safety is not None else ""

    def fired(self) -> int:
        return len(self.stack.emissions())

    def result(self) -> Any:
        return self.future.result().result

    def close(self) -> None:
        """End it, and leave the stack in standby, the foot off the switch, without faults, for the next."""
        try:
            if self.stack.died is None:
                self._settle()
        except BaseException:
            SharedStack.end()
            raise
        finally:
            self.client.close()

    def _settle(self) -> None:
        from simulation_interfaces.srv import ResetSimulation

        self.client.set_interlock("footswitch_pressed", False)
        if self.future is not None and not self.future.done():
            self.client.cancel_treatment()
            self.client.wait(self.future.done, 5.0, "the end of a cancelled treatment")
        self.client.wait_for_standby(5.0)
        faults = ResetSimulation.Request(scope=ResetSimulation.Request.SCOPE_SPAWNED)
        answer = self.client.call(ResetSimulation, "simulation/reset_simulation", faults).result
        assert answer.result == 1, answer.error_message
