"""Pausing and other factors than real time; the states of a simulation."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from openmtz.simulation.clock.pacer import Pacer
from openmtz.simulation.clock.play_state import EVERYTHING, Answer, RunControl, RunState, Scope, scope_of


class Hand:
    """A clock moved by hand."""

    now = 50.0

    def __call__(self) -> float:
        return self.now


@example(0.125, [(0.0625, False), (0.0859375, False)])  # a remainder of a step is no stall
@given(st.floats(0.1, 10.0), st.lists(st.tuples(st.floats(0.0, 0.09), st.booleans()), max_size=100))
def test_time_is_the_factor_times_what_ran_and_pauses_count_for_nothing(
    factor: float, turns: list[tuple[float, bool]]
) -> None:
    hand = Hand()
    pacer = Pacer(0.002, hand, factor=factor)
    ran, steps = 0.0, 0
    for wait, paused in turns:
        if paused:
            pacer.pause()
        hand.now += wait
        due = pacer.due_steps()
        assert not (paused and due), "a paused world makes no step"
        if paused:
            pacer.resume()
        else:
            ran += wait
        steps += due
    assert steps * 0.002 == pytest.approx(factor * ran, abs=0.00201)
    assert pacer.slipped_s == 0
    assert hand.now - pacer.monotonic_s <= 0.00201 / factor


def test_a_long_pause_is_no_stall() -> None:
    hand = Hand()
    pacer = Pacer(0.002, hand)
    hand.now += 0.0031
    pacer.pause()
    assert pacer.paused and pacer.due_steps() == 0
    hand.now += 3600.0
    pacer.resume()
    assert pacer.due_steps() == 1, "what was owed before"
    assert pacer.slipped_s == 0.0
    hand.now += 0.002
    assert pacer.due_steps() == 1
    assert pacer.real_time_factor == pytest.approx(0.004 / 0.0051)


def test_what_is_made_good_after_a_stall_is_real_time() -> None:
    hand = Hand()
    pacer = Pacer(0.002, hand, max_catch_up_s=0.1, factor=5.0)
    hand.now += 1.0
    assert pacer.due_steps() == 250
    assert pacer.slipped_s == pytest.approx(4.5)


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.05, 11.0, float("nan"), float("inf")])
def test_factors_that_cannot_be(factor: float) -> None:
    with pytest.raises(ValueError, match="factor must lie in"):
        Pacer(0.002, factor=factor)


def test_every_transition() -> None:
    reachable = (RunState.PLAYING, RunState.PAUSED, RunState.STOPPED)
    for start in reachable:
        for target in RunState:
            control = RunControl()
            if start is not RunState.PLAYING:
                assert control.request(start).answer is Answer.OK
            change = control.request(target)
            if target is start:
                assert change.answer is Answer.ALREADY and start.name.lower() in change.text
            elif target is RunState.INITIALIZING:
                assert change.answer is Answer.IMPOSSIBLE and control.state is start
            else:
                assert change.answer is Answer.OK and control.state is target
            assert change.reset == (target is RunState.STOPPED and start is not RunState.STOPPED)
    control = RunControl()
    control.request(RunState.QUITTING)
    assert control.request(RunState.PLAYING).answer is Answer.IMPOSSIBLE
    unknown = RunControl().request(77)
    assert unknown.answer is Answer.IMPOSSIBLE and "2 PAUSED" in unknown.text


def test_a_step_out_of_stopped_leaves_it_paused() -> None:
    control = RunControl()
    control.request(RunState.STOPPED)
    control.stepped()
    assert control.state is RunState.PAUSED and not control.playing


def test_scopes() -> None:
    assert scope_of(0) == scope_of(255) == scope_of(7) == EVERYTHING
    assert scope_of(5) == Scope.TIME | Scope.SPAWNED
    for number in (8, 16, 100, 254):
        with pytest.raises(ValueError, match="255 for everything"):
            scope_of(number)
