"""What a person is asked to approve, from the spots themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from openmtz.plan import PLAN_FORMAT_VERSION, TreatmentPlan, summarise


def plan(energy_uj: list[int], **header: Any) -> TreatmentPlan:
    n = len(energy_uj)
    fields = {"format_version": PLAN_FORMAT_VERSION, "group_wait_s": [0.0] if n else [], **header}
    return TreatmentPlan(
        header=fields,
        position_nm=np.zeros((n, 3), np.int32),
        normal_e9=np.tile([0, 0, 10**9], (n, 1)).astype(np.int32),
        energy_uj=np.array(energy_uj, np.uint32),
        pulse_us=np.arange(100, 100 + n, dtype=np.uint32),
        depth_um=np.arange(500, 500 + n, dtype=np.uint32),
        not_before_us=np.zeros(n, np.uint32),
        station=np.zeros(n, np.uint16),
        pass_index=np.zeros(n, np.uint8),
        station_pose=np.array([[0, 0, 0, 0, 0, 0, 1.0]]),
    )


def test_the_energies_stand_in_one_line() -> None:
    found = summarise(plan([12_000, 20_500, 15_000], area_cm2=0.5, profile={"name": "co2_120um_deep"}))
    assert found.energy_mj == (12.0, 20.5) and found.total_energy_j == pytest.approx(0.0475)
    assert found.density_per_cm2 == 6.0 and found.energy_j_cm2 == pytest.approx(0.095)
    for part in ("3 spots", "0.50 cm2", "6 spots/cm2", "12.0 to 20.5 mJ", "100 to 102 us", "0.05 J in all",
                 "500 to 502 um", "co2_120um_deep", "from 1 stations"):  # fmt: skip
        assert part in found.text, part


def test_a_sum_beyond_32_bits_is_right() -> None:
    assert summarise(plan([2**32 - 1] * 3)).total_energy_j == pytest.approx(3 * (2**32 - 1) * 1e-6)


@pytest.mark.parametrize("area", [None, "abc", [1], {"a": 2}, math.nan, math.inf, 0, -1, True])
@pytest.mark.parametrize("profile", [None, "x", [], {}, {"name": ""}])
def test_a_header_without_numbers_is_said(area: Any, profile: Any) -> None:
    text = summarise(plan([1000], area_cm2=area, profile=profile)).text
    assert "an area that is not stated" in text and "profile not named" in text and "nan" not in text


def test_a_plan_without_spots_says_so() -> None:
    assert summarise(plan([])).text == "no spots"
