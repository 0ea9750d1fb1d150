"""The treatment's work loop: every command reaches its process, every answer comes back as its event."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from noted_ports import NotedClients
from safety_cell import make_plan

from openmtz.procedure import commands, events
from openmtz.stack import ShotReport, Treating, TreatRequest
from openmtz.stack.treating import END_WAIT_S
from openmtz.stack.treatment_commands import REPORTS_WAIT_S

PLAN = make_plan()


class Heard(Treating):
    """Keeps the events the procedure is given."""

    def __init__(self) -> None:
        self.noted = NotedClients()
        super().__init__(self.noted)  # type: ignore[arg-type]
        self.events: list[events.Event] = []

    def step(self, event: events.Event) -> None:
        self.events.append(event)


def every_command() -> list[commands.Command]:
    values = {"ticket": 3, "surface_id": "s", "plan_sha256": PLAN.sha256, "token": "motion", "station": 0,
              "pass_index": 0, "target": "home", "index": 0, "tool": "scan_head", "first": 0}  # fmt: skip
    kinds = [k for _, k in inspect.getmembers(commands, inspect.isclass) if issubclass(k, commands.Command)]
    return [
        kind(**{name: values[name] for name in inspect.signature(kind).parameters})
        for kind in kinds
        if kind is not commands.Command
    ]


def test_every_command_is_carried_out_and_an_unknown_one_is_an_error() -> None:
    treating = Heard()
    assert len(every_command()) == 14
    for command in every_command():
        before = len(treating.noted.asked), len(treating._later)
        treating.commands.carry_out(command)
        after = len(treating.noted.asked), len(treating._later)
        if not isinstance(command, commands.AskApproval):
            assert after != before, command
    with pytest.raises(TypeError, match="nobody carries out"):
        treating.commands.carry_out(commands.Command())


@pytest.mark.parametrize(
    ("command", "asked", "callback", "answer", "told"),
    [
        (commands.StartCapture(3), "start_capture", 2, ("s", ""), events.CaptureDone(3, "s")),
        (commands.StartCapture(3), "start_capture", 2, ("", "why"), events.CaptureFailed(3, "why")),
        (commands.FinishCapture(3), "finish_capture", 0, ("why",), events.CaptureFailed(3, "why")),
        (commands.RequestPlan(3, "s"), "request_plan", 1, ("", "why"), events.PlanFailed(3, "why")),
        (commands.RequestToken(3, "motion"), "request_token", 1, ("",), events.TokenGranted(3)),
        (commands.RequestToken(3, "motion"), "request_token", 1, ("why",), events.TokenRefused(3, "why")),
        (commands.MoveTo(3, "home", 0, "scan_head"), "move", 1, ("", False), events.Arrived(3)),
        (
            commands.MoveTo(3, "view", 1, "scan_head"),
            "move",
            1,
            ("why", True),
            events.MoveFailed(3, "why", True),
        ),
        (commands.Fire(3, 0, 0, 2), "fire", 1, (7,), events.FireProgress(3, 7)),
        (commands.Fire(3, 0, 0, 2), "fire", 2, (9, ""), events.GroupFired(3, 9)),
        (commands.Fire(3, 0, 0, 2), "fire", 2, (5, "why"), events.FireInterrupted(3, 5, "why")),
    ],
)
def test_an_answer_becomes_its_event(
    command: commands.Command, asked: str, callback: int, answer: tuple[Any, ...], told: events.Event
) -> None:
    treating = Heard()
    treating.commands.carry_out(command)
    treating.noted.last(asked)[callback](*answer)
    assert treating.events == [told]


def test_a_capture_has_begun_with_its_first_word() -> None:
    treating = Heard()
    treating.commands.carry_out(commands.StartCapture(3))
    fused = treating.noted.last("start_capture")[1]
    fused(0)
    fused(2)
    assert treating.events == [events.CaptureStarted(3), events.FramesFused(3, 0), events.FramesFused(3, 2)]


@pytest.mark.parametrize("plan_first", [True, False])
def test_a_plan_is_ready_when_it_and_the_planners_word_are_here(plan_first: bool) -> None:
    treating = Heard()
    treating.commands.carry_out(commands.RequestPlan(3, "s"))
    done = treating.noted.last("request_plan")[1]
    acts = [lambda: treating.hear_plan(PLAN), lambda: done(PLAN.sha256, "")]
    for act in acts if plan_first else acts[::-1]:
        assert treating.events == []
        act()
    (told,) = treating.events
    assert isinstance(told, events.PlanReady) and told.plan_sha256 == PLAN.sha256


def test_another_plan_than_the_planners_is_not_taken() -> None:
    treating = Heard()
    treating.commands.carry_out(commands.RequestPlan(3, "s"))
    treating.noted.last("request_plan")[1]("0" * 64, "")
    treating.hear_plan(PLAN)
    treating.hear_plan(None)
    assert treating.events == [] and treating.plan is None


def test_verification_waits_for_the_last_reports_and_judges_them() -> None:
    treating = Heard()
    treating.hear_plan(PLAN)
    treating.work(1.0)
    treating.events.clear()
    treating.commands.carry_out(commands.Verify(3, PLAN.sha256))
    treating.work(1.0 + 0.9 * REPORTS_WAIT_S)
    assert not [e for e in treating.events if isinstance(e, events.Verified)]
    rows = np.arange(len(PLAN))
    treating.hear_fired(ShotReport(PLAN.sha256, 1, rows, 1000 * rows, PLAN.energy_uj.astype(np.int64)))
    treating.hear_fired(ShotReport("another", 1, rows, rows, rows))
    treating.work(1.0 + 1.1 * REPORTS_WAIT_S)
    (verified,) = (e for e in treating.events if isinstance(e, events.Verified))
    assert verified.ok, verified
    treating.hear_plan(None)
    treating.commands.carry_out(commands.Verify(4, PLAN.sha256))
    treating.work(9.0)
    assert events.Verified(4, False, "the plan is gone") in treating.events


@pytest.mark.parametrize("come", [True, False])
def test_a_verdict_waits_for_evidence_but_not_for_ever(come: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device counts every spot as executed; half of the reports are seconds late, or never come."""
    treating = Heard()
    treating.hear_plan(PLAN)
    done = treating.status._replace(spots_done=len(PLAN), plan_sha256=PLAN.sha256)
    monkeypatch.setattr(type(treating), "status", property(lambda _: done))
    rows, half = np.arange(len(PLAN)), len(PLAN) // 2
    energy = PLAN.energy_uj.astype(np.int64)
    treating.hear_fired(ShotReport(PLAN.sha256, 1, rows[:half], 1000 * rows[:half], energy[:half]))
    treating.work(1.0)
    treating.commands.carry_out(commands.Verify(3, PLAN.sha256))
    treating.events.clear()
    for k in range(50):
        treating.work(1.0 + 0.1 * k)
    assert not [e for e in treating.events if isinstance(e, events.Verified)], "half of it is on its way"
    if come:
        treating.hear_fired(ShotReport(PLAN.sha256, 1, rows[half:], 1000 * rows[half:], energy[half:]))
    for k in range(50, 400):
        treating.work(1.0 + 0.1 * k)
    (verified,) = (e for e in treating.events if isinstance(e, events.Verified))
    assert verified.ok == come
    assert come or "evidence" in verified.reason.lower(), verified.reason


def test_the_status_is_told_when_it_changes_and_once_a_second() -> None:
    treating = Heard()
    told = [treating.work(0.02 * k).status is not None for k in range(101)]
    assert told[0] and sum(told) == 3


def test_the_end_waits_for_what_was_used_but_not_for_ever() -> None:
    clients = NotedClients()
    treating = Treating(clients)  # type: ignore[arg-type]
    treating.start(TreatRequest("ladd"), 0.0)
    clients.busy = True
    treating.cancel("enough")
    ended = [treating.work(0.1 * k).ended for k in range(1, 10)]
    assert not any(ended)
    clients.busy = False
    end = treating.work(1.0).ended
    assert end is not None and not end.success and end.spots_fired == 0
    assert treating.work(1.1).ended is None, "told once"
    treating.start(TreatRequest("ladd"), 2.0)
    clients.busy = True
    treating.cancel("enough")
    treating.work(2.1)
    assert treating.work(2.2 + END_WAIT_S).ended is not None


def test_an_indication_nobody_has_is_refused_at_once_and_the_next_treatment_begins() -> None:
    clients = NotedClients()
    known: list[tuple[str, ...] | None] = [None]
    treating = Treating(clients, indications=lambda: known[0])  # type: ignore[arg-type]
    treating.hear_safety("STANDBY", "", "")
    known[0] = ("ladd", "striae")
    treating.start(TreatRequest("freckles"), 1.0)
    ended = next(t.ended for t in (treating.work(1.0 + 0.02 * k) for k in range(300)) if t.ended)
    assert not ended.success and ended.status.state == "failed"
    assert "'freckles'" in ended.status.detail and "ladd, striae" in ended.status.detail
    assert not [c for c in clients.asked if c[0] == "start_capture"], "nothing was begun"
    for names in (("ladd", "striae"), None):
        known[0] = names
        treating.start(TreatRequest("ladd" if names else "freckles"), 10.0)
        assert treating.status.stage == "capture", "known, or not to be judged here yet"
        treating.cancel()
