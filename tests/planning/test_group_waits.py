"""Waits between the groups of a plan: ten seconds or more over the same skin, nothing for one pass."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.planning import Group
from openmtz.planning.order.waits import BETWEEN_PASSES_S, LONGER_S, group_waits
from openmtz.tissue import HeatModel


def field(x_m: float, energy_mj: float = 10.0, pitch_m: float = 0.8e-3, side: int = 9) -> Group:
    line = np.arange(side) * pitch_m
    u, v = np.meshgrid(line + x_m, line)
    places = np.column_stack([u.ravel(), v.ravel(), np.zeros(side * side)])
    count = len(places)
    return Group(places, np.arange(count) * 0.01, np.full(count, energy_mj), np.full(count, 400.0))


def gap_between(groups: list[Group], waits: list[float], first: int, second: int) -> float:
    """Time from the last shot of one group to the first of another, without any motion."""
    starts, ends, now = [], [], 0.0
    for group, wait in zip(groups, waits, strict=True):
        starts.append(now + wait)
        now = starts[-1] + float(group.fired_at_s[-1])
        ends.append(now)
    return starts[second] - ends[first]


def test_one_pass_waits_for_nothing() -> None:
    assert group_waits([field(0.0), field(0.0072), field(0.0144)], [0, 0, 0]) == [0.0, 0.0, 0.0]
    assert group_waits([], []) == []


def test_a_second_pass_over_the_same_skin_comes_ten_seconds_later() -> None:
    groups = [field(0.0), field(1e-4)]
    first, second = group_waits(groups, [0, 1], HeatModel(eta=0.05))
    assert (first, second) == (0.0, BETWEEN_PASSES_S)


def test_other_groups_fired_in_between_count() -> None:
    """Stations there and back: the second pass of the first station has waited long enough already."""
    groups = [field(0.0), field(0.05), field(0.1), field(0.1), field(0.05), field(0.0)]
    waits = group_waits(groups, [0, 0, 0, 1, 1, 1], HeatModel(eta=0.05))
    assert waits[:3] == [0.0, 0.0, 0.0] and waits[3] == BETWEEN_PASSES_S and waits[4:] == [0.0, 0.0]
    for first, second in ((2, 3), (1, 4), (0, 5)):
        assert gap_between(groups, waits, first, second) >= BETWEEN_PASSES_S


def test_a_pass_elsewhere_waits_for_nothing() -> None:
    assert group_waits([field(0.0), field(0.1)], [0, 1]) == [0.0, 0.0]


def test_warm_skin_waits_longer_and_never_beyond_the_longest() -> None:
    """Spots so dense that 10 s do not bring the skin back to within 1 K."""
    groups = [field(0.0, 40.0, 0.3e-3, 21), field(1e-4, 40.0, 0.3e-3, 21)]
    _, wait = group_waits(groups, [0, 1], HeatModel(eta=0.3))
    assert wait in LONGER_S
    _, cooler = group_waits(groups, [0, 1], HeatModel(eta=0.02))
    assert cooler <= wait


def test_numbers_that_do_not_match_are_named() -> None:
    with pytest.raises(ValueError, match="1 pass numbers for 2 groups"):
        group_waits([field(0.0), field(0.0)], [0])
