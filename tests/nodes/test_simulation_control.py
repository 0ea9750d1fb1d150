"""Pause, step, reset of the simulated cell, and that nothing may fire meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated_cell import ALREADY, FAILED, IMPOSSIBLE, INCORRECT, OK, UNSUPPORTED, Cell, seconds

pytestmark = pytest.mark.ros


def test_what_it_says_of_itself_is_what_it_can(cell: Cell) -> None:
    from simulation_interfaces.msg import SimulationState, SimulatorFeatures
    from simulation_interfaces.srv import GetSimulatorFeatures

    said = set(cell.call(GetSimulatorFeatures, "get_simulator_features").features.features)
    able = {
        name
        for name in ("RESET", "RESET_TIME", "RESET_STATE", "RESET_SPAWNED", "STATE_GETTING", "STATE_SETTING")
    }
    assert said == {getattr(SimulatorFeatures, f"SIMULATION_{name}") for name in able} | {
        SimulatorFeatures.SIMULATION_STATE_PAUSE,
        SimulatorFeatures.STEP_SIMULATION_SINGLE,
        SimulatorFeatures.STEP_SIMULATION_MULTIPLE,
    }
    assert cell.now() == SimulationState.STATE_PLAYING
    assert cell.state("PLAYING").result == ALREADY
    answer = cell.state("INITIALIZING")
    assert answer.result == IMPOSSIBLE and "INITIALIZING" in answer.error_message


@pytest.mark.alone
def test_a_pause_takes_the_foot_off_and_stops_time(cell: Cell) -> None:
    cell.swing()
    assert cell.line("footswitch_pressed", True).success
    cell.bench.wait(lambda: cell.head.hear().lines[-1]["footswitch_pressed"], "the press at the head")
    assert cell.state("PAUSED").result == OK
    cell.bench.spin(0.05)
    heard = cell.head.hear().lines[-1]
    assert not heard["footswitch_pressed"], "the head hears it by wire, whatever the topics do"
    assert heard["emergency_stop_closed"] and heard["key_on"], "a pause is no emergency"
    at, count, clock = cell.node._cell.world.time_s, len(cell.joints), cell.clocks[-1]
    joints = cell.node._cell.world.joint_state().position
    lines = len(cell.interlocks)
    cell.bench.spin(0.4)
    assert cell.node._cell.world.time_s == at and cell.clocks[-1] == clock
    assert len(cell.joints) == count, "no fresh joint states: whoever needs them, waits"
    assert np.array_equal(cell.node._cell.world.joint_state().position, joints)
    assert len(cell.interlocks) > lines + 5, "the room's lines go on"
    assert not cell.interlocks[-1].footswitch_pressed
    refused = cell.line("footswitch_pressed", True)
    assert not refused.success and "paused" in refused.message
    assert cell.state("PLAYING").result == OK
    cell.bench.wait(lambda: len(cell.joints) > count + 5, "joint states again")
    assert cell.node._cell.world.time_s < at + 0.3, "the time of the pause is not made good"
    assert not cell.head.hear().lines[-1]["footswitch_pressed"], "only a person presses it again"


def test_the_monitor_withholds_what_a_pause_makes_old(cell: Cell) -> None:
    """The other half of the safe state: without joint states the monitor knows no pose."""
    from openmtz_interfaces.msg import SafetyState

    from openmtz.nodes import safety_monitor, topics

    states: list[Any] = []
    topics.SAFETY_STATE.subscription(cell.bench.client, states.append)
    cell.bench.add(safety_monitor.create)
    cell.bench.wait(lambda: states and "arm-lost" not in states[-1].withheld, "a monitor that sees the arm")
    cell.state("PAUSED")
    cell.bench.wait(lambda: "arm-lost" in states[-1].withheld, "arm-lost")
    cell.state("PLAYING")
    cell.bench.wait(lambda: "arm-lost" not in states[-1].withheld, "the arm back")
    assert states[-1].permits_granted == 0 and states[-1].state != SafetyState.FIRING


def test_steps_are_exact_and_report_as_time_does(cell: Cell) -> None:
    assert cell.step(1).result == INCORRECT, "playing"
    cell.swing()
    cell.state("PAUSED")
    cell.bench.spin(0.1)
    at, count = cell.node._cell.world.time_s, len(cell.joints)
    assert cell.step(1).result == OK
    assert cell.node._cell.world.time_s == pytest.approx(at + 0.002, abs=1e-9)
    assert cell.step(500).result == OK
    assert cell.node._cell.world.time_s == pytest.approx(at + 1.002, abs=1e-9)
    cell.bench.spin(0.1)
    stamps = [seconds(m.header.stamp) for m in cell.joints[count:]]
    assert len(stamps) >= 100 and np.diff(stamps).max() < 0.013, "125 joint states in a second of steps"
    assert not cell.node._cell.world.resting
    for steps in (0, 10**19):
        answer = cell.step(steps)
        assert answer.result == FAILED and "steps must lie in 1.." in answer.error_message


def test_a_reset_brings_back_what_was_asked(cell: Cell) -> None:
    from openmtz.robot import HOME

    cell.swing(1)
    refused = cell.reset(1)
    assert refused.result == FAILED and "the arm moves" in refused.error_message
    cell.bench.wait(lambda: cell.node._cell.world.resting, "rest", 20.0)
    moved = cell.node._cell.world.joint_state().position
    assert abs(moved[0] - HOME[0]) > 0.3
    cell.state("PAUSED")
    before = cell.clocks[-1]
    assert cell.reset(2).result == OK, "state alone"
    cell.bench.spin(0.1)
    assert np.array_equal(cell.node._cell.world.joint_state().position, HOME)
    assert cell.clocks[-1] == pytest.approx(before, abs=0.02), "time goes on"
    assert cell.reset(1).result == OK, "time alone"
    cell.bench.spin(0.1)
    assert cell.clocks[-1] == 0.0
    assert cell.fault("joints_frozen").success and cell.line("door_closed", False).success
    assert cell.reset(4).result == OK
    assert cell.node._faults.panel.active() == []
    assert not cell.node._cell.lines.read()["door_closed"], "a door is no fault"
    assert cell.state("STOPPED").result == OK
    assert cell.node._cell.lines.read()["door_closed"], "stopping resets everything"
    assert cell.node._cell.world.time_s == 0.0
    bad = cell.reset(8)
    assert bad.result == UNSUPPORTED and "255" in bad.error_message


def test_quitting_ends_the_process(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    signals: list[int] = []
    monkeypatch.setattr("openmtz.nodes.simulation.os.kill", lambda _pid, number: signals.append(number))
    assert cell.state("QUITTING").result == OK
    assert signals == [2]
    assert cell.state("PLAYING").result == IMPOSSIBLE


@pytest.mark.alone
def test_other_than_real_time_keeps_the_key_off(bench: Any, tmp_path: Path) -> None:
    cell = Cell(bench, tmp_path, real_time_factor=4.0)
    cell.bench.wait(lambda: cell.head.hear().lines, "lines")
    assert not cell.head.lines[-1]["key_on"]
    refused = cell.line("key_on", True)
    assert not refused.success and "real_time_factor is 4" in refused.message
    assert not cell.head.hear().lines[-1]["key_on"] and not cell.interlocks[-1].key_on
    from time import monotonic

    began, at = monotonic(), cell.node._cell.world.time_s
    bench.spin(0.5)
    factor = (cell.node._cell.world.time_s - at) / (monotonic() - began)
    assert 2.5 < factor < 5.0
    cell.head.socket.close()
