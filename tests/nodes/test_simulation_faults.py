"""Faults of the simulated cell: each acts where it belongs, ends as it began, and wrong ones are named.

One node for all: after each test every fault is ended and everything is brought back to the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from simulated_cell import OK, Cell

pytestmark = pytest.mark.ros
STATE, SPAWNED = 2, 4
"""Scopes of a reset."""


@pytest.fixture(scope="module")
def only_cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    from in_process import Bench

    bench = Bench()
    cell = Cell(bench, tmp_path_factory.mktemp("cell"))
    yield cell
    cell.head.socket.close()
    bench.close()


@pytest.fixture
def cell(only_cell: Cell) -> Iterator[Cell]:
    only_cell.head.hear()
    only_cell.head.faults.clear()
    yield only_cell
    assert only_cell.reset(SPAWNED).result == OK and only_cell.reset(STATE).result == OK
    assert only_cell.line("emergency_stop_closed", True).success, "a reset releases no stop"
    assert only_cell.node._faults.panel.active() == [] and only_cell.node._cell.skin.motion.is_still


def wire(cell: Cell, line: str) -> bool:
    """What the scan head was told last of a line."""
    cell.bench.spin(0.05)
    return cell.head.hear().lines[-1][line]


def told(cell: Cell, line: str) -> bool:
    """What the topic says of a line, once it has said it anew."""
    count = len(cell.interlocks)
    cell.bench.wait(lambda: len(cell.interlocks) > count + 1, "the lines")
    return bool(getattr(cell.interlocks[-1], line))


def test_an_unknown_fault_is_answered_with_what_there_is(cell: Cell) -> None:
    unknown = cell.fault("gremlins")
    assert not unknown.success
    for name in ("stuck_shutter", "line_stuck", "camera_bias", "patient_sudden_move", "encoder_offset"):
        assert name in unknown.message


def test_faults_of_the_head_go_to_the_head_under_its_own_names(cell: Cell) -> None:
    assert cell.fault("stuck_shutter", position="open").success
    assert cell.fault("silent_device").success and cell.fault("camera_frozen").success
    cell.bench.wait(lambda: ("silent", True) in cell.head.hear().faults, "the head's own name for it")
    assert ("stuck_shutter", True) in cell.head.faults
    assert cell.reset(SPAWNED).result == OK
    cell.bench.wait(lambda: ("stuck_shutter", False) in cell.head.hear().faults, "the head's fault ended")


def test_two_faults_of_one_screw_do_not_end_each_other(cell: Cell) -> None:
    assert cell.fault("wrong_power", gain=1.3).success and cell.fault("lying_meter", gain=1.6).success
    assert cell.fault("lying_meter", False).success
    cell.bench.wait(lambda: ("lying_meter", False) in cell.head.hear().faults, "the end of one")
    cell.bench.spin(0.05)
    assert cell.head.hear().faults[-1] == ("drifting_power", True), "the other gets its screw back"
    assert cell.fault("wrong_power", False).success
    cell.bench.spin(0.05)
    assert cell.head.hear().faults[-1] == ("drifting_power", False)


def test_a_door_that_a_fault_opened_is_closed_with_it(cell: Cell) -> None:
    assert told(cell, "door_closed")
    assert cell.fault("door_open").success and not told(cell, "door_closed")
    assert cell.reset(SPAWNED).result == OK and told(cell, "door_closed")


@pytest.mark.parametrize(
    ("fault", "line"),
    [("footswitch_released", "footswitch_pressed"), ("eyewear_off", "eyewear_attested")],
)
def test_the_end_of_a_fault_presses_no_footswitch_and_attests_no_eyewear(
    cell: Cell, fault: str, line: str
) -> None:
    assert not told(cell, line), "nobody has"
    assert cell.fault(fault).success and cell.fault(fault, False).success
    assert not told(cell, line)
    assert cell.line(line, True).success and told(cell, line)
    assert cell.fault(fault).success and not told(cell, line)
    assert cell.fault(fault, False).success and told(cell, line), "as it was before"


def test_a_held_line_takes_what_was_asked_meanwhile_when_the_last_fault_ends(cell: Cell) -> None:
    assert cell.line("door_closed", False).success and cell.fault("door_open").success
    asked = cell.line("door_closed", True)
    assert asked.success and "held open until that ends (fault door_open)" in asked.message
    assert not told(cell, "door_closed"), "nobody closes a door that is held open"
    assert cell.fault("door_open", False).success and told(cell, "door_closed")


def test_a_second_publisher_is_found_by_whoever_counts(cell: Cell) -> None:
    count = cell.bench.client.count_publishers
    assert count("interlocks") == 1
    assert cell.fault("second_publisher").success and cell.fault("second_publisher").success
    cell.bench.wait(lambda: count("interlocks") == 2, "one too many")
    assert cell.fault("second_publisher", False).success
    cell.bench.wait(lambda: count("interlocks") == 1, "one alone")


def test_a_stuck_line_stays_whatever_is_asked(cell: Cell) -> None:
    line = "footswitch_pressed"
    assert cell.fault("line_stuck", line=line, value=True).success
    asked = cell.line(line, False)
    assert asked.success and "the line is stuck at True" in asked.message
    assert wire(cell, line) and told(cell, line)
    assert cell.fault("line_stuck", False, line=line).success
    assert not wire(cell, line), "what was asked last holds again"


def test_a_misread_line_is_a_lie_of_the_topic_alone(cell: Cell) -> None:
    line = "emergency_stop_closed"
    assert cell.fault("line_misread", line=line, value=True).success
    cell.line(line, False)
    assert told(cell, line) and not wire(cell, line)
    assert cell.node._cell.world.emergency_stop_open
    assert cell.reset(1).result == OK
    assert cell.node._cell.world.emergency_stop_open, (
        "the new world's stop is what the wire says, not the topic"
    )


def test_an_encoder_that_lies_moves_no_arm(cell: Cell) -> None:
    true = cell.node._cell.world.joint_state().position
    assert cell.fault("encoder_offset", rad=0.01).success
    cell.bench.spin(0.1)
    assert np.array(cell.joints[-1].position) - true == pytest.approx([0.01, 0, 0, 0, 0, 0], abs=1e-12)


def test_a_patient_that_moves_truly_moves(cell: Cell) -> None:
    assert cell.fault("patient_sudden_move", translation_m=[0.0, 0.004, 0.0], duration_s=0.05).success
    cell.bench.spin(0.1)
    point = np.array([[0.5, 0.0, 0.05]])
    there = cell.node._cell.skin.motion.displace(point, cell.node._cell.world.time_s)
    assert there - point == pytest.approx(np.array([[0.0, 0.004, 0.0]]))
    assert cell.reset(SPAWNED).result == OK and cell.node._cell.skin.motion.is_still


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("encoder_offset", {"joint": "hip"}, "no parameter 'joint'"),
        ("scan_head_killed", {}, "not carried out by the world"),
        ("encoder_offset", {"rad": float("nan")}, "rad"),
        ("clock_jump", {"s": 1e9}, "s must be"),
        ("arm_creeps", {"rad": 3.0, "in_s": 0.1}, "allowed"),
        ("arm_driven", {"in_s": 0.0}, "in_s must be positive"),
        ("line_stuck", {}, "no line None"),
        ("line_stuck", {"line": "key_on", "value": 3}, "true or false"),
        ("camera_bias", {"gloss_rad": 0.1}, "no parameter 'gloss_rad'"),
        ("camera_bias", {"bias_m": 1.0}, "bias_m"),
        ("patient_sudden_move", {"speed": 1}, "no parameter 'speed'"),
        ("patient_tremor", {"amplitude_m": -1}, "amplitude_m"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_by_name(
    cell: Cell, name: str, parameters: dict[str, Any], says: str
) -> None:
    answer = cell.fault(name, **parameters)
    assert not answer.success and says in answer.message, answer.message
    assert cell.node._faults.panel.active() == []


def test_the_clock_stops_and_jumps_alone(cell: Cell) -> None:
    cell.fault("clock_stopped")
    cell.bench.spin(0.1)
    clock, count = cell.clocks[-1], len(cell.joints)
    cell.bench.spin(0.2)
    assert cell.clocks[-1] == clock and len(cell.joints) > count + 5
    cell.fault("clock_stopped", False)
    cell.fault("clock_jump", s=100.0)
    cell.bench.wait(lambda: cell.clocks[-1] > 99.0, "the jump")
    cell.fault("clock_jump", False)


def test_joints_freeze_while_the_arm_creeps_and_are_lost(cell: Cell) -> None:
    assert cell.fault("joints_frozen", rad=0.2, in_s=0.5).success
    cell.bench.wait(lambda: not cell.node._cell.world.resting, "the arm creeping")
    cell.bench.wait(lambda: cell.node._cell.world.resting, "rest", 20.0)
    shown, true = cell.joints[-1].position[0], cell.node._cell.world.joint_state().position[0]
    assert true - shown == pytest.approx(0.2, abs=1e-3), "frozen encoders"
    cell.fault("joints_frozen", False)
    cell.fault("joints_lost")
    cell.bench.spin(0.1)
    count = len(cell.joints)
    cell.bench.spin(0.2)
    assert len(cell.joints) == count
