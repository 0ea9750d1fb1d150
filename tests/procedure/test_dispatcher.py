"""The dispatcher: answers given while a command is carried out wait their turn; approvals come and go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from openmtz.procedure import Dispatcher, commands as cmd, events as ev

SHA = "ab" * 32


class Script:
    """A procedure that takes notes; `commands` are given for each event."""

    def __init__(self, **status: Any) -> None:
        self.status = SimpleNamespace(**{"plan_sha256": "", "state": "idle", "stage": "idle", **status})
        self.taken: list[ev.Event] = []
        self.commands: dict[type[ev.Event], list[cmd.Command]] = {}

    def step(self, event: ev.Event) -> list[cmd.Command]:
        self.taken.append(event)
        return self.commands.get(type(event), [])


def test_an_answer_given_at_once_waits_until_the_event_is_taken_to_its_end() -> None:
    script, order = Script(), []
    script.commands[ev.TreatRequested] = [cmd.CancelCapture(), cmd.CancelPlan()]

    def carry_out(command: cmd.Command) -> None:
        order.append(type(command).__name__)
        dispatcher.step(ev.Tick(float(len(order))))
        assert not any(isinstance(e, ev.Tick) for e in script.taken), "taken inside another event"

    dispatcher = Dispatcher(script, carry_out)  # type: ignore[arg-type]
    dispatcher.step(ev.TreatRequested())
    assert order == ["CancelCapture", "CancelPlan"]
    assert script.taken == [ev.TreatRequested(), ev.Tick(1.0), ev.Tick(2.0)]


def test_after_a_command_that_breaks_nothing_stale_is_fed() -> None:
    script = Script()
    script.commands[ev.TreatRequested] = [cmd.CancelCapture()]

    def carry_out(_command: cmd.Command) -> None:
        dispatcher.step(ev.Tick(1.0))
        raise RuntimeError("the wire is cut")

    dispatcher = Dispatcher(script, carry_out)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="cut"):
        dispatcher.step(ev.TreatRequested())
    dispatcher.step(ev.Tick(2.0))
    assert script.taken == [ev.TreatRequested(), ev.Tick(2.0)]


def kinds(script: Script) -> list[str]:
    return [type(event).__name__ for event in script.taken]


@pytest.mark.parametrize(
    ("status", "approvals", "expected"),
    [
        ({"plan_sha256": SHA, "state": "approving"}, [SHA], ["SafetyChanged", "Approved"]),
        ({"plan_sha256": SHA, "state": "approving"}, ["cd" * 32], ["SafetyChanged"]),
        ({"plan_sha256": SHA, "state": "planning"}, [SHA], ["SafetyChanged"]),
        ({"plan_sha256": "", "state": "approving"}, [""], ["SafetyChanged"]),
        (
            {"plan_sha256": SHA, "state": "firing", "stage": "treat"},
            [SHA, ""],
            ["SafetyChanged", "SafetyChanged", "ApprovalEnded"],
        ),
        ({"plan_sha256": SHA, "state": "firing", "stage": "treat"}, ["", ""], ["SafetyChanged"] * 2),
        ({"plan_sha256": SHA, "state": "planning", "stage": "plan"}, [SHA, ""], ["SafetyChanged"] * 2),
    ],
)
def test_approval_is_told_when_waited_for_and_its_end_while_treating(
    status: dict[str, str], approvals: list[str], expected: list[str]
) -> None:
    script = Script(**status)
    dispatcher = Dispatcher(script, lambda _command: None)  # type: ignore[arg-type]
    for sha in approvals:
        dispatcher.safety_changed("READY", "", sha)
    assert kinds(script) == expected
