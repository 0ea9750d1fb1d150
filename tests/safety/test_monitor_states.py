"""States: what leads where, and that nothing resumes by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safety_cell import BOOT, Cell, station_pose

from openmtz.safety import Approve, RequestToken, SafetyConfig, SafetyMonitor, SafetyState, SetReady, Token

S = SafetyState


def test_it_begins_off_with_nothing_approved() -> None:
    cell = Cell()
    out = cell.monitor.step(cell.inputs(), cell.now)
    assert (out.state, out.token, out.grant) == (S.OFF, Token.NONE, None)
    assert out.approved_plan_sha256 == "" and out.stop_arm


def test_it_needs_a_boot_id() -> None:
    with pytest.raises(ValueError, match="boot_id"):
        SafetyMonitor(SafetyConfig(), "", 0.0)


@pytest.mark.parametrize("missing", ["interlocks", "head", "arm", "progress scan_head", "progress recorder"])
def test_it_stays_off_until_every_source_reports(missing: str) -> None:
    cell = Cell()
    cell.silent.add(missing)
    assert cell.run(3.0).state is S.OFF
    cell.silent.clear()
    assert cell.run(0.2).state is S.STANDBY


def test_without_a_recorder_only_if_the_config_says_so() -> None:
    cell = Cell(SafetyConfig(recorder=""))
    cell.silent.add("progress recorder")
    assert cell.run(0.3).state is S.STANDBY


def test_ready_asked_for_while_a_line_settles_says_when_to_ask_again() -> None:
    """Attested a moment ago: to attest anew would begin the moment anew."""
    cell = Cell()
    cell.lines["eyewear_attested"] = False
    cell.to_standby()
    assert cell.approve().accepted
    early = cell.ask(SetReady(True))
    assert not early.accepted and "attest it anew" in early.text
    cell.lines["eyewear_attested"] = True
    cell.run(0.02)
    settling = cell.ask(SetReady(True))
    assert not settling.accepted and "ask again in 0.05 s" in settling.text
    assert "anew" not in settling.text
    cell.run(0.05)
    assert cell.ask(SetReady(True)).accepted


def test_an_emergency_stop_at_start_is_no_fault_but_keeps_it_off() -> None:
    cell = Cell()
    cell.lines["emergency_stop_closed"] = False
    assert cell.run(0.5).state is S.OFF
    cell.lines["emergency_stop_closed"] = True
    assert cell.run(0.3).state is S.STANDBY


def test_the_whole_way_to_the_last_spot() -> None:
    cell = Cell().to_firing()
    while cell.executed < 100:
        cell.step()
    cell.step()
    assert "group-complete" in cell.out.withheld
    assert cell.ask(RequestToken(Token.NONE)).accepted
    assert cell.monitor.state is S.READY
    reply = cell.ask(RequestToken(Token.MOTION))
    assert not reply.accepted and reply.code == "permit-alive"
    cell.run(0.1)
    assert cell.ask(RequestToken(Token.MOTION)).accepted
    cell.pose, cell.joints = station_pose(cell.plan, 1), cell.joints + 0.1
    cell.run(0.2)
    assert cell.ask(RequestToken(Token.NONE)).accepted
    assert cell.ask(RequestToken(Token.EMISSION, 1)).accepted
    cell.select(1)
    cell.run(0.5)  # the footswitch was held all the way: one fresh press per READY
    assert cell.executed == 200
    assert [i for _, i in cell.emissions] == list(range(200))
    assert cell.out.state is S.FIRING


def test_ready_takes_its_delay_and_a_released_footswitch() -> None:
    cell = Cell().to_standby()
    assert cell.ask(SetReady(True)).code == "approval-ended"
    assert cell.approve().accepted
    cell.lines["footswitch_pressed"] = True
    cell.step()
    assert cell.ask(SetReady(True)).code == "footswitch-in-arming"
    cell.lines["footswitch_pressed"] = False
    cell.step()
    began = cell.now
    assert cell.ask(SetReady(True)).accepted
    while cell.step().state is S.ARMING:
        pass
    assert cell.out.state is S.READY and cell.now - began >= 2.0


def test_a_press_while_arming_goes_back_to_standby() -> None:
    cell = Cell().to_standby()
    cell.approve()
    cell.ask(SetReady(True))
    cell.lines["footswitch_pressed"] = True
    assert cell.step().state is S.STANDBY
    assert cell.out.cause == "footswitch-in-arming"


def test_firing_needs_a_press_after_ready() -> None:
    cell = Cell().to_emission()
    assert cell.run(1.0).state is S.READY and not cell.emissions
    cell.lines["footswitch_pressed"] = True
    assert cell.run(0.05).state is S.FIRING and cell.emissions


def test_releasing_the_footswitch_holds_and_a_new_press_resumes_where_it_was() -> None:
    cell = Cell().to_firing()
    cell.lines["footswitch_pressed"] = False
    assert cell.step().state is S.HOLD and cell.out.revoke
    fired = len(cell.emissions)
    cell.run(1.0)
    assert len(cell.emissions) == fired
    cell.lines["footswitch_pressed"] = True
    cell.run(0.6)
    assert [i for _, i in cell.emissions] == list(range(100))


def test_a_hold_by_another_cause_needs_a_fresh_press() -> None:
    cell = Cell().to_firing()
    good = cell.pose.copy()
    cell.pose = good.copy()
    cell.pose[0, 3] += 0.0005
    assert cell.step().state is S.HOLD and cell.out.cause == "arm-off-station" and cell.out.revoke
    cell.pose = good
    assert cell.run(0.5).state is S.HOLD  # the pedal is still down
    cell.lines["footswitch_pressed"] = False
    cell.step()
    cell.lines["footswitch_pressed"] = True
    assert cell.run(0.05).state is S.FIRING


@pytest.mark.parametrize(
    ("line", "cause"),
    [("door_closed", "door-open"), ("smoke_evacuator_on", "smoke-evacuator-off"),
     ("eyewear_attested", "eyewear-not-attested")],
)  # fmt: skip
def test_an_opened_line_means_standby_and_ready_by_hand(line: str, cause: str) -> None:
    cell = Cell().to_firing()
    cell.lines[line] = False
    out = cell.step()
    assert (out.state, out.cause, out.token, out.revoke) == (S.STANDBY, cause, Token.NONE, True)
    cell.lines[line] = True
    fired = len(cell.emissions)
    assert cell.run(5.0).state is S.STANDBY
    assert len(cell.emissions) == fired
    assert cell.out.approved_plan_sha256 == cell.plan.sha256  # survives a door
    cell.lines["footswitch_pressed"] = False
    cell.step()
    assert cell.ask(SetReady(True)).accepted


def test_key_off_is_off_and_ends_the_approval() -> None:
    cell = Cell().to_firing()
    cell.lines["key_on"] = False
    out = cell.step()
    assert (out.state, out.revoke, out.approved_plan_sha256) == (S.OFF, True, "")


def test_ready_and_hold_end_by_themselves() -> None:
    config = SafetyConfig(ready_timeout_s=3.0, hold_timeout_s=3.0)
    assert Cell(config).to_ready().run(3.1).cause == "ready-timeout"
    cell = Cell(config).to_firing()
    cell.lines["footswitch_pressed"] = False
    assert cell.run(3.1).cause == "hold-timeout" and cell.out.state is S.STANDBY


def test_an_attestation_expires_with_the_session() -> None:
    cell = Cell(SafetyConfig(session_s=4.0)).to_ready()
    assert cell.run(4.0).cause == "eyewear-not-attested"


def test_a_new_monitor_knows_no_approval_and_counts_on_from_the_device() -> None:
    cell = Cell().to_firing()
    highest = cell.counter
    cell.monitor = SafetyMonitor(cell.config, "monitor-2", cell.now)
    fired = len(cell.emissions)
    cell.run(1.0)
    assert cell.out.state is S.STANDBY and cell.out.approved_plan_sha256 == ""
    assert len(cell.emissions) <= fired + 64  # at most what was credited before, within its life
    reply = cell.ask(Approve(cell.plan.sha256, BOOT, "dr test"))
    assert not reply.accepted and reply.code == "other-boot-id"
    reply = cell.ask(Approve(cell.plan.sha256, "monitor-2", "dr test"))
    done = cell.executed
    assert not reply.accepted and reply.code == "fired-before", reply
    assert f"spots 0 to {done - 1}" in reply.text and f"{200 - done} of 200" in reply.text
    cell.lines["footswitch_pressed"] = False
    cell.step()
    # another plan, elsewhere: its permits go on from the counter that the device remembers
    moved = cell.plan.position_nm + np.array([0, 30_000_000, 0], np.int32)
    poses = cell.plan.station_pose + np.array([0, 0.03, 0, 0, 0, 0, 0])
    cell.plan = cell.shown_plan = replace(cell.plan, position_nm=moved, station_pose=poses)
    cell.pose, before = station_pose(cell.plan, 0), len(cell.emissions)
    cell.selected, cell.executed = "", 0
    assert cell.ask(Approve(cell.plan.sha256, "monitor-2", "dr test")).accepted
    assert cell.ask(SetReady(True)).accepted
    cell.run(2.1)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0)
    cell.lines["footswitch_pressed"] = True
    cell.run(0.5)
    assert cell.executed == 100 and cell.counter > highest
    assert [i for _, i in cell.emissions[before:]] == list(range(100))
