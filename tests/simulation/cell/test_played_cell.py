"""The cell behind node `simulation`, without ROS: lines, resets, shots on the true skin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openmtz.robot import HOME, JOINT_NAMES
from openmtz.safety import LINE_NAMES
from openmtz.simulation.cell import PlayedCell
from openmtz.simulation.clock import Scope
from openmtz.simulation.faults import LineAnswer
from openmtz.simulation.patient import build_patient
from openmtz.simulation.scan_head_device import Shots

PATIENT = json.dumps({"kind": "phantom", "phantom": "forearm", "lesions": "none"})


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[PlayedCell]:
    cell = PlayedCell(build_patient(PATIENT, 0), 0, wires_path=str(tmp_path / "wires"))
    yield cell
    cell.close()


def test_without_a_head_every_line_is_closed_and_with_one_as_its_table_says(cell: PlayedCell) -> None:
    alone = PlayedCell(build_patient(PATIENT, 0), 0)
    assert all(alone.lines.wires()[name] for name in LINE_NAMES) and alone.judge_shots() == []
    assert not cell.lines.carried("footswitch_pressed") and cell.lines.carried("key_on")
    assert cell.wires is not None and cell.wires.lines() == cell.lines.wires()


def test_other_than_real_time_keeps_the_key_off(tmp_path: Path) -> None:
    cell = PlayedCell(build_patient(PATIENT, 0), 0, factor=4.0, wires_path=str(tmp_path / "wires"))
    asked = cell.set_line("key_on", True, playing=True)
    assert asked.answer is LineAnswer.REFUSED and "real_time_factor is 4" in asked.text
    assert cell.wires is not None and not cell.wires.lines()["key_on"]
    cell.reset(Scope.STATE)
    assert not cell.wires.lines()["key_on"], "a reset turns no key"
    cell.close()


def test_nobody_presses_the_footswitch_in_a_world_that_stands_still(cell: PlayedCell) -> None:
    refused = cell.set_line("footswitch_pressed", True, playing=False)
    assert not refused.taken and "paused" in refused.text and not cell.lines.carried("footswitch_pressed")
    assert cell.set_line("footswitch_pressed", True, playing=True).taken
    assert cell.set_line("door_closed", False, playing=False).taken, "any other line moves"
    cell.release_footswitch()
    assert not cell.lines.carried("footswitch_pressed")


def test_a_reset_brings_back_what_was_asked(cell: PlayedCell) -> None:
    goal = np.array([HOME, HOME + np.array([0.1, 0, 0, 0, 0, 0])])
    cell.world.follow(list(JOINT_NAMES), [0.0, 1.0], goal)
    cell.advance(100)
    assert cell.rest.since_s is None and "the arm moves" in cell.why_no_reset(Scope.TIME)
    assert cell.why_no_reset(Scope.TIME | Scope.STATE) == ""
    cell.advance(2000)
    now, joints = cell.time_s, cell.world.joint_state().position
    assert cell.why_no_reset(Scope.TIME) == "" and abs(joints[0] - HOME[0]) > 0.09
    assert cell.reset(Scope.TIME) and cell.time_s == 0.0
    assert np.array_equal(cell.world.joint_state().position, joints), "where it was"
    cell.advance(100)
    cell.lines.ask("door_closed", False)
    assert cell.reset(Scope.STATE) and cell.time_s == pytest.approx(0.2) and now > 4.0
    assert np.array_equal(cell.world.joint_state().position, HOME) and cell.lines.carried("door_closed")
    assert not cell.reset(Scope.SPAWNED), "what faults changed is not the world's"


@pytest.mark.parametrize("scope", [Scope.TIME, Scope.STATE])
def test_a_new_world_is_stopped_while_its_stop_line_is_held_open(cell: PlayedCell, scope: Scope) -> None:
    cell.lines.switch_fault("emergency_stop", True)
    cell.reset(scope)
    assert cell.world.emergency_stop_open
    cell.lines.switch_fault("emergency_stop", False)
    assert not cell.world.emergency_stop_open


def test_a_shot_is_judged_at_its_instant(cell: PlayedCell) -> None:
    cell.advance(10)
    at = np.array([cell.pacer.monotonic_s])
    shots = Shots("", np.array([7]), np.zeros((1, 2)), np.array([10.0]), at)
    judged = cell.judge(shots)
    assert judged.hits.hit.tolist() == [True] and judged.times_s == pytest.approx(cell.world.time_s)
