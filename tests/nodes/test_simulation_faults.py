"""Faults of the simulated cell: each acts where it belongs, and wrong ones are named."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_cell import OK, Cell

pytestmark = pytest.mark.ros


def test_faults_go_where_they_belong(cell: Cell) -> None:
    unknown = cell.fault("gremlins")
    assert not unknown.success
    for name in ("stuck_shutter", "line_stuck", "camera_bias", "patient_sudden_move", "encoder_offset"):
        assert name in unknown.message, "the message lists what there is"
    assert cell.fault("stuck_shutter", position="open").success
    assert cell.fault("silent_device").success and cell.fault("camera_frozen").success
    cell.bench.wait(lambda: ("silent", True) in cell.head.hear().faults, "the head's own name for it")
    assert cell.fault("door_open").success and not cell.node._cell.lines.read()["door_closed"]
    cell.bench.wait(lambda: ("stuck_shutter", True) in cell.head.hear().faults, "the head's fault")
    # a stuck line
    assert cell.fault("line_stuck", line="footswitch_pressed", value=True).success
    cell.line("footswitch_pressed", False)
    cell.bench.spin(0.1)
    assert cell.head.hear().lines[-1]["footswitch_pressed"] and cell.interlocks[-1].footswitch_pressed
    assert cell.fault("line_stuck", False, line="footswitch_pressed").success
    cell.bench.spin(0.1)
    assert not cell.head.hear().lines[-1]["footswitch_pressed"], "what was asked last holds again"
    # the topic lies, the wire does not
    assert cell.fault("line_misread", line="emergency_stop_closed", value=True).success
    cell.line("emergency_stop_closed", False)
    cell.bench.spin(0.1)
    assert (
        cell.interlocks[-1].emergency_stop_closed and not cell.head.hear().lines[-1]["emergency_stop_closed"]
    )
    assert cell.node._cell.world.emergency_stop_open
    cell.line("emergency_stop_closed", True)
    # the encoder lies, the arm does not move
    true = cell.node._cell.world.joint_state().position
    assert cell.fault("encoder_offset", rad=0.01).success
    cell.bench.spin(0.1)
    assert np.array(cell.joints[-1].position) - true == pytest.approx([0.01, 0, 0, 0, 0, 0], abs=1e-12)
    # the patient truly moves
    assert cell.fault("patient_sudden_move", translation_m=[0.0, 0.004, 0.0], duration_s=0.05).success
    cell.bench.spin(0.1)
    point = np.array([[0.5, 0.0, 0.05]])
    there = cell.node._cell.skin.motion.displace(point, cell.node._cell.world.time_s)
    assert there - point == pytest.approx(np.array([[0.0, 0.004, 0.0]]))
    for name, parameters, says in (
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
    ):
        answer = cell.fault(name, **parameters)
        assert not answer.success and says in answer.message, (name, answer.message)
    assert cell.reset(4).result == OK
    assert cell.node._cell.skin.motion.is_still and cell.node._faults.panel.active() == []
    assert cell.node._cell.lines.read()["door_closed"], "a door that a fault opened is closed with it"
    cell.bench.wait(lambda: ("stuck_shutter", False) in cell.head.hear().faults, "the head's fault ended")


def test_frozen_and_lost_joints_and_clock(cell: Cell) -> None:
    cell.fault("clock_stopped")
    cell.bench.spin(0.1)
    clock, count = cell.clocks[-1], len(cell.joints)
    cell.bench.spin(0.2)
    assert cell.clocks[-1] == clock and len(cell.joints) > count + 5
    cell.fault("clock_stopped", False)
    cell.fault("clock_jump", s=100.0)
    cell.bench.wait(lambda: cell.clocks[-1] > 99.0, "the jump")
    cell.fault("clock_jump", False)
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
