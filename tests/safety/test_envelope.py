"""Host envelope: what is beyond it is found, what is within passes; approvals rest on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safety_cell import BOOT, PROFILE, Cell, make_plan

from openmtz.geometry import look_along, pose_to_vector
from openmtz.optics import FieldCalibration
from openmtz.plan import TreatmentPlan
from openmtz.safety import LIMITS, Approve, SafetyConfig, check_plan
from openmtz.safety.heat import HeatMeter


def codes(plan: TreatmentPlan) -> set[str]:
    return {f.code for f in check_plan(plan)}


def with_energy(plan: TreatmentPlan, energy_mj: float, power_w: float = PROFILE.power_w) -> TreatmentPlan:
    energy = np.full(len(plan), energy_mj * 1000, np.uint32)
    return replace(plan, energy_uj=energy, pulse_us=np.rint(energy / power_w).astype(np.uint32))


def test_the_usual_plan_is_within() -> None:
    assert check_plan(make_plan()) == []


def test_every_limit_names_its_source() -> None:
    assert all(len(limit.source) > 5 and limit.value > 0 for limit in LIMITS.values())


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (make_plan(host_envelope_version="0"), "envelope-version"),
        (make_plan(profile={}), "profile-invalid"),
        (make_plan(profile={"name": "x"}), "profile-invalid"),
        (with_energy(make_plan(), 201.0), "energy-over-limit"),
        (with_energy(make_plan(), 31.0), "energy-outside-profile"),
        (with_energy(make_plan(), 20.0, power_w=1.9), "pulse-over-limit"),
        (with_energy(make_plan(), 20.0, power_w=310.0), "power-over-limit"),
        (with_energy(make_plan(), 20.0, power_w=32.0), "power-not-the-profile's"),
        (make_plan(passes=3), "too-many-passes"),
        (make_plan(area_cm2=0.01), "coverage-over-limit"),
        (replace(make_plan(), position_nm=make_plan().position_nm // 8), "spots-stacked"),
    ],
)
def test_beyond_the_envelope(plan: TreatmentPlan, code: str) -> None:
    found = {f.code: f for f in check_plan(plan)}
    assert code in found, found
    assert found[code].text and found[code].fix and found[code].source == "host-envelope"


@pytest.mark.parametrize("header", [{"site": "neck"}, {"facts": {"site": "Neck, left"}}])
def test_the_neck_has_its_own_limits(header: dict[str, Any]) -> None:
    found = codes(make_plan(per_station=20, **header))
    assert "energy-over-limit" in found
    assert "too-many-passes" in codes(make_plan(per_station=20, passes=2, **header))
    gentle = with_energy(make_plan(per_station=20, area_cm2=1.0, **header), 12.0)
    assert check_plan(gentle) == []


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (None, ""), (28, ""), (400, ""), (27, "session-too-soon"), (0, "session-too-soon"),
        (float("nan"), "session-too-soon"), ("long ago", "session-interval-invalid"),
        (True, "session-interval-invalid"),
    ],
)  # fmt: skip
def test_a_site_whose_last_session_is_too_near_is_refused(days: Any, code: str) -> None:
    """Zones are closed at day 28; a header written by somebody else may hold anything."""
    plan = replace(make_plan(), header={**make_plan().header, "facts": {"days_since_last_session": days}})
    found = {f.code: f for f in check_plan(plan)}
    assert set(found) == ({code} if code else set())
    assert not code or "28 days" in found[code].fix


def test_dense_patches_are_found_wherever_they_are() -> None:
    """45 x 45 spots at 0.4 mm: 625/cm2 at 20 mJ is 12 J/cm2; three times the energy is too much."""
    plan = make_plan(stations=1, per_station=2025, area_cm2=3.3)
    assert codes(plan) <= {"outside-field"}
    deep = dict(PROFILE.to_header(), energy_max_mj=200.0)
    hot = with_energy(make_plan(stations=1, per_station=2025, area_cm2=3.3, profile=deep), 80.0)
    assert "dose-over-limit" in codes(hot)


def test_geometry_of_the_stations() -> None:
    plan = make_plan(stations=1)
    for above, towards, code in (
        ((0.5, 0, 0.05 + 0.1507), (0, 0, -1), "out-of-focus"),
        ((0.5 + 0.15 * np.sin(0.6), 0, 0.05 + 0.15 * np.cos(0.6)), (-np.sin(0.6), 0, -np.cos(0.6)),
         "incidence-over-limit"),
        ((0.53, 0, 0.2), (0, 0, -1), "outside-field"),
        ((0.5, 0, 0.2), (0, 0, 1), "outside-field"),
    ):  # fmt: skip
        pose = np.array([pose_to_vector(look_along(above, towards))])
        assert code in codes(replace(plan, station_pose=pose)), code


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
    meter = HeatMeter(plan, limit_j_cm2=4.0, window_s=10.0)
    until = meter.allowed_until(0, 400, now=0.0)
    assert until == 200 or 190 <= until <= 215  # 200 spots of 20 mJ are 4 J, all within one disc or nearly
    meter.fire(0, until, 0.0)
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


def test_focus_is_judged_where_the_calibration_says_it_lies() -> None:
    line = np.array([-32767.0, 32767.0])
    nominal = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1) / 32767.0 * PROFILE.full_scale_rad
    deep = FieldCalibration(line, line, nominal, np.full((2, 2), 0.0009), PROFILE.full_scale_rad, "deep")
    narrow = FieldCalibration(
        line / 50, line / 50, nominal / 50, np.zeros((2, 2)), PROFILE.full_scale_rad, "narrow"
    )
    plan = make_plan()
    assert {f.code for f in check_plan(plan, deep)} == {"out-of-focus"}
    assert {f.code for f in check_plan(plan, narrow)} == {"outside-field"}
    poses = plan.station_pose.copy()
    poses[:, 2] += 0.0009  # stations look straight down
    higher = replace(plan, station_pose=poses)
    assert check_plan(higher, deep) == []
    assert {f.code for f in check_plan(higher)} == {"out-of-focus"}
