"""A fault that ends leaves everything as it was; two that turn the same screw do not end each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fault_rig import PATIENT, Captured, fault, play

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.simulation.faults import FAULTS
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.fault_acts import FaultActs
from openmtz.simulation.lockstep.processes import NODES
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.patient.request import build_patient

FOR_GOOD = {
    "arm_creeps", "arm_driven", "arm_protective_stop", "head_reboot", "plan_replaced", "surface_replaced",
    *(name for name in FAULTS if name.endswith("_killed")),
}  # fmt: skip
"""What has happened and cannot be taken back."""


@pytest.fixture(scope="module")
def acts() -> FaultActs:
    cell = LockstepCell(build_patient(json.dumps(PATIENT), 0), 0, CO2_120UM_LOW_ENERGY)
    cell.set_line("footswitch_pressed", True)
    cell.set_line("eyewear_attested", True)
    return FaultActs(cell, LockstepStack(cell, lambda _surface: pytest.fail("nobody plans here")))


def state(acts: FaultActs) -> dict[str, Any]:
    """Return everything a fault may touch."""
    cell, stack = acts._cell, acts._stack
    head, joints, processes = cell.head, stack.topics.joint_faults, stack.processes
    return {
        "lines": dict(cell.lines),
        "wires": head.core.lines,
        "plant": repr(head.plant.faults),
        "line": [
            (x.faults.lose, x.faults.corrupt, x.faults.late, x.faults.silent) for x in (head.rx, head.tx)
        ],
        "clock": (head._rate, stack.clock_offset_s),
        "powered": head.powered,
        "camera": cell.camera_faults,
        "motion": cell.skin.motion.parts,
        "joints": (joints.lost, joints.frozen, joints.offset_rad.tolist()),
        "records": stack.line.energy_factor,
        "monitor": (dict(stack.topics.lines.misread), stack.line.replayed),
        "running": {name: processes.runs(name) for name in NODES},
        "topics": processes.shared_topics,
        "plans": stack.plan_offset_m,
    }


@pytest.mark.parametrize("name", sorted(set(FAULTS) - FOR_GOOD))
def test_a_fault_that_ends_leaves_all_as_it_was(acts: FaultActs, name: str) -> None:
    acts._stack.line.last_frame = b"a permit"
    before = state(acts)
    acts.switch(name, True, {})
    assert state(acts) != before, f"{name} does nothing"
    acts.switch(name, False, {})
    assert state(acts) == before
    acts.switch(name, False, {})
    assert state(acts) == before, f"{name} ended twice"


def test_a_line_that_somebody_moved_meanwhile_stays_there(acts: FaultActs) -> None:
    acts.switch("footswitch_released", True, {})
    acts._cell.set_line("footswitch_pressed", True)
    acts.switch("footswitch_released", False, {})
    assert acts._cell.lines["footswitch_pressed"] is True
    acts._cell.set_line("footswitch_pressed", False)
    acts.switch("footswitch_released", True, {})
    acts.switch("footswitch_released", False, {})
    assert acts._cell.lines["footswitch_pressed"] is False, "the end of a fault presses no footswitch"
    acts._cell.set_line("footswitch_pressed", True)


def test_a_line_that_two_faults_hold_stays_held_until_both_have_ended(acts: FaultActs) -> None:
    cell = acts._cell
    acts.switch("door_open", True, {})
    cell.line_book.hold_open("door_closed", "a hand")
    acts.switch("door_open", False, {})
    assert cell.lines["door_closed"] is False
    cell.set_line("door_closed", True)
    assert cell.lines["door_closed"] is False, "who asks for it does not take the hand away"
    cell.line_book.let_go("door_closed", "a hand")
    assert cell.lines["door_closed"] is True


def test_an_arm_that_brakes_is_not_stopped_anew_by_another_line(acts: FaultActs) -> None:
    cell, told = acts._cell, []
    stop = cell.world.set_emergency_stop
    cell.world.set_emergency_stop = lambda is_open: (told.append(is_open), stop(is_open))  # type: ignore
    acts.switch("emergency_stop", True, {})
    acts.switch("door_open", True, {})
    acts.switch("door_open", False, {})
    acts.switch("emergency_stop", False, {})
    cell.world.set_emergency_stop = stop  # type: ignore[method-assign]
    assert told == [True, False]


def test_two_faults_of_one_screw_do_not_end_each_other(acts: FaultActs) -> None:
    plant = acts._cell.head.plant
    acts.switch("wrong_power", True, {"gain": 1.3})
    acts.switch("lying_meter", True, {"gain": 1.6})
    acts.switch("lying_meter", False, {})
    assert (plant.faults.gain, plant.faults.meter_gain) == (1.3, 1.0)
    acts.switch("wrong_power", False, {})
    assert plant.faults.gain == 1.0
    acts.switch("camera_bias", True, {})
    acts.switch("camera_scale", True, {})
    acts.switch("camera_bias", False, {})
    assert acts._cell.camera_faults.depth_scale == 1.03 and acts._cell.camera_faults.bias_m == 0.0
    acts.switch("camera_scale", False, {})


def test_an_arm_that_is_stopped_cannot_be_driven(known: Captured) -> None:
    faults = [fault("emergency_stop", known.midst), fault("arm_driven", known.midst, 0.05)]
    run = play(known, faults, stop_s=0.001)
    assert run.result.outcome == "stopped" and run.said("trajectory-rejected")
    assert run.names <= {"under-energy"}


def test_a_fault_for_a_while_begins_and_ends_in_the_log(known: Captured) -> None:
    run = play(known, [fault("smoke_evacuator_off", known.midst, for_s=1.5)], stop_s=0.1)
    entries = [e for e in run.result.log.of("fault") if e["name"] == "smoke_evacuator_off"]
    assert [e["active"] for e in entries] == [True, False]
    assert entries[1]["t"] - entries[0]["t"] == pytest.approx(1.5, abs=0.006)
    assert run.result.outcome == "done" and not run.harms
