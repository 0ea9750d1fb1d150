"""Pacing follows the clock, whole steps at a time, and gives up what it cannot make good."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from openmtz.simulation.clock.pacer import Pacer


class Hand:
    """A clock moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0.0, 0.09), max_size=200))
def test_nothing_is_lost_while_it_keeps_up(pauses: list[float]) -> None:
    hand = Hand()
    pacer = Pacer(0.002, hand)
    steps = 0
    for pause in pauses:
        hand.now += pause
        steps += pacer.due_steps()
        assert 0 <= hand.now - pacer.monotonic_s < 0.002 + 1e-6
    assert steps * 0.002 == pytest.approx(hand.now - 1000.0, abs=0.00201)
    assert pacer.slipped_s == 0


def test_a_stall_is_made_good_only_in_part_and_counted() -> None:
    hand = Hand()
    pacer = Pacer(0.002, hand, max_catch_up_s=0.1)
    hand.now += 1.0
    assert pacer.due_steps() == 50
    assert pacer.slipped_s == pytest.approx(0.9)
    assert pacer.real_time_factor == pytest.approx(0.1)
    assert pacer.due_steps() == 0


def test_a_clock_that_goes_back_gives_no_steps() -> None:
    hand = Hand()
    pacer = Pacer(0.002, hand)
    hand.now -= 5.0
    assert pacer.due_steps() == 0
    hand.now += 5.002
    assert pacer.due_steps() == 1


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="timestep"):
        Pacer(0.0)
