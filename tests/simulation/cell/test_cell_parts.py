"""What the lockstep cell and the graph's cell have in common, each part alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from openmtz.capture import CameraIntrinsics
from openmtz.robot import HOME, JOINT_NAMES
from openmtz.simulation.arm import World
from openmtz.simulation.cell import (
    CameraRates,
    FrameSchedule,
    RestWatch,
    TopicClock,
    stop_is_open,
    wired_lines,
)
from openmtz.simulation.clock import MOST_STEPS, RunState, Stepping


def test_lines_act_where_they_are_wired_to_from_the_first_moment() -> None:
    head: dict[str, bool] = {}
    stops: list[bool] = []
    lines = wired_lines(head.__setitem__, stops.append, refused={"key_on": "no key here"})
    assert head == lines.wires() and head["emergency_stop_closed"] and not head["key_on"]
    assert stops == [False] and not stop_is_open(lines)
    lines.ask("door_closed", False)
    assert head["door_closed"] is False and stops == [False], "the door does not stop the arm"
    lines.switch_fault("emergency_stop", True)
    assert stops[-1] and stop_is_open(lines) and not head["emergency_stop_closed"]
    lines.misread("emergency_stop_closed", True)
    assert lines.read()["emergency_stop_closed"] and stop_is_open(lines), "what is told changes no wire"
    lines.switch_fault("emergency_stop", False)
    assert not stops[-1] and head["emergency_stop_closed"]
    assert not lines.ask("key_on", True).taken and not head["key_on"]


class Touching:
    """A world that moves or rests and touches what it is told to."""

    def __init__(self) -> None:
        self.resting = True
        self.pairs: list[tuple[str, str]] = []

    def contacts(self) -> list[tuple[str, str]]:
        return self.pairs


def test_rest_is_counted_from_the_standstill_and_a_collision_told_once() -> None:
    world: Any = Touching()
    watch = RestWatch()
    assert watch.since_s == 0.0 and watch.look(world, 1.0) == [] and watch.since_s == 0.0
    world.resting, world.pairs = False, [("hand", "table")]
    assert watch.look(world, 2.0) == [("hand", "table")] and watch.since_s is None
    world.pairs = [("hand", "table"), ("hand", "wall")]
    assert watch.look(world, 3.0) == [("hand", "wall")]
    world.resting = True
    assert watch.look(world, 4.0) == [] and watch.since_s == 4.0
    watch.look(world, 5.0)
    assert watch.since_s == 4.0
    watch.begin_anew()
    world.resting = False
    assert len(watch.look(world, 6.0)) == 2, "in a new world everything is touched for the first time"


def test_stamps_lead_back_to_the_instant_they_name() -> None:
    clock = TopicClock(offset_s=3.0)
    assert clock.stamp_s(2.0) == 5.0 and clock.time_of(5.0) == 2.0
    clock.jump_s = 100.0
    assert clock.stamp_s(2.0) == 105.0 and clock.time_of(105.0) == 2.0
    clock.jump_s = -100.0
    assert clock.stamp_s(2.0) == 0.0, "never before 0"


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def times(schedule: FrameSchedule, world: World, rest_since_s: float | None, until_s: float) -> list[float]:
    """Return when pictures are taken, asked every 5 ms."""
    asked = (schedule.due(world, now, rest_since_s) for now in np.arange(0.0, until_s, 0.005))
    return [one.stamp_s for one in asked if one is not None]


def test_whole_pictures_come_at_rest_while_somebody_asks(world: World) -> None:
    schedule = FrameSchedule(CameraRates(10.0, 0.0, while_moving=False), CameraIntrinsics())
    assert times(schedule, world, 0.0, 1.0) == [], "nobody asked"
    schedule.streaming = True
    taken = times(schedule, world, 0.0, 1.0)
    assert taken[0] == pytest.approx(0.1) and np.allclose(np.diff(taken), 0.1, atol=0.006)
    assert times(schedule, world, None, 1.0) == [], "not while it moves"
    free = FrameSchedule(CameraRates(10.0), CameraIntrinsics())
    free.streaming = True
    assert len(times(free, world, None, 1.0)) == 5, "at half the rate, as a camera that runs freely"
    assert free.due(world, 9.0, None, ready=False) is None


def test_windows_come_while_the_laser_may_fire_and_nobody_asks_for_more(world: World) -> None:
    schedule = FrameSchedule(CameraRates(15.0, 10.0), CameraIntrinsics())
    schedule.laser_may_fire = True
    first = schedule.due(world, 1.0, 0.0)
    assert first is not None and first.window is not None and first.n == 0
    assert schedule.due(world, 1.05, 0.0) is None, "ten a second"
    assert schedule.due(world, 1.2, 0.0, pending=1) is None, "a late camera loses pictures"
    second = schedule.due(world, 1.2, 0.0)
    assert second is not None and second.n == 1 and second.window == first.window
    schedule.streaming = True
    whole = schedule.due(world, 1.4, 0.0)
    assert whole is not None and whole.window is None


def test_a_window_follows_the_arm() -> None:
    world = World()
    schedule = FrameSchedule(CameraRates(15.0, 10.0), CameraIntrinsics())
    schedule.laser_may_fire = True
    first = schedule.due(world, 0.0, 0.0)
    goal = np.array([HOME, HOME + np.array([0.2, 0, 0, 0, 0, 0])])
    world.follow(list(JOINT_NAMES), [0.0, 2.0], goal)
    world.step_count(1500)
    moved = schedule.due(world, world.time_s, 2.0)
    assert first is not None and moved is not None
    assert moved.n == 0 and moved.still_key != first.still_key


def test_steps_are_made_in_portions_and_refused_where_they_cannot_be() -> None:
    steps = Stepping(0.002, 4)
    assert "playing; pause it first" in steps.why_not(RunState.PLAYING, 1)
    for count in (0, MOST_STEPS + 1):
        assert "steps must lie in 1.." in steps.why_not(RunState.PAUSED, count)
    assert steps.why_not(RunState.STOPPED, 1) == "" and not steps.done
    steps.begin(9)
    assert "9 steps of an earlier call" in steps.why_not(RunState.PAUSED, 1)
    assert [steps.take(), steps.take()] == [4, 4] and not steps.done
    assert steps.take() == 1 and steps.done
    steps.end()
    assert not steps.done and steps.why_not(RunState.PAUSED, 1) == ""
