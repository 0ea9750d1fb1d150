"""The safety monitor's work loop: what is told when, and permits that cannot be made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from openmtz.safety import PermitGrant, Reply, Reset, SafetyConfig, SafetyMonitor
from openmtz.stack import Monitoring, make_permit


def grant(counter: int) -> PermitGrant:
    return PermitGrant(counter, "", 0, 0, 0, 0, 0, 0, 60_000)


def outputs(**more: Any) -> Any:
    base = {
        "state": "STANDBY", "token": 0, "cause": "", "approved_plan_sha256": "", "withheld": (),
        "grant": None, "replies": (),
    }  # fmt: skip
    return SimpleNamespace(**{**base, **more})


class Scripted:
    """A monitor that says what it is told to say."""

    def __init__(self) -> None:
        self.says = outputs()
        self.inputs: list[Any] = []

    def step(self, inputs: Any, _now: float) -> Any:
        self.inputs.append(inputs)
        return self.says


def rig() -> tuple[Scripted, Monitoring]:
    monitor = Scripted()
    return monitor, Monitoring(monitor, lambda _q: np.eye(4), {"arm"})  # type: ignore[arg-type]


def test_the_state_is_told_when_it_changes_and_ten_times_a_second() -> None:
    monitor, monitoring = rig()
    told = [monitoring.step(0.005 * k, run_line_ok=True).tell_state for k in range(41)]
    assert told[0] and sum(told) == 3, "at once, then every tenth of a second"
    for change in ({"state": "FAULT"}, {"withheld": ("x",)}, {"approved_plan_sha256": "a"}, {"token": 1}):
        monitor.says = outputs(**change)
        turn = monitoring.step(0.206, run_line_ok=True)
        assert turn.tell_state and turn.tell_diagnostics, change
    assert not monitoring.step(0.207, run_line_ok=True).tell_state


def test_a_permit_that_does_not_fit_its_field_is_trouble_and_no_permit() -> None:
    monitor, monitoring = rig()
    for counter in (2**32, 2**40):
        monitor.says = outputs(grant=grant(counter))
        turn = monitoring.step(0.0, run_line_ok=True)
        assert turn.permit is None and f"counter {counter} does not fit" in turn.trouble
        with pytest.raises(ValueError, match="does not fit"):
            make_permit(grant(counter))
    monitor.says = outputs(grant=grant(2**32 - 1))
    turn = monitoring.step(0.0, run_line_ok=True)
    assert turn.permit is not None and turn.permit.frame.endswith(b"\0") and not turn.trouble
    monitoring.step(0.0, run_line_ok=True)
    assert [inputs.permit_unmade != "" for inputs in monitor.inputs] == [False, True, True, False], (
        "told once"
    )


def test_only_watched_nodes_are_remembered() -> None:
    monitor, monitoring = rig()
    monitoring.hear_progress("arm", 3, 1.0, 0.5)
    monitoring.hear_progress("stranger", 3, 1.0, 0.5)
    monitoring.step(1.0, run_line_ok=False, strangers={"topic-shared": "x"})
    (inputs,) = monitor.inputs
    assert set(inputs.progress) == {"arm"} and inputs.progress["arm"].counter == 3
    assert not inputs.run_line_ok and inputs.strangers == {"topic-shared": "x"}


def test_a_question_gets_its_answer_or_a_no() -> None:
    monitor, monitoring = rig()
    reply, _ = monitoring.ask(Reset(), 0.0, run_line_ok=True)
    assert not reply.accepted and reply.text
    monitor.says = outputs(replies=(Reply(True, "done", "yes"),))
    reply, turn = monitoring.ask(Reset(), 0.0, run_line_ok=True)
    assert reply.accepted and turn.outputs is monitor.says and monitor.inputs[-1].requests == (Reset(),)


def test_the_real_monitor_starts_dark() -> None:
    monitoring = Monitoring(SafetyMonitor(SafetyConfig(), "boot", 0.0), lambda _q: np.eye(4), ())
    turn = monitoring.step(0.1, run_line_ok=True)
    assert turn.permit is None and turn.outputs.state.name == "OFF" and turn.tell_state
