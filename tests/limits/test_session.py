"""Skin does not know plans: passes, coverage and dose add up over all that was fired on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from openmtz.limits import EarlierPass, check_session
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.plan import TreatmentPlan

SPOT_CM2 = math.pi * (PROFILE.spot_um * 0.5e-4) ** 2


def field(per_cm2: float, at: tuple[float, float] = (0.5, 0.0), side_m: float = 0.02) -> np.ndarray:
    """A square field of spots `(N, 3)` [m], evenly dense."""
    count = round(side_m * 100 * math.sqrt(per_cm2))
    line = (np.arange(count) + 0.5) / count * side_m - side_m / 2
    x, y = np.meshgrid(line + at[0], line + at[1])
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, 0.05)])


def plan(per_cm2: float, energy_mj: float = 15.0, passes: int = 1, **more: Any) -> TreatmentPlan:
    at = more.pop("at", (0.5, 0.0))
    points = np.concatenate([field(per_cm2, at)] * passes)
    n = len(points)
    return TreatmentPlan(
        header={"format_version": 1, "profile": PROFILE.to_header(), **more},
        position_nm=np.rint(points * 1e9).astype(np.int32),
        normal_e9=np.tile(np.array([0, 0, 10**9], np.int32), (n, 1)),
        energy_uj=np.full(n, energy_mj * 1000, np.uint32),
        pulse_us=np.full(n, 500, np.uint32),
        depth_um=np.full(n, 600, np.uint32),
        not_before_us=np.zeros(n, np.uint32),
        station=np.zeros(n, np.uint16),
        pass_index=np.repeat(np.arange(passes, dtype=np.uint8), n // passes),
        station_pose=np.array([[0.5, 0, 0.2, 1, 0, 0, 0]], np.float64),
    )


def earlier(per_cm2: float, share: float = 1.0, energy_mj: float = 15.0, **more: Any) -> EarlierPass:
    points = field(per_cm2, **more)
    fired = points[: round(len(points) * share)]
    return EarlierPass(points, fired, np.full(len(fired), energy_mj * 1e-3), SPOT_CM2)


def codes(*args: Any, **more: Any) -> list[str]:
    return [finding.code for finding in check_session(args[0], PROFILE, args[1:], **more)]


def test_two_passes_bear_each_other_and_a_third_does_not() -> None:
    assert codes(plan(400), earlier(400)) == []
    assert codes(plan(400), earlier(400), earlier(400)) == ["session-passes-over-limit"]
    assert codes(plan(400, passes=2), earlier(400)) == ["session-passes-over-limit"]
    assert codes(plan(400, passes=2), earlier(400, share=0.2)) == [], "what was begun may be finished"


def test_on_the_neck_a_second_pass_is_one_too_many() -> None:
    assert codes(plan(100, site="neck"), earlier(100)) == ["session-passes-over-limit"]


def test_elsewhere_and_beside_it_nothing_adds_up() -> None:
    assert codes(plan(400, passes=2), earlier(400, at=(0.54, 0.0)), earlier(400, at=(0.54, 0.0))) == []
    beside = [earlier(400, at=(0.52, 0.0))] * 2
    assert codes(plan(400, passes=2), *beside) == [], "regions that meet share discs, not skin"


def test_coverage_and_dose_add_up() -> None:
    # 0.30 per pass and 45 J/cm2 per pass, two passes: 0.60 and 90 J/cm2
    assert codes(plan(2600), earlier(2600)) == []
    assert codes(plan(2600), earlier(2900)) == ["session-coverage-over-limit"]
    assert codes(plan(1000, 45.0), earlier(1000, energy_mj=44.0)) == []
    assert codes(plan(1000, 45.0), earlier(1000, energy_mj=47.0)) == ["session-dose-over-limit"]


@pytest.mark.parametrize(("joule", "cm2", "code"), [(60.0, 0.0, "dose"), (0.0, 0.4, "coverage")])
def test_what_was_fired_nobody_knows_where_counts_everywhere(joule: float, cm2: float, code: str) -> None:
    found = check_session(plan(2600), PROFILE, (), somewhere_j=joule, somewhere_cm2=cm2)
    assert [f.code for f in found] == [f"session-{code}-over-limit"]
    assert "cm2" in found[0].text and found[0].fix


def test_nothing_fired_nothing_said() -> None:
    assert codes(plan(2600)) == []
    assert codes(plan(2600), earlier(2600, share=0.0)) == []
