"""Approvals rest on the host envelope, the surface and the calibration; heat holds firing back."""

from __future__ import annotations

from typing import Any

import pytest
from safety_cell import BOOT, Cell, make_plan, with_energy

from openmtz.safety import Approve, SafetyConfig
from openmtz.safety.heat import HeatMeter


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda c: Approve("00" * 32, BOOT, "a"), "other-plan"),
        (lambda c: Approve(c.plan.sha256, "monitor-0", "a"), "other-boot-id"),
        (lambda c: Approve(c.plan.sha256, BOOT, "  "), "no-approver"),
    ],
)
def test_approvals_that_name_the_wrong_thing(request_of: Any, code: str) -> None:
    cell = Cell().to_standby()
    reply = cell.ask(request_of(cell))
    assert (reply.accepted, reply.code) == (False, code)


def test_a_plan_beyond_the_envelope_is_not_approved() -> None:
    plan = with_energy(make_plan(), 31.0)
    cell = Cell(plan=plan).to_standby()
    reply = cell.approve()
    assert not reply.accepted and reply.code == "energy-outside-profile" and "choose another" in reply.text


def test_surface_and_calibration_bind_the_approval() -> None:
    cell = Cell(SafetyConfig(calibration_id="other")).to_standby()
    assert cell.approve().code == "other-calibration"
    cell = Cell().to_standby()
    cell.surface_id = "surface-2"
    assert cell.approve().code == "other-surface"
    cell = Cell().to_ready()
    cell.surface_id = "surface-2"
    assert cell.step().cause == "approval-ended" and cell.out.approved_plan_sha256 == ""
    cell.surface_id = "surface-1"
    assert cell.step().approved_plan_sha256 == ""  # gone for good
    cell = Cell().to_ready()
    for shown in (make_plan(seed=1), None):
        cell = Cell().to_ready()
        cell.shown_plan = shown
        assert cell.step().cause == "approval-ended"
    assert Cell(SafetyConfig(approval_s=3.0)).to_ready().run(3.0).cause == "approval-ended"


def test_approval_only_in_standby() -> None:
    assert Cell().to_ready().approve().code == "not-in-standby"
    assert Cell().approve().code == "not-in-standby"


def test_heat_within_a_disc_is_limited_and_forgotten_after_the_window() -> None:
    plan = with_energy(make_plan(stations=1, per_station=400), 20.0)  # 8 mm square: 20 J/cm2 at most 12.5
    meter = HeatMeter(limit_j_cm2=4.0, window_s=10.0)
    meter.adopt(plan, 0.0)
    until = meter.allowed_until(0, 400, now=0.0)
    assert until == 200 or 190 <= until <= 215  # 200 spots of 20 mJ are 4 J, all within one disc or nearly
    meter.fire(plan.positions_m[:until], plan.energy_uj[:until], 0.0)
    assert meter.peak_j_cm2() <= 4.0 + 1e-9
    assert meter.allowed_until(until, 400, now=5.0) <= until + 10
    assert meter.allowed_until(until, 400, now=10.1) == 400
    assert meter.peak_j_cm2() == 0.0


def test_the_monitor_waits_for_the_heat_to_pass_without_leaving_firing() -> None:
    cell = Cell(SafetyConfig(heat_limit_j_cm2=1.0))
    cell.to_firing()
    cell.run(1.0)
    assert cell.out.withheld == ("heat-limit",) and 40 <= cell.executed <= 70
    cell.run(15.0)
    assert cell.executed == 100
