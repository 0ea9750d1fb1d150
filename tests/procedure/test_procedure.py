"""The procedure: the way through, pauses, stops, bounded waits, late answers."""

from __future__ import annotations

import pytest
from procedure_driver import GROUPS, SHA, Driver

from openmtz.procedure import (
    ACTIVE,
    FINAL,
    ROWS,
    STATES,
    Procedure,
    ProcedureConfig,
    commands as cmd,
    events as ev,
)


def test_the_whole_way() -> None:
    d = Driver().to_approval()
    assert d.procedure.status.waiting_for == "approval"
    d.send(ev.Approved(SHA))
    assert d.procedure.status.waiting_for == "ready"
    d.set_safety("READY")
    assert d.procedure.state == "done"
    assert isinstance(d.commands[-1], cmd.WithdrawReady), "no laser is left armed behind a treatment"
    fires = [(c.station, c.pass_index, c.first) for c in d.commands if isinstance(c, cmd.Fire)]
    assert fires == [(g.station, g.pass_index, g.first) for g in GROUPS]
    moves = [(c.target, c.index) for c in d.commands if isinstance(c, cmd.MoveTo)]
    assert moves == [("view", 0), ("view", 1), ("view", 2), ("station", 0), ("station", 0), ("station", 1),
                     ("home", 0)]  # fmt: skip
    status = d.procedure.status
    assert (status.spots_done, status.spots_total, status.stage) == (300, 300, "done")


def test_frames_that_are_told_before_the_arrival_count() -> None:
    d = Driver()
    d.deaf.add(cmd.MoveTo)
    d.tick()
    d.send(ev.TreatRequested())
    for k in range(1, 16):
        d.send(ev.FramesFused(d.capture_ticket, k))
        if k % 5 == 0:
            move = d.last(cmd.MoveTo)
            assert isinstance(move, cmd.MoveTo) and move.index == k // 5 - 1
            d.send(ev.Arrived(move.ticket))
    assert d.procedure.state == "approving"


def test_a_view_out_of_reach_is_skipped_while_enough_remain() -> None:
    d = Driver()
    d.deaf.add(cmd.MoveTo)
    d.tick()
    d.send(ev.TreatRequested())
    for _ in range(2):
        move = d.last(cmd.MoveTo)
        assert isinstance(move, cmd.MoveTo)
        d.send(ev.MoveFailed(move.ticket, "wrist_3_joint at its limit"))
    assert d.procedure.state == "failed"
    assert "wrist_3_joint" in d.procedure.status.detail


def late(d: Driver) -> cmd.MoveTo:
    """The move under way fails for late states, and is asked for again with a token of its own."""
    move = d.last(cmd.MoveTo)
    assert isinstance(move, cmd.MoveTo)
    d.send(ev.MoveFailed(move.ticket, "no joint states for 0.5 s", late=True))
    assert d.procedure.state.endswith("_token") and isinstance(d.commands[-1], cmd.ReturnToken)
    for _ in range(3):
        d.tick()
    again = d.last(cmd.MoveTo)
    assert isinstance(again, cmd.MoveTo) and again.ticket != move.ticket
    assert (again.target, again.index) == (move.target, move.index), "the same place"
    return again


def test_a_view_that_was_late_is_asked_for_again_and_is_not_one_out_of_reach() -> None:
    d = Driver()
    d.deaf.add(cmd.MoveTo)
    d.tick()
    d.send(ev.TreatRequested())
    for _ in range(4):
        move = late(d)
    d.send(ev.Arrived(move.ticket))
    assert d.procedure.state == "capture_frames"


def test_the_station_and_the_way_home_are_asked_for_again() -> None:
    d = Driver().to_approval()
    d.deaf.add(cmd.MoveTo)
    d.send(ev.Approved(SHA))
    d.set_safety("READY")
    while d.procedure.state == "station_moving":
        d.send(ev.Arrived(late(d).ticket))
    assert d.procedure.state == "retreat_moving"
    d.send(ev.Arrived(late(d).ticket))
    assert d.procedure.state == "done"


def test_being_late_has_an_end() -> None:
    d = Driver(config=ProcedureConfig(late_s=2.0)).to_approval()
    d.deaf.add(cmd.MoveTo)
    d.send(ev.Approved(SHA))
    d.set_safety("READY")
    for _ in range(100):
        move = d.last(cmd.MoveTo)
        assert isinstance(move, cmd.MoveTo)
        d.send(ev.MoveFailed(move.ticket, "no joint states for 0.5 s", late=True))
        if d.procedure.finished:
            break
        for _ in range(3):
            d.tick()
    assert d.procedure.state == "failed" and "no joint states" in d.procedure.status.detail


def test_frames_may_come_slowly_but_must_come() -> None:
    d = Driver(config=ProcedureConfig(frames_s=5.0))
    d.deaf.add(cmd.MoveTo)
    d.tick()
    d.send(ev.TreatRequested())
    move = d.last(cmd.MoveTo)
    assert isinstance(move, cmd.MoveTo)
    d.send(ev.Arrived(move.ticket))
    for k in range(1, 4):
        d.tick(4.0)
        d.send(ev.FramesFused(d.capture_ticket, k))
    assert d.procedure.state == "capture_frames", "12 s, but never 5 without a frame"
    d.tick(6.0)
    assert d.procedure.state == "failed"


def test_the_motion_token_is_back_before_emission_is_asked_for() -> None:
    d = Driver().to_firing()
    names = [type(c).__name__ for c in d.commands]
    at = max(i for i, c in enumerate(d.commands) if isinstance(c, cmd.RequestToken) and c.token == "emission")
    assert names[at - 1] == "ReturnToken"


@pytest.mark.parametrize("alive", [True, False])
def test_a_hold_pauses_and_firing_goes_on_at_the_next_spot(alive: bool) -> None:
    d = Driver().to_firing()
    d.set_safety("FIRING")
    d.send(ev.FireProgress(d.fire.ticket, 40))
    d.set_safety("HOLD", "footswitch-released")
    assert d.procedure.status.waiting_for == "footswitch"
    fires = sum(isinstance(c, cmd.Fire) for c in d.commands)
    if not alive:
        d.send(ev.FireInterrupted(d.fire.ticket, 42, "held"))
        assert d.procedure.state == "refiring" and isinstance(d.commands[-1], cmd.ReturnToken)
        d.set_safety("READY", "token-returned")
        d.tick()
        assert d.procedure.status.waiting_for == "footswitch"
    d.set_safety("FIRING")
    assert d.procedure.state == "firing" and d.procedure.status.waiting_for == ""
    assert sum(isinstance(c, cmd.Fire) for c in d.commands) == fires + (not alive)
    assert d.fire.first == (0 if alive else 42)


def test_an_interruption_told_before_the_hold() -> None:
    d = Driver().to_firing()
    d.set_safety("FIRING")
    d.send(ev.FireInterrupted(d.fire.ticket, 10, "gate closed"))
    assert d.procedure.state == "refiring"
    d.set_safety("HOLD")
    d.tick()
    d.set_safety("FIRING")
    assert d.procedure.state == "firing" and d.fire.first == 10


def test_holds_may_interrupt_as_often_as_the_operator_likes() -> None:
    d = Driver().to_firing()
    for k in range(20):
        d.set_safety("FIRING")
        d.set_safety("HOLD")
        d.send(ev.FireInterrupted(d.fire.ticket, k, "held"))
        d.tick()
    assert d.procedure.state == "firing" and d.fire.first == 19


def test_interruptions_are_retried_but_not_for_ever() -> None:
    d = Driver().to_firing()
    d.set_safety("FIRING")
    for _ in range(20):
        if d.procedure.finished:
            break
        d.send(ev.FireInterrupted(d.fire.ticket, 10, "serial line quiet"))
        d.tick()
    assert d.procedure.state == "failed" and "serial line quiet" in d.procedure.status.detail


def test_a_door_means_ready_again_and_the_whole_way_to_the_station() -> None:
    d = Driver().to_firing()
    d.set_safety("FIRING")
    d.send(ev.FireProgress(d.fire.ticket, 40))
    d.set_safety("STANDBY", "door-open")
    assert d.procedure.state == "fire_ending" and isinstance(d.commands[-1], cmd.CancelFire)
    d.send(ev.FireInterrupted(d.fire.ticket, 41, "cancelled"))
    assert d.procedure.status.waiting_for == "ready"
    d.set_safety("ARMING")
    assert d.procedure.state == "ready_waiting"
    d.set_safety("READY")
    tail = [type(c).__name__ for c in d.commands[-6:]]
    assert tail == ["ReturnToken", "RequestToken", "MoveTo", "ReturnToken", "RequestToken", "Fire"]
    assert d.fire.first == 41


def test_a_group_that_ends_just_as_the_door_opens_is_not_fired_again() -> None:
    d = Driver().to_firing()
    d.set_safety("FIRING")
    d.set_safety("STANDBY", "door-open")
    d.send(ev.GroupFired(d.fire.ticket, 100))
    d.set_safety("READY")
    assert (d.fire.station, d.fire.pass_index, d.fire.first) == (0, 1, 100)


def test_standby_on_the_way_to_a_station_stops_the_arm() -> None:
    d = Driver().to_approval()
    d.deaf.add(cmd.MoveTo)
    d.send(ev.Approved(SHA))
    d.set_safety("READY")
    assert d.procedure.state == "station_moving"
    d.set_safety("STANDBY", "door-open")
    assert [type(c).__name__ for c in d.commands[-2:]] == ["StopArm", "ReturnToken"]
    assert d.procedure.state == "ready_waiting"


@pytest.mark.parametrize("state", ACTIVE)
def test_fault_and_cancel_stop_from_every_state(state: str) -> None:
    for event in (ev.SafetyChanged("FAULT", "emergency-stop"), ev.CancelRequested()):
        p = Procedure()
        p._state = state
        names = [type(c).__name__ for c in p.step(event)]
        stop = ["CancelFire", "StopArm", "CancelCapture", "CancelPlan", "ReturnToken", "WithdrawReady"]
        assert names == stop
        assert p.state == "stopped" and p.status.detail
        assert p.step(ev.SafetyChanged("READY")) == p.step(ev.Tick(1e6)) == []


@pytest.mark.parametrize("state", ACTIVE)
def test_every_state_has_a_bounded_wait(state: str) -> None:
    p = Procedure()
    p.step(ev.Tick(0.0))
    p._state = state
    limit = getattr(p.config, STATES[state].limit)
    p.step(ev.Tick(limit + 0.1))
    assert p.state == STATES[state].after and state in p.status.detail


def test_refused_tokens_are_asked_for_again_and_the_last_answer_is_told() -> None:
    d = Driver()
    d.deaf.add(cmd.RequestToken)
    d.tick()
    d.send(ev.TreatRequested())
    for _ in range(200):
        if d.procedure.finished:
            break
        request = d.last(cmd.RequestToken)
        assert isinstance(request, cmd.RequestToken)
        d.send(ev.TokenRefused(request.ticket, "permit-alive"))
        d.tick()
    assert d.procedure.state == "failed" and "permit-alive" in d.procedure.status.detail
    assert sum(isinstance(c, cmd.RequestToken) for c in d.commands) > 10


def test_late_answers_are_ignored() -> None:
    d = Driver().to_approval()
    d.deaf |= {cmd.MoveTo, cmd.RequestToken}
    d.send(ev.Approved(SHA))
    d.set_safety("READY")
    old = d.last(cmd.RequestToken)
    assert isinstance(old, cmd.RequestToken)
    d.set_safety("STANDBY")
    d.set_safety("READY")
    d.send(ev.TokenGranted(old.ticket))
    assert d.procedure.state == "station_token"
    d.send(ev.Arrived(999), ev.GroupFired(old.ticket, 100), ev.PlanReady(1, SHA, GROUPS))
    assert d.procedure.state == "station_token"


def test_another_plan_s_approval_is_no_approval() -> None:
    d = Driver().to_approval()
    d.send(ev.Approved("cd" * 32))
    assert d.procedure.state == "approving"


@pytest.mark.parametrize(
    "event", [ev.ApprovalRefused("too dense"), ev.CancelRequested(), ev.SafetyChanged("FAULT", "x")]
)
def test_refusals_stop(event: ev.Event) -> None:
    d = Driver().to_approval()
    d.send(event)
    assert d.procedure.state == "stopped"


def test_an_approval_that_ends_stops_the_treatment() -> None:
    d = Driver().to_firing()
    d.send(ev.ApprovalEnded("another plan was made"))
    assert d.procedure.state == "stopped" and "another plan" in d.procedure.status.detail


def test_failures_are_failures() -> None:
    for kind, event in (
        (cmd.RequestPlan, lambda t: ev.PlanFailed(t, "no spots within reach")),
        (cmd.RequestPlan, lambda t: ev.PlanReady(t, SHA, ())),
        (cmd.StartCapture, lambda t: ev.CaptureFailed(t, "frames are all zero")),
        (cmd.Verify, lambda t: ev.Verified(t, False, "3 spots missing")),
    ):
        d = Driver()
        d.deaf.add(kind)
        d.tick()
        d.send(ev.TreatRequested())
        if kind is cmd.Verify:
            d.send(ev.Approved(SHA))
            d.set_safety("READY")
        command = d.last(kind)
        d.send(event(command.ticket))  # type: ignore[attr-defined, no-untyped-call]
        assert d.procedure.state == "failed", kind


def test_a_new_request_begins_anew() -> None:
    d = Driver().to_firing()
    d.send(ev.CancelRequested())
    d.deaf.clear()
    d.send(ev.TreatRequested())
    assert d.procedure.state == "approving" and d.procedure.status.spots_done == 0
    d.set_safety("STANDBY")
    d.send(ev.Approved(SHA))
    d.set_safety("READY")
    assert d.procedure.state == "done"


def test_the_table_is_whole() -> None:
    for row in ROWS:
        assert set(row.states) <= set(STATES) and (row.to in STATES or row.to == "")
        assert not row.guard or row.guard in Procedure()._guards()
        assert all(hasattr(Procedure, f"_do_{name}") for name in row.commands)
    for name, state in STATES.items():
        assert (name in ACTIVE) == bool(state.limit)
        if name in ACTIVE:
            assert any(name in r.states and r.to and r.to not in FINAL for r in ROWS) or name == "verifying"


@pytest.mark.parametrize("bad", [{"views": 2, "views_min": 3}, {"move_s": 0.0}, {"token_s": float("inf")}])
def test_a_config_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        ProcedureConfig(**bad)  # type: ignore[arg-type]


def test_a_stage_is_counted_from_its_beginning_not_from_the_machines_start() -> None:
    """The clock is the machine's own: 50,000 s after its start the first stage had lasted so long."""
    procedure = Procedure()
    procedure.step(ev.Tick(50_000.0))
    assert procedure.status.stage_s == 0.0
    procedure.step(ev.Tick(50_003.0))
    assert (procedure.status.stage, procedure.status.stage_s) == ("idle", 3.0)
    procedure.step(ev.TreatRequested())
    procedure.step(ev.Tick(50_004.5))
    assert (procedure.status.stage, procedure.status.stage_s) == ("capture", 1.5)
