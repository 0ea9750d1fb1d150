"""Waits before firing groups: part of the plan and of its hash, checked on load, never silently ignored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from openmtz.plan import PlanError, TreatmentPlan, plan_from_bytes
from openmtz.plan.files import JSON_FILE, load_plan, save_plan
from openmtz.plan.layout import MAX_GROUP_WAIT_S, PLAN_FORMAT_VERSION


def plan(waits: Any = (0.0, 10.5, 3.0), **header: Any) -> TreatmentPlan:
    """Six spots in three groups: two stations, two passes."""
    values = {"format_version": 2, "group_wait_s": list(waits) if isinstance(waits, tuple) else waits}
    return TreatmentPlan(
        header={**values, **header},
        position_nm=np.arange(18).reshape(6, 3) * 1000,
        normal_e9=np.tile([0, 0, 10**9], (6, 1)),
        energy_uj=np.full(6, 20_000),
        pulse_us=np.full(6, 800),
        depth_um=np.full(6, 630),
        not_before_us=np.tile([0, 2000], 3),
        station=[0, 0, 1, 1, 1, 1],
        pass_index=[0, 0, 0, 0, 1, 1],
        station_pose=np.tile([0.5, 0, 0.2, 1.0, 0, 0, 0], (2, 1)),
    )


def test_groups_carry_their_wait_through_bytes_and_folder(tmp_path):
    original = plan()
    assert [g.wait_s for g in original.groups()] == [0.0, 10.5, 3.0]
    again = plan_from_bytes(original.canonical_bytes())
    assert again.groups() == original.groups() and again.sha256 == original.sha256
    loaded, _ = load_plan(save_plan(original, [], tmp_path / "plan"))
    assert loaded.groups() == original.groups()
    described = json.loads((tmp_path / "plan" / JSON_FILE).read_text())
    assert [g["wait_s"] for g in described["firing_groups"]] == [0.0, 10.5, 3.0]
    assert described["format_version"] == PLAN_FORMAT_VERSION == 2


def test_a_wait_is_part_of_what_is_approved():
    assert plan().sha256 != plan((0.0, 10.4, 3.0)).sha256


def test_a_plan_of_version_1_waits_nowhere_and_still_loads(tmp_path):
    old = plan()
    header = {"format_version": 1}
    arrays = {name: getattr(old, name) for name in old.__dataclass_fields__ if name != "header"}
    first = TreatmentPlan(header=header, **arrays)
    assert [g.wait_s for g in first.groups()] == [0.0, 0.0, 0.0]
    loaded, _ = load_plan(save_plan(first, [], tmp_path / "plan"))
    assert loaded.sha256 == first.sha256
    described = json.loads((tmp_path / "plan" / JSON_FILE).read_text())
    assert described["format_version"] == 1


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        ((0.0, 1.0), r"2 waits for 3 firing groups"),
        ((0.0, 1.0, -0.1), r"group 2: -0\.1"),
        ((0.0, float("nan"), 0.0), r"group 1: nan"),
        ((0.0, float("inf"), 0.0), r"group 1: inf"),
        ((0.0, MAX_GROUP_WAIT_S + 1.0, 0.0), r"group 1: 301\.0"),
        ((0.0, "10", 0.0), r"group 1: '10'"),
        ((0.0, True, 0.0), r"group 1: True"),
        ((0.0, 10**400, 0.0), r"group 1"),
        ((5.0, 0.0, 0.0), r"first group.*5\.0"),
        (None, r"list of numbers.*None"),
        ({"0": 1.0}, r"list of numbers"),
    ],
)
def test_waits_that_cannot_be_are_named(waits, words):
    with pytest.raises(PlanError, match=words):
        plan(waits)


def test_a_wait_that_a_reader_of_version_1_would_ignore_is_refused():
    with pytest.raises(PlanError, match=r"version 1.*group_wait_s"):
        plan(format_version=1)


def test_version_2_without_waits_is_refused():
    header = {"format_version": 2}
    with pytest.raises(PlanError, match="group_wait_s"):
        TreatmentPlan(**{**vars_of(plan()), "header": header})


def vars_of(made: TreatmentPlan) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def test_folder_and_plan_of_two_versions_is_noticed(tmp_path):
    save_plan(plan(), [], tmp_path)
    described = json.loads((tmp_path / JSON_FILE).read_text())
    described["format_version"] = 1
    (tmp_path / JSON_FILE).write_text(json.dumps(described))
    with pytest.raises(PlanError, match=r"version 1.*version 2"):
        load_plan(tmp_path)
