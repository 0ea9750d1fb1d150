"""Faults: what latches one, what only withholds, and what a reset needs and leads to."""

from __future__ import annotations

import pytest
from safety_cell import Cell

from openmtz.safety import RequestToken, Reset, SafetyState, SetReady, Token

S = SafetyState


def _estop(cell: Cell) -> None:
    cell.lines["emergency_stop_closed"] = False


def _run_line(cell: Cell) -> None:
    cell.run_line_ok = False


def _device_fault(cell: Cell) -> None:
    cell.fault_code = 5


def _reboot(cell: Cell) -> None:
    cell.boot_id += 1


def _unplugged(cell: Cell) -> None:
    cell.connected = False


def _executed_too_far(cell: Cell) -> None:
    cell.executed += 70


def _executed_back(cell: Cell) -> None:
    cell.executed -= 1
    cell.shots_per_step = 0


def _shutter(cell: Cell) -> None:
    cell.ask(RequestToken(Token.NONE))
    cell.gate_stuck = True


def _power(cell: Cell) -> None:
    cell.energy_factor = 1.25


def _clock(cell: Cell) -> None:
    cell.now -= 1.0


def _clock_ahead(cell: Cell) -> None:
    """The monitor's clock alone: every input that comes next has a fresh time of receipt."""
    cell.now += 5.0
    cell.tick0 += 5.0


def _device_clock_ahead(cell: Cell) -> None:
    cell.tick0 -= 5.0


@pytest.mark.parametrize(
    ("what", "cause", "within_s"),
    [
        (_clock_ahead, "clocks-disagree", 0.005),
        (_device_clock_ahead, "clocks-disagree", 0.005),
        (_estop, "emergency-stop", 0.005),
        (_run_line, "run-line-down", 0.005),
        (_device_fault, "device-fault", 0.005),
        (_reboot, "device-restarted", 0.005),
        (_unplugged, "head-disconnected", 0.005),
        (_executed_too_far, "fired-outside-credit", 0.02),
        (_executed_back, "spot-repeated", 0.02),
        (_shutter, "gate-open-without-permit", 0.2),
        (_power, "output-deviates", 0.02),
        (_clock, "clock-invalid", 0.005),
    ],
)
def test_faults_latch_from_firing(what, cause: str, within_s: float) -> None:  # type: ignore[no-untyped-def]
    cell = Cell().to_firing()
    what(cell)
    out = cell.run(within_s)
    assert (out.state, out.cause) == (S.FAULT, cause), (out.cause, out.detail)
    assert out.stop_arm and out.token is Token.NONE and out.approved_plan_sha256 == ""
    assert out.detail


@pytest.mark.parametrize(
    ("source", "cause", "state"),
    [("interlocks", "interlocks-lost", S.FAULT), ("head", "head-lost", S.FAULT), ("arm", "arm-lost", S.HOLD),
     ("progress scan_head", "progress-stopped", S.FAULT),
     ("progress recorder", "recorder-stopped", S.STANDBY)],
)  # fmt: skip
def test_a_source_that_falls_silent(source: str, cause: str, state: SafetyState) -> None:
    cell = Cell()
    cell.shots_per_step = 0
    cell.to_firing()
    cell.silent.add(source)
    out = cell.run(0.09 if source == "head" else 0.4)
    assert out.state is S.FIRING and out.grant is None and out.withheld, out.withheld
    out = cell.run(1.2)
    assert (out.state, out.cause) == (state, cause)


def test_one_late_message_only_withholds() -> None:
    cell = Cell()
    cell.shots_per_step = 0
    cell.to_firing()
    cell.silent.add("head")
    cell.run(0.07)
    assert cell.out.withheld == ("head-stale",) and not cell.out.revoke
    cell.silent.clear()
    cell.run(0.03)
    assert cell.out.state is S.FIRING and cell.out.withheld == ()


def test_reset_needs_the_cause_gone_and_leads_to_standby_only() -> None:
    cell = Cell().to_firing()
    cell.lines["emergency_stop_closed"] = False
    cell.run(0.1)
    assert cell.ask(Reset()).code == "emergency-stop"
    cell.lines["emergency_stop_closed"] = True
    cell.run(0.2)
    assert cell.monitor.state is S.FAULT
    fired = len(cell.emissions)
    assert cell.ask(Reset()).accepted
    assert cell.run(3.0).state is S.STANDBY and len(cell.emissions) == fired
    assert cell.out.approved_plan_sha256 == ""
    assert cell.ask(Reset()).code == "no-fault"


def test_a_device_fault_is_cleared_through_the_device() -> None:
    cell = Cell().to_firing()
    cell.fault_code = 5
    cell.run(0.1)
    reply = cell.ask(Reset())
    assert reply.accepted and cell.out.reset_device and cell.out.state is S.FAULT
    assert cell.run(0.05).state is S.STANDBY


def test_a_device_that_keeps_its_fault_keeps_the_monitor_in_fault() -> None:
    cell = Cell().to_firing()
    cell.fault_code = 5
    cell.run(0.1)
    cell.ask(Reset())
    cell.fault_code = 5
    assert cell.run(3.0).state is S.FAULT
    cell.fault_code = 0
    assert cell.run(1.0).state is S.FAULT  # too late: the reset was for then, not for now


def test_counts_that_disagree_fault_and_after_reset_the_spots_in_doubt_are_not_fired_again() -> None:
    cell = Cell().to_firing()
    cell.run(0.05)
    cell.mute_shots = True
    cell.run(0.6)
    assert cell.out.cause == "fired-counts-disagree"
    cell.mute_shots = False
    cell.lines["footswitch_pressed"] = False
    done = cell.executed
    assert cell.ask(Reset()).accepted
    cell.run(0.1)
    assert cell.approve().accepted and cell.ask(SetReady(True)).accepted
    cell.run(2.1)
    assert cell.ask(RequestToken(Token.EMISSION, 0)).accepted
    cell.select(0, first=done)
    cell.lines["footswitch_pressed"] = True
    cell.run(0.5)
    spots = [i for _, i in cell.emissions]
    assert len(spots) == len(set(spots)) and max(spots) == 99


def test_a_device_that_forgot_what_it_fired_gets_no_credit_again() -> None:
    cell = Cell().to_firing()
    cell.run(0.02)
    cell.executed = 0
    cell.run(0.02)
    assert cell.out.state is S.FAULT and cell.out.cause == "spot-repeated"
    assert cell.ask(Reset()).accepted
    cell.run(0.1)
    reply = cell.approve()
    assert not reply.accepted and reply.code == "in-doubt"


def test_progress_means_the_counter_not_the_message() -> None:
    cell = Cell()
    cell.shots_per_step = 0
    cell.to_firing()
    frozen = cell.counters["arm"]
    for _ in range(400):
        cell.counters["arm"] = frozen
        cell.step()
    assert cell.out.cause == "progress-stopped"


def test_a_restarted_node_is_noticed() -> None:
    cell = Cell().to_firing()
    cell.counters["scan_head"] = 0
    assert cell.step().cause == "progress-restarted" and cell.out.state is S.FAULT


def test_a_status_that_comes_late_is_no_clock_that_jumped() -> None:
    """Both clocks go on while nothing is heard; after a restart there is nothing to compare with."""
    cell = Cell()
    cell.run(0.1)
    cell.silent.add("head")
    cell.run(3.0)
    cell.silent.clear()
    cell.run(0.1)
    cell.boot_id, cell.tick0 = 78, cell.now
    cell.run(0.1)
    assert any("head-lost" in dict(out.conditions) for _, out in cell.log)
    assert any("device-restarted" in dict(out.conditions) for _, out in cell.log)
    assert not any("clocks-disagree" in dict(out.conditions) for _, out in cell.log)
