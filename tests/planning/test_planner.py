"""The planner end to end on captured-like skin, each indication: same hash, refusals explained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from openmtz.hooks import PluginManager, Region, UnknownIndication
from openmtz.limits import check_plan
from openmtz.optics import HandpieceProfile
from openmtz.plan import Severity
from openmtz.planning import PlanningError, PlanningSetup, RequestError, parse_request, plan_treatment

CASES = {
    "atrophic_scar": ("scars", {"fitzpatrick": 3, "site": "cheek"}),
    "striae": ("striae", {"fitzpatrick": 2, "site": "abdomen", "striae_stage": "alba"}),
    "ladd": ("plain", {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"}),
}


@pytest.fixture(scope="module")
def results(skin, manager):
    return {
        name: plan_treatment(skin[kind], name, facts, 5, manager) for name, (kind, facts) in CASES.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_plan_is_complete_and_within_profile_and_envelope(results, name):
    result = results[name]
    plan = result.plan
    profile = HandpieceProfile.from_header(plan.header["profile"])
    assert 500 < len(plan) < 3500
    assert 1 <= len(plan.station_pose) <= 8
    energy = plan.energy_uj / 1000.0
    assert (energy >= profile.energy_min_mj).all() and (energy <= profile.energy_max_mj).all()
    assert np.abs(plan.pulse_us - energy * 1000 / profile.power_w).max() <= 1
    assert check_plan(plan) == []
    assert plan.header["indication"] == name
    assert plan.header["plugin_versions"][name]
    assert not [f for f in result.findings if f.severity == Severity.REFUSAL]
    for group in plan.groups():
        times = plan.not_before_us[group.first : group.end]
        assert times[0] == 0
        assert (np.diff(times.astype(np.int64)) > 0).all()


@pytest.mark.parametrize("name", CASES)
def test_count_is_the_integral_of_the_density(results, skin, name):
    result = results[name]
    mesh = skin[CASES[name][0]].mesh
    inside = (result.density_per_cm2[mesh.faces] > 0).all(axis=1)
    wanted = (mesh.face_areas() * 1e4 * result.density_per_cm2[mesh.faces].mean(axis=1))[inside].sum()
    assert len(result.plan) + len(result.refused_m) == round(wanted)
    assert result.areas["treated"] == pytest.approx(mesh.face_areas()[inside].sum() * 1e4)


@pytest.mark.parametrize("name", CASES)
def test_spots_lie_on_the_captured_skin(results, skin, name):
    mesh = skin[CASES[name][0]].mesh
    points = results[name].plan.positions_m[::40]
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normal = mesh.face_normals()
    for point in points:
        height = ((point - a) * normal).sum(axis=1)
        foot = point - height[:, None] * normal
        inside = np.ones(len(a), bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= (np.cross(q - p, foot - p) * normal).sum(axis=1) >= -1e-12
        assert np.abs(height[inside]).min() < 2e-9


def test_the_plan_follows_what_is_found(results):
    scar = results["atrophic_scar"]
    near = np.linalg.norm(scar.plan.positions_m[:, :2] - [0.496, 0.002], axis=1) < 0.002
    far = np.linalg.norm(scar.plan.positions_m[:, :2] - [0.507, 0.005], axis=1) < 0.002
    assert near.sum() > 1.4 * far.sum()
    assert scar.plan.energy_uj[near].mean() > scar.plan.energy_uj[far].mean()
    bands = results["striae"].plan.positions_m
    assert (np.abs(bands[:, 1] - 0.0005) < 0.0005).sum() > 5 * (np.abs(bands[:, 1] - 0.0035) < 0.0005).sum()
    assert results["ladd"].plan.header["dose"]["spots_per_cm2"] == pytest.approx(442, rel=0.01)


def test_same_seed_same_hash_in_another_process(results):
    here = Path(__file__).parent
    code = (
        f"import sys; sys.path.insert(0, {str(here)!r}); import conftest\n"
        "from openmtz.planning import plan_treatment\n"
        "print(plan_treatment(conftest.make_skin('striae', seed=3), 'striae',"
        " {'fitzpatrick': 2, 'site': 'abdomen', 'striae_stage': 'alba'}, 5).plan.sha256)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split()[-1] == results["striae"].plan.sha256


def test_another_seed_another_plan(skin, manager, results):
    other = plan_treatment(skin["plain"], "ladd", CASES["ladd"][1], 6, manager).plan
    assert other.sha256 != results["ladd"].plan.sha256
    assert len(other) == len(results["ladd"].plan)


def test_two_passes_share_the_spots(skin, manager):
    facts = {**CASES["ladd"][1], "agent": "mal"}
    plan = plan_treatment(
        skin["plain"], "ladd", facts, 0, manager, overrides={"passes": 2, "energy_mj": 40}
    ).plan
    counts = np.bincount(plan.pass_index)
    assert abs(int(counts[0]) - int(counts[1])) <= 1
    assert (np.diff(plan.pass_index.astype(int)) >= 0).all()


def test_unknown_indication_lists_the_valid_ones(skin, manager):
    with pytest.raises(UnknownIndication, match="atrophic_scar, ladd, striae"):
        plan_treatment(skin["plain"], "warts", {}, 0, manager)
    with pytest.raises(UnknownIndication, match="no indication plugin is installed"):
        plan_treatment(skin["plain"], "ladd", {}, 0, PluginManager())


@pytest.mark.parametrize(
    ("facts", "words"),
    [({"fitzpatrick": 9}, "fitzpatrick"), ({"colour": "red"}, "colour"), ({"site": "knee"}, "site")],
)
def test_bad_facts_are_named(skin, manager, facts, words):
    with pytest.raises(RequestError, match=words):
        plan_treatment(skin["plain"], "ladd", facts, 0, manager)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"region": {"center_m": [0, 0]}}', "center_m"),
        ('{"overrides": {"energy_mj": -1}}', "energy_mj"),
        ('{"dose": 3}', "Fields: facts, region, overrides"),
    ],
)
def test_bad_requests_are_named(text, words):
    with pytest.raises(RequestError, match=words):
        parse_request(text)


def test_request_round_trip():
    text = json.dumps({"facts": {"site": "cheek"}, "region": {"center_m": [0.5, 0, 0.05], "radius_m": 0.01}})
    request = parse_request(text)
    assert request.as_region() == Region((0.5, 0.0, 0.05), 0.01)
    assert parse_request("").region is None


def refusal(call) -> tuple[str, set[str]]:
    with pytest.raises(PlanningError) as caught:
        call()
    return str(caught.value), {f.code for f in caught.value.findings if f.severity == Severity.REFUSAL}


def test_region_off_the_skin_is_refused(skin, manager):
    text, codes = refusal(
        lambda: plan_treatment(skin["plain"], "ladd", {}, 0, manager, Region((0.9, 0, 0.05), 0.01))
    )
    assert "mm from the captured skin" in text and codes == {"no-skin-in-region"}


def test_no_striae_is_refused_not_planned(skin, manager):
    facts = CASES["striae"][1]
    far = Region((0.488, 0.01, 0.0485), 0.003)
    _, codes = refusal(lambda: plan_treatment(skin["plain"], "striae", facts, 0, manager, far))
    assert codes == {"no-bands-in-region"}


def test_beyond_the_envelope_is_refused(skin, manager):
    text, codes = refusal(
        lambda: plan_treatment(
            skin["plain"], "ladd", CASES["ladd"][1], 0, manager, overrides={"density_scale": 2.0}
        )
    )
    assert "dose-over-limit" in codes and "J/cm2" in text


def test_energy_below_the_profile_is_refused(skin, manager):
    _, codes = refusal(
        lambda: plan_treatment(
            skin["plain"], "ladd", CASES["ladd"][1], 0, manager, overrides={"energy_mj": 3}
        )
    )
    assert codes == {"energy-below-profile"}


def test_energy_above_the_profile_is_cut_and_said(skin, manager):
    facts = {"fitzpatrick": 1, "site": "cheek"}
    result = plan_treatment(skin["scars"], "atrophic_scar", facts, 0, manager, overrides={"energy_mj": 60})
    assert result.plan.energy_uj.max() == 30_000
    assert "energy-cut" in {f.code for f in result.findings}


def test_out_of_reach_is_refused_with_the_arms_reason(skin, manager):
    text, codes = refusal(
        lambda: plan_treatment(
            skin["plain"],
            "ladd",
            {},
            0,
            manager,
            setup=PlanningSetup(lambda pose: "wrist_2_joint limit"),
        )
    )
    assert "wrist_2_joint limit" in text and codes == {"out-of-reach"}


def test_given_region_is_respected(skin, manager):
    region = Region((0.505, -0.005, 0.0495), 0.006)
    plan = plan_treatment(skin["plain"], "ladd", CASES["ladd"][1], 0, manager, region).plan
    assert np.linalg.norm(plan.positions_m - region.center_m, axis=1).max() <= 0.0061
