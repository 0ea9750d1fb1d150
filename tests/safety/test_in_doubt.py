"""What a device says that nobody granted: spots passed over, indices and counters that cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from safety_cell import Cell, station_pose

from openmtz.safety import Outputs, RequestToken, Reset, SafetyMonitor, SafetyState, SetReady, Token
from openmtz.safety.counters import after, is_between, is_newer

S = SafetyState
LAST = 2**32 - 1


def quiet() -> Cell:
    cell = Cell()
    cell.shots_per_step = 0
    return cell


def lie(cell: Cell, **fields: Any) -> Outputs:
    """One status that says something else; everything after it is true again."""
    cell.now += cell.dt
    inputs = cell.inputs()
    assert inputs.head is not None
    cell.out = cell.monitor.step(replace(inputs, head=replace(inputs.head, **fields)), cell.now)
    cell.log.append((cell.now, cell.out))
    return cell.out


def test_an_index_that_jumps_to_a_group_s_start_is_in_doubt_and_not_skipped() -> None:
    """The device fired the group, or was told to skip it: from here it looks the same."""
    cell = quiet().to_firing()
    cell.lines["footswitch_pressed"] = False
    cell.run(0.2)  # the gate is closed
    cell.executed = 100
    out = cell.step()
    assert (out.state, out.cause) == (S.FAULT, "spots-in-doubt"), (out.cause, out.detail)
    assert "from 0 to 100" in out.detail and "skipped, or fired" in out.detail
    assert out.revoke or out.grant is None


def test_spots_in_doubt_are_heat_on_the_skin_and_are_never_fired_again() -> None:
    cell = quiet().to_firing()
    cell.lines["footswitch_pressed"] = False
    cell.run(0.2)
    cell.executed = 100
    cell.run(0.1)
    assert cell.monitor._fired.skin.heat.peak_j_cm2() == pytest.approx(
        cell.plan.energy_uj[:100].sum() * 1e-6, rel=0.01
    )
    assert cell.ask(Reset()).accepted
    cell.run(0.1)
    assert cell.approve().accepted and cell.ask(SetReady(True)).accepted
    cell.run(2.1)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0)
    cell.lines["footswitch_pressed"] = True
    cell.run(0.2)
    assert "group-complete" in cell.out.withheld and not cell.emissions  # type: ignore[union-attr]
    # the next group goes on
    cell.ask(RequestToken(Token.NONE))
    cell.pose, cell.joints = station_pose(cell.plan, 1), cell.joints + 0.1
    cell.run(0.3)
    assert cell.ask(RequestToken(Token.EMISSION, 1)).accepted
    cell.shots_per_step = 3
    cell.select(1)
    cell.run(0.5)
    assert [i for _, i in cell.emissions] == list(range(100, 200))


def test_a_plan_the_device_fired_before_this_run_is_refused_and_what_remains_is_said() -> None:
    cell = Cell()
    cell.selected, cell.executed = cell.plan.sha256, 120
    cell.to_standby()
    reply = cell.approve()
    assert not reply.accepted and reply.code == "fired-before"
    assert "spots 0 to 119" in reply.text and "spots 120 to 199 remain (80 of 200)" in reply.text


def test_a_device_that_names_it_only_after_the_approval_ends_the_approval() -> None:
    cell = Cell().to_ready()
    cell.selected, cell.executed = cell.plan.sha256, 120
    out = cell.step()
    assert (out.state, out.cause) == (S.STANDBY, "approval-ended") and "80 of 200" in out.detail
    assert out.approved_plan_sha256 == ""


def test_an_executed_index_beyond_the_plan_is_a_finding_and_changes_nothing() -> None:
    cell = quiet().to_firing()
    cell.run(0.05)
    out = lie(cell, executed=LAST)
    assert (out.state, out.cause) == (S.FAULT, "executed-impossible") and "200 spots" in out.detail
    cell.lines["footswitch_pressed"] = False
    cell.run(0.2)
    assert cell.ask(Reset()).accepted
    cell.run(0.1)
    assert cell.approve().accepted, "one lie does not put the plan in doubt"


@pytest.mark.parametrize("named", [LAST, 2**31, 5_000])
def test_a_counter_nobody_granted_is_a_finding_and_permits_go_on_after_a_reset(named: int) -> None:
    cell = quiet().to_firing()
    cell.run(0.05)
    out = lie(cell, permit_counter=named)
    assert (out.state, out.cause) == (S.FAULT, "permit-counter-jumped")
    assert str(named) in out.detail
    cell.lines["footswitch_pressed"] = False
    cell.run(0.2)
    assert cell.ask(Reset()).accepted
    cell.run(0.1)
    cell.shots_per_step = 3
    assert cell.approve().accepted and cell.ask(SetReady(True)).accepted
    cell.run(2.1)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0)
    cell.lines["footswitch_pressed"] = True
    cell.run(0.5)
    assert cell.executed == 100


def test_a_lie_before_the_first_permit_does_not_use_up_the_counters() -> None:
    cell = quiet().to_emission()
    cell.lines["footswitch_pressed"] = True
    for _ in range(40):  # whatever status the first permit goes by
        lie(cell, permit_counter=LAST)
        if cell.out is not None and cell.out.state is S.FAULT:
            break
        if cell.out is not None and cell.out.grant is not None:
            assert 0 < cell.out.grant.counter <= LAST
    out = cell.run(0.1)
    assert out.state is S.FAULT or out.grant is not None or not out.withheld


def test_a_permit_that_could_not_be_made_is_a_fault_with_its_reason() -> None:
    cell = quiet().to_firing()
    cell.now += cell.dt
    out = cell.monitor.step(replace(cell.inputs(), permit_unmade="counter 2^40 does not fit"), cell.now)
    assert (out.state, out.cause) == (S.FAULT, "permit-unmade") and "does not fit" in out.detail


def test_counters_go_round() -> None:
    cell = Cell()
    cell.counter = LAST - 2
    cell.monitor = SafetyMonitor(cell.config, "monitor-1", cell.now)
    relay = cell._relay

    def by_serial_number(grant: Any) -> None:
        if is_newer(grant.counter, cell.counter):
            cell.counter = 0
        relay(grant)

    cell._relay = by_serial_number  # type: ignore[method-assign]
    cell.to_firing()
    cell.run(0.5)
    counters = [grant.counter for _, grant in cell.grants()]
    assert counters[:4] == [LAST - 1, LAST, 1, 2] and cell.executed == 100


def test_serial_numbers() -> None:
    assert (after(0), after(7), after(LAST)) == (1, 8, 1)
    assert is_newer(1, 0) and is_newer(LAST, 0) and not is_newer(0, 0) and not is_newer(0, 5)
    assert is_newer(1, LAST) and not is_newer(LAST, 1) and not is_newer(5, 5)
    assert is_between(LAST, LAST - 1, 2) and is_between(1, LAST - 1, 2) and not is_between(3, LAST - 1, 2)
