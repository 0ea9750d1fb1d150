"""What a fault does, on both rigs: its end leaves all as it was; two of one cause do not end each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from fault_rig import Captured, fault, play
from rigs import GraphRig, LockstepRig

from openmtz.simulation.faults import (
    ACTS,
    ALL_FAULTS,
    FAULTS,
    LACKS,
    Absent,
    FaultPanel,
    NotCarriedOut,
    Rig,
    why_not,
)

AnyRig = LockstepRig | GraphRig
RIGS = {"lockstep": LockstepRig, "graph": GraphRig}
FOR_GOOD = {
    "arm_creeps", "arm_driven", "arm_protective_stop", "head_reboot", "plan_replaced", "surface_replaced",
    *(name for name in FAULTS if name.endswith("_killed")),
}  # fmt: skip
"""What has happened and cannot be taken back."""
GIVEN: dict[str, dict[str, Any]] = {
    "line_stuck": {"line": "key_on", "value": False},
    "line_misread": {"value": False},
}
"""Parameters of those that have no defaults, or whose default is how things are."""


@pytest.fixture(scope="module", params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyRig]:
    """Each of the rigs in turn, its people at their places."""
    rig = RIGS[request.param](tmp_path_factory.mktemp("rig"))
    for line in ("footswitch_pressed", "eyewear_attested"):
        rig.lines.ask(line, True)
    yield rig
    rig.close()


def test_every_fault_has_an_act_and_every_act_a_fault() -> None:
    assert set(ACTS) == set(ALL_FAULTS)
    ports = {f.name for f in fields(Rig)}
    assert all(act.uses and set(act.uses) <= ports for act in ACTS.values())


def test_a_rig_lacks_what_the_table_says(rig: AnyRig) -> None:
    assert rig.panel.rig.lacks() == LACKS[rig.name]
    assert rig.panel.names() == sorted(n for n in ALL_FAULTS if not why_not(rig.name, ACTS[n].uses))
    assert rig.name != "lockstep" or set(FAULTS) <= set(rig.panel.names()), "scenarios can bring about all"


@pytest.mark.parametrize("name", sorted(set(ALL_FAULTS) - FOR_GOOD))
def test_a_fault_that_ends_leaves_all_as_it_was(rig: AnyRig, name: str) -> None:
    given = GIVEN.get(name, {})
    before = rig.state()
    if rig.panel.why_not(name):
        with pytest.raises(NotCarriedOut, match=f"{name} .* is not carried out by the .*: .*"):
            rig.panel.switch(name, True, given)
        assert rig.state() == before and name not in rig.panel.active()
        return
    rig.panel.switch(name, True, given)
    assert rig.state() != before, f"{name} does nothing"
    assert rig.panel.active() == [name]
    rig.panel.switch(name, False, given)
    assert rig.state() == before
    rig.panel.switch(name, False, given)
    assert rig.state() == before, f"{name} ended twice"
    rig.panel.switch(name, True, given)
    rig.panel.switch(name, True, given)
    rig.panel.switch(name, False, given)
    assert rig.state() == before, f"{name} begun twice"
    assert rig.panel.active() == []


@pytest.mark.parametrize("name", sorted(ALL_FAULTS))
def test_an_act_uses_the_ports_it_says(rig: AnyRig, name: str) -> None:
    """On a rig that has nothing else it does the same; that is what tells which rig can carry it out."""
    if rig.panel.why_not(name) or name in FOR_GOOD:
        return
    others = {f.name for f in fields(Rig)} - set(ACTS[name].uses)
    bare = FaultPanel(replace(rig.panel.rig, **{port: Absent("not its own") for port in others}), "a test")
    before = rig.state()
    bare.switch(name, True, GIVEN.get(name, {}))
    assert rig.state() != before
    bare.switch(name, False, GIVEN.get(name, {}))
    assert rig.state() == before


def test_a_line_that_somebody_moved_meanwhile_stays_there(rig: AnyRig) -> None:
    rig.panel.switch("footswitch_released", True, {})
    rig.lines.ask("footswitch_pressed", True)
    rig.panel.switch("footswitch_released", False, {})
    assert rig.lines.carried("footswitch_pressed") is True
    rig.lines.ask("footswitch_pressed", False)
    rig.panel.switch("footswitch_released", True, {})
    rig.panel.switch("footswitch_released", False, {})
    assert rig.lines.carried("footswitch_pressed") is False, "the end of a fault presses no footswitch"
    rig.lines.ask("footswitch_pressed", True)


def test_the_end_of_a_fault_attests_no_eyewear(rig: AnyRig) -> None:
    rig.lines.ask("eyewear_attested", False)
    rig.panel.switch("eyewear_off", True, {})
    rig.panel.switch("eyewear_off", False, {})
    assert rig.lines.carried("eyewear_attested") is False
    rig.lines.ask("eyewear_attested", True)


def test_a_line_that_two_faults_hold_stays_held_until_both_have_ended(rig: AnyRig) -> None:
    rig.panel.switch("door_open", True, {})
    rig.lines.hold_open("door_closed", "a hand")
    rig.panel.switch("door_open", False, {})
    assert rig.lines.carried("door_closed") is False
    rig.lines.ask("door_closed", True)
    assert rig.lines.carried("door_closed") is False, "who asks for it does not take the hand away"
    rig.lines.let_go("door_closed", "a hand")
    assert rig.lines.carried("door_closed") is True


def test_an_arm_that_brakes_is_not_stopped_anew_by_another_line(rig: AnyRig) -> None:
    told: list[bool] = []
    world = rig.cell.world
    stop = world.set_emergency_stop
    world.set_emergency_stop = lambda is_open: (told.append(is_open), stop(is_open))  # type: ignore
    rig.panel.switch("emergency_stop", True, {})
    rig.panel.switch("door_open", True, {})
    rig.panel.switch("door_open", False, {})
    rig.panel.switch("emergency_stop", False, {})
    world.set_emergency_stop = stop  # type: ignore[method-assign]
    assert told == [True, False]


def test_two_faults_of_one_screw_do_not_end_each_other(rig: AnyRig) -> None:
    switch = rig.panel.switch
    switch("wrong_power", True, {"gain": 1.3})
    switch("lying_meter", True, {"gain": 1.6})
    switch("lying_meter", False, {})
    assert (rig.device().gain, rig.device().meter_gain) == (1.3, 1.0)
    switch("wrong_power", False, {})
    assert rig.device().gain == 1.0
    switch("camera_bias", True, {})
    switch("camera_scale", True, {})
    switch("camera_bias", False, {})
    assert rig.camera().depth_scale == 1.03 and rig.camera().bias_m == 0.0
    switch("camera_scale", False, {})


def test_two_motions_of_a_patient_add_up(rig: AnyRig) -> None:
    own = len(rig.cell.skin.motion.parts)
    rig.panel.switch("patient_drift", True, {})
    rig.panel.switch("patient_sudden_move", True, {"translation_m": [0.0, 0.001, 0.0]})
    assert len(rig.cell.skin.motion.parts) == own + 2
    rig.panel.switch("patient_drift", False, {})
    assert len(rig.cell.skin.motion.parts) == own + 1
    rig.panel.switch("patient_sudden_move", False, {})
    assert len(rig.cell.skin.motion.parts) == own


def test_an_arm_is_driven_and_stopped(rig: AnyRig) -> None:
    rig.panel.switch("arm_driven", True, {"rad": 0.02})
    world = rig.cell.world
    assert not world.resting
    rig.panel.switch("arm_driven", False, {})
    assert not world.resting, "what has happened cannot be taken back"
    rig.panel.switch("arm_protective_stop", True, {})
    for _ in range(500):
        world.step_count(1)
    assert world.resting
    with pytest.raises(ValueError, match="arm_creeps: in_s must be positive"):
        rig.panel.switch("arm_creeps", True, {"in_s": 0.0})
    rig.panel.clear()
    assert rig.panel.active() == []


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("gremlins", "", "no fault 'gremlins'; there are: .*arm_creeps.*wrong_power"),
        ("door_open", "{", "not JSON"),
        ("door_open", "[1]", "must be a JSON object"),
        ("door_open", '{"wide": 1}', "door_open has no parameter 'wide'"),
        ("encoder_offset", '{"rad": 4.0}', "encoder_offset: rad must be"),
        ("line_stuck", "{}", "line_stuck: no line None"),
        ("line_stuck", '{"line": "key_on", "value": 3}', "line_stuck: value must be true or false"),
        ("line_misread", '{"line": "window"}', "line_misread: no line 'window'"),
        ("camera_bias", '{"bias_m": 1.0}', "camera_bias: .*bias_m"),
        ("patient_tremor", '{"amplitude_m": -1}', "patient_tremor: .*amplitude_m"),
        ("lost_bytes", '{"direction": 1}', "lost_bytes: direction must be like 'both'"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(
    rig: AnyRig, name: str, given: str, says: str
) -> None:
    before = rig.state()
    text = rig.panel.ask(name, True, given)
    assert re.search(says, text, re.S), text
    assert rig.state() == before and rig.panel.active() == []


def test_a_frozen_arm_tells_old_joints_as_of_now(rig: AnyRig) -> None:
    joints, world = rig.cell.joints, rig.cell.world
    first = joints.tell(world.joint_state())
    assert first is not None
    rig.panel.switch("joints_frozen", True, {"rad": 0.05})
    for _ in range(200):
        world.step_count(1)
    told = joints.tell(world.joint_state())
    assert told is not None and np.array_equal(told.position, first.position)
    assert told.time_s == world.time_s > first.time_s
    assert world.joint_state().position[0] > first.position[0] + 0.01
    rig.panel.switch("joints_frozen", False, {})


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
