"""Waits between firing groups: never shortened, motion counts towards them, the status tells the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from procedure_driver import GROUPS, SHA, Driver

from openmtz.plan import TreatmentPlan
from openmtz.procedure import Group, ProcedureConfig, commands as cmd, events as ev, groups_of

WAITING = (GROUPS[0], replace(GROUPS[1], wait_s=10.0), GROUPS[2])


class Waiting(Driver):
    """A driver whose plan waits 10 s before its second group."""

    groups: tuple[Group, ...] = WAITING

    def answer(self, command: cmd.Command) -> list[ev.Event]:
        if isinstance(command, cmd.RequestPlan):
            return [ev.PlanReady(command.ticket, SHA, self.groups)]
        return super().answer(command)


def after_the_first_group() -> Waiting:
    d = Waiting()
    d.to_firing()
    d.set_safety("FIRING")
    d.send(ev.GroupFired(d.fire.ticket, 100))
    d.set_safety("READY")
    return d


def fires(d: Driver) -> int:
    return sum(isinstance(c, cmd.Fire) for c in d.commands)


def test_it_rests_at_the_station_without_a_token_until_the_wait_is_over() -> None:
    d = after_the_first_group()
    assert d.procedure.state == "cooling" and isinstance(d.commands[-1], cmd.ReturnToken)
    assert d.procedure.status.waiting_for == "" and d.procedure.status.stage == "treat"
    d.tick(0.5)  # the end of the group is known from here on
    assert "10 s to go" in d.procedure.status.detail
    d.tick(6.6)
    assert d.procedure.state == "cooling" and "4 s to go" in d.procedure.status.detail
    d.tick(3.3)
    assert fires(d) == 1
    d.tick(0.2)
    assert fires(d) == 2 and d.procedure.state == "firing" and d.fire.first == 100


def test_motion_counts_towards_the_wait() -> None:
    d = Waiting()
    d.to_firing()
    d.deaf.add(cmd.MoveTo)
    d.set_safety("FIRING")
    d.send(ev.GroupFired(d.fire.ticket, 100))
    d.tick()
    for _ in range(6):
        d.tick(2.0)
    move = d.last(cmd.MoveTo)
    assert isinstance(move, cmd.MoveTo)
    d.send(ev.Arrived(move.ticket))
    assert d.procedure.state == "firing" and "cooling" not in d.states


def test_a_group_without_a_wait_does_not_rest() -> None:
    d = Driver().to_firing()
    d.send(ev.GroupFired(d.fire.ticket, 100))
    assert d.procedure.state == "firing" and d.fire.first == 100


def test_a_door_in_between_neither_shortens_nor_restarts_the_wait() -> None:
    d = after_the_first_group()
    d.tick(0.1)
    d.tick(4.05)
    d.set_safety("STANDBY", "door-open")
    assert d.procedure.state == "ready_waiting"
    d.tick(2.0)
    d.set_safety("READY")
    assert d.procedure.state == "cooling" and "4 s to go" in d.procedure.status.detail
    d.tick(3.9)
    assert fires(d) == 1
    d.tick(0.2)
    assert fires(d) == 2


def test_a_break_within_a_group_does_not_wait_again() -> None:
    d = after_the_first_group()
    d.tick(0.1)
    d.tick(10.1)
    assert fires(d) == 2
    d.send(ev.FireInterrupted(d.fire.ticket, 120, "line quiet"))
    d.tick()
    assert fires(d) == 3 and d.fire.first == 120


def test_the_wait_counts_from_the_tick_after_the_end_never_from_before() -> None:
    """What is told between two ticks happened after the first of them."""
    d = after_the_first_group()
    d.tick(1.0)  # up to a second may have gone by before the group ended
    d.tick(9.9)
    assert fires(d) == 1
    d.tick(0.2)
    assert fires(d) == 2


@pytest.mark.parametrize("state", ["FAULT", "OFF"])
def test_resting_is_stopped_like_everything_else(state: str) -> None:
    d = after_the_first_group()
    d.set_safety(state)
    assert d.procedure.state == "stopped" and fires(d) == 1
    d.tick(20.0)
    assert fires(d) == 1


def test_the_end_of_the_approval_stops_the_rest() -> None:
    d = after_the_first_group()
    d.send(ev.ApprovalEnded())
    assert d.procedure.state == "stopped"


@pytest.mark.parametrize("wait", [float("nan"), -1.0, float("inf"), 1e4])
def test_waits_that_cannot_be_are_no_plan(wait: float) -> None:
    d = Waiting()
    d.groups = (GROUPS[0], replace(GROUPS[1], wait_s=wait), GROUPS[2])
    d.tick()
    d.send(ev.TreatRequested())
    assert d.procedure.state == "failed" and "nothing to fire" in d.procedure.status.detail


def test_the_longest_wait_of_a_plan_is_within_the_bound_of_the_state() -> None:
    from openmtz.plan.layout import MAX_GROUP_WAIT_S

    assert ProcedureConfig().cooling_s > MAX_GROUP_WAIT_S


EVENTS = st.one_of(
    st.tuples(st.just("tick"), st.floats(0.0, 8.0)),
    st.tuples(st.just("safety"), st.sampled_from(["READY", "READY", "FIRING", "HOLD", "STANDBY"])),
    st.tuples(st.just("good"), st.just(0)),
    st.tuples(st.just("interrupt"), st.integers(0, 320)),
    st.tuples(st.just("refuse"), st.just(0)),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(EVENTS, max_size=80), st.floats(0.0, 60.0), st.floats(0.0, 60.0))
def test_never_fires_before_the_wait_is_over(
    steps: list[tuple[str, float]], second: float, third: float
) -> None:
    """Whatever comes, in time that also passes between the ticks; every answer is given by hand."""
    d = Waiting()
    d.groups = (GROUPS[0], replace(GROUPS[1], wait_s=second), replace(GROUPS[2], wait_s=third))
    d.to_firing()
    d.deaf |= {cmd.MoveTo, cmd.RequestToken, cmd.Fire}
    true_now, ended_at, told, open_fire = d.now, 0.0, len(d.commands), True
    for name, value in steps:
        true_now += 0.004
        last = next(c for c in reversed(d.commands) if hasattr(c, "ticket"))
        if name == "tick":
            true_now += value
            d.send(ev.Tick(true_now))
        elif name == "safety":
            d.set_safety(str(value))
        elif name == "refuse" and isinstance(last, cmd.RequestToken):
            d.send(ev.TokenRefused(last.ticket, "busy"))
        elif isinstance(last, cmd.RequestToken):
            d.send(ev.TokenGranted(last.ticket))
        elif isinstance(last, cmd.MoveTo):
            d.send(ev.Arrived(last.ticket))
        elif isinstance(last, cmd.Fire) and open_fire:
            group = next(g for g in d.groups if g.first <= last.first < g.end)
            to = group.end if name == "good" else min(max(int(value), last.first), group.end)
            d.send((ev.GroupFired if name == "good" else _interrupted)(last.ticket, to))
            open_fire, ended_at = False, true_now if to == group.end else ended_at
        for command in d.commands[told:]:
            if isinstance(command, cmd.Fire):
                group = next(g for g in d.groups if g.first <= command.first < g.end)
                assert true_now - ended_at >= group.wait_s, (group, true_now, ended_at)
                open_fire = True
        told = len(d.commands)


def _interrupted(ticket: int, spot: int) -> ev.FireInterrupted:
    return ev.FireInterrupted(ticket, spot, "test")


def test_groups_of_a_plan() -> None:
    plan = TreatmentPlan(
        header={"format_version": 2, "group_wait_s": [0, 12.5]},
        position_nm=np.zeros((3, 3), np.int32),
        normal_e9=np.tile(np.array([0, 0, 10**9], np.int32), (3, 1)),
        energy_uj=np.full(3, 1, np.uint32),
        pulse_us=np.full(3, 1, np.uint32),
        depth_um=np.full(3, 1, np.uint32),
        not_before_us=np.zeros(3, np.uint32),
        station=np.zeros(3, np.uint16),
        pass_index=np.array([0, 0, 1], np.uint8),
        station_pose=np.array([[0, 0, 0, 0, 0, 0, 1.0]]),
    )
    assert groups_of(plan) == (Group(0, 0, 0, 2, 0.0), Group(0, 1, 2, 3, 12.5))
