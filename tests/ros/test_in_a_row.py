"""Treatments one after the other in one stack: cancelled, done, cancelled early, and early again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stack import Stack

pytestmark = [pytest.mark.ros, pytest.mark.alone]

REQUEST = {
    "facts": {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"},
    # Skin that no other test in this stack treats: what is fired adds up on it.
    "region": {"center_m": [0.5, 0.02, 0.05], "radius_m": 0.004},
}


def test_cancelled_and_done_in_one_stack(stack: Stack) -> None:
    from openmtz_interfaces.msg import SafetyState

    from openmtz.nodes import topics
    from openmtz.nodes.operator import OperatorClient
    from openmtz.nodes.simulated_operator import SimulatedOperator

    client = OperatorClient()
    before = set(stack.folder.glob("plan*/plan.omtz"))
    speeds: list[float] = []
    topics.JOINT_STATES.subscription(client.node, lambda m: speeds.append(float(np.abs(m.velocity).max())))
    approvals: list[str] = []

    class Operator(SimulatedOperator):
        def act(self) -> str:
            said = super().act()
            if said:
                approvals.append(said)
            return said

    def go_on(operator: SimulatedOperator, until: Any, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < deadline, (client.observed.status, client.observed.safety)
            client.pump(0.02)
            operator.act()

    def over(future: Any, began: int) -> Any:
        """What must hold after any treatment, however it ended."""
        count = len(stack.emissions())
        client.wait(lambda: client.observed.safety.state == SafetyState.STANDBY, 3.0, "standby")
        assert client.observed.safety.token == SafetyState.TOKEN_NONE
        # The arm may still brake when the end is told; then it rests and stays so.
        client.wait(lambda: bool(speeds) and speeds[-1] < 1e-3, 3.0, "an arm at rest")
        speeds.clear()
        client.pump(0.3)
        assert speeds and max(speeds) < 1e-3, "the arm rests"
        assert len(stack.emissions()) == count, "nothing fires when the end was told"
        assert count >= began
        return future.result().result

    try:
        client.wait_for_standby(30.0)
        # cancelled while it fires, the footswitch held down
        future = client.start_treatment("ladd", REQUEST, seed=2)
        go_on(Operator(client), lambda: len(stack.emissions()) >= 20 or future.done())
        assert not future.done(), future.result().result.reason
        client.cancel_treatment()
        client.wait(future.done, 5.0, "the end of a cancelled treatment")
        cancelled = over(future, 20)
        assert not cancelled.success and "stops" in cancelled.reason
        assert cancelled.spots_fired == len(stack.emissions()) < cancelled.spots_planned

        # another at once, to its end
        future = client.start_treatment("ladd", REQUEST, seed=3)
        acts = len(approvals)
        go_on(Operator(client), future.done)
        assert any("approved" in act for act in approvals[acts:]), (
            "looked at and approved anew",
            future.result().result.reason,
        )
        assert any("asked for ready" in act for act in approvals[acts:]), "armed by a fresh act only"
        done = over(future, 20)
        assert done.success, done.reason
        assert done.plan_sha256 != cancelled.plan_sha256
        assert done.spots_fired == done.spots_planned
        assert len(stack.emissions()) == cancelled.spots_fired + done.spots_fired, "every spot once"
        plans = set(stack.folder.glob("plan*/plan.omtz"))
        assert len(plans - before) == 2, "no plan was overwritten"

        # and two cancelled while the arm moves to its first view, one right after the other
        for _ in range(2):
            speeds.clear()
            future = client.start_treatment("ladd", REQUEST, seed=4)
            over_early = future.done
            client.wait(
                lambda over_early=over_early: any(s > 0.1 for s in speeds) or over_early(),
                20.0,
                "a moving arm",
            )
            assert not future.done(), future.result().result.reason
            client.cancel_treatment()
            client.wait(future.done, 5.0, "the end of a cancelled capture")
            assert "stops" in over(future, 0).reason
        assert stack.died is None
        client.set_interlock("footswitch_pressed", False)
    finally:
        client.close()
