"""The scripted operator in the graph: acts go through the client, to their end; refusals are named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.ros


class Client:
    """A client that notes what it is asked; time passes in `pump`, and a while in every call."""

    def __init__(self, call_s: float) -> None:
        self.now, self.call_s = 100.0, call_s
        self.asked: list[tuple[float, str]] = []
        self.refusal = ""
        status = SimpleNamespace(waiting_for="", plan_sha256="ab" * 32)
        self.observed = SimpleNamespace(status=status, plan=None)

    def pump(self, seconds: float) -> None:
        self.now += seconds

    def _ask(self, what: str) -> tuple[bool, str]:
        self.now += self.call_s
        self.asked.append((self.now, what))
        return not self.refusal, self.refusal

    def set_interlock(self, line: str, value: bool) -> None:
        self._ask(f"{line}={value}")
        if self.refusal:
            raise ValueError(self.refusal)

    def approve(self, _approver: str) -> tuple[bool, str]:
        return self._ask("approve")

    def request_ready(self) -> tuple[bool, str]:
        return self._ask("ready")


@pytest.fixture(params=[0.001, 0.25])
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A quick graph and a loaded one, whose services take a quarter of a second."""
    from openmtz.nodes import simulated_operator

    client = Client(request.param)
    monkeypatch.setattr(simulated_operator.time, "monotonic", lambda: client.now)
    operator = simulated_operator.SimulatedOperator(client)

    def act(waiting_for: str, seconds: float = 1.0) -> list[str]:
        client.observed.status.waiting_for = waiting_for
        said, end = [], client.now + seconds
        while client.now < end:
            client.pump(0.02)
            said += [text for text in [operator.act()] if text]
        return said

    return SimpleNamespace(client=client, act=act)


def test_lines_settle_before_ready_is_asked_for(rig: Any) -> None:
    assert rig.act("ready") == ["attested eyewear, asked for ready"]
    what = [text for _, text in rig.client.asked]
    assert what == ["eyewear_attested=True", "footswitch_pressed=False", "ready"]
    settled = rig.client.asked[2][0] - rig.client.call_s - rig.client.asked[1][0]
    assert 0.29 < settled < 0.35, "after the line was open, however long that took"


def test_a_plan_not_seen_yet_is_not_approved(rig: Any) -> None:
    assert rig.act("approval") == []
    rig.client.observed.plan = SimpleNamespace(sha256="cd" * 32)
    assert rig.act("approval") == [], "another plan"
    rig.client.observed.plan.sha256 = rig.client.observed.status.plan_sha256
    assert rig.act("approval", 0.05) == ["approved plan abababababab"]
    assert [text for _, text in rig.client.asked] == ["approve"]


def test_what_is_refused_is_named_and_begun_anew(rig: Any) -> None:
    rig.client.refusal = "the door is open"
    with pytest.raises(RuntimeError, match=r"refused \(ready\): the door is open"):
        rig.client.set_interlock = lambda _line, _value: None
        rig.act("ready", 2.0)
    del rig.client.set_interlock
    with pytest.raises(ValueError, match="the door is open"):
        rig.act("footswitch", 2.0)
    rig.client.refusal = ""
    rig.client.asked.clear()
    assert rig.act("footswitch") == ["pressed the footswitch"]
    assert [text for _, text in rig.client.asked] == ["footswitch_pressed=False", "footswitch_pressed=True"]
