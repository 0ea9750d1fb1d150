"""The host envelope: what is beyond it is found, what is within passes; a site's own rule too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safety_cell import PROFILE, make_plan, with_energy

from openmtz.geometry import look_along, pose_to_vector
from openmtz.limits import LIMITS, SITE_RULES, check_plan, rule_of, rules_of_header, strictest
from openmtz.optics import FieldCalibration
from openmtz.plan import TreatmentPlan


def codes(plan: TreatmentPlan) -> set[str]:
    return {f.code for f in check_plan(plan)}


def test_the_usual_plan_is_within() -> None:
    assert check_plan(make_plan()) == []


def test_every_limit_names_its_source() -> None:
    every = [*LIMITS.values(), *(limit for rule in SITE_RULES.values() for limit in rule.limits)]
    assert all(len(limit.source) > 5 and limit.value > 0 for limit in every)


@pytest.mark.parametrize("rule", SITE_RULES.values(), ids=lambda rule: rule.site)
def test_a_sites_rule_is_stricter_than_the_general_one_and_plugins_are_told_to_stay_within(rule: Any) -> None:
    for limit in rule.limits:
        assert limit.unit == LIMITS[limit.name].unit
        assert strictest(limit.name, [rule]) == limit.value < LIMITS[limit.name].value
    assert rule.careful_energy_mj <= strictest("energy_mj", [rule])
    assert rule.careful_percent < 100.0 * strictest("coverage", [rule])


def test_sites_without_a_rule_have_the_general_limits() -> None:
    assert rule_of("cheek") is None and rule_of(None) is None
    assert strictest("energy_mj", [rule_of("cheek")]) == strictest("energy_mj") == LIMITS["energy_mj"].value
    assert [rule.site for rule in rules_of_header({"patient": {"site": "NECK"}})] == ["neck"]
    assert rules_of_header({"site": None, "facts": "neck"}) == []
    with pytest.raises(KeyError):
        strictest("energy")


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
