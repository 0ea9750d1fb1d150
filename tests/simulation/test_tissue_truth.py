"""Ground truth: a clean run shows no harm; every harm of the list shows when, and only when, it happened."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.geometry import TriangleMesh, apply_pose, invert_pose, look_along, make_pose
from openmtz.optics import angles_to_counts, point_to_angles
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as LOW
from openmtz.plan import TreatmentPlan
from openmtz.records import FiredSpots
from openmtz.simulation.truth.harms import LIMITS, Circumstances, Harm, Stop, harm
from openmtz.simulation.truth.shots import evaluate_shots
from openmtz.simulation.truth.skin import TrueSkin
from openmtz.simulation.truth.tissue_truth import Shots, TissueTruth
from openmtz.simulation.truth.truth_report import against_plan, report
from openmtz.tissue.ablation import craters, stacked_depth_um
from openmtz.tissue.checks import TissueError

SIDE, PITCH_M, INTERVAL_S = 12, 0.5e-3, 0.02
COUNT = SIDE * SIDE
CENTER = np.array([0.5, 0.0, 0.05])


@pytest.fixture(scope="module")
def plan() -> TreatmentPlan:
    """A square pattern at 400 per cm2, 20 mJ, one station over its middle, on flat skin in focus."""
    line = (np.arange(SIDE) - (SIDE - 1) / 2) * PITCH_M
    x, y = np.meshgrid(line, line, indexing="ij")
    position = CENTER + np.stack([x.ravel(), y.ravel(), np.zeros(COUNT)], axis=1)
    return TreatmentPlan(
        header={"format_version": 1, "profile": LOW.to_header()},
        position_nm=np.rint(position * 1e9), normal_e9=np.tile([0, 0, 10**9], (COUNT, 1)),
        energy_uj=np.full(COUNT, 20_000), pulse_us=np.full(COUNT, 800), depth_um=np.full(COUNT, 630),
        not_before_us=np.zeros(COUNT), station=np.zeros(COUNT), pass_index=np.zeros(COUNT),
        station_pose=np.array([[0.5, 0.0, 0.05 + LOW.focus_distance_m, 1.0, 0.0, 0.0, 0.0]]),
    )  # fmt: skip


def shots_of(plan: TreatmentPlan, seed: int = 0) -> Shots:
    """What a good device does: 10 um of jitter, 2 % of noise, in the plan's order."""
    rng = np.random.default_rng(seed)
    count = len(plan)
    return Shots(
        hit=np.ones(count, bool), spot_index=np.arange(count),
        rest_position_m=plan.positions_m + rng.normal(0, 10e-6, (count, 3)) * [1, 1, 0],
        incidence_rad=np.full(count, 0.02), defocus_m=rng.normal(0, 30e-6, count),
        energy_mj=20.0 * rng.normal(1.0, 0.02, count), pulse_us=np.full(count, 800.0),
        time_s=np.arange(count) * INTERVAL_S, arm_speed_m_s=np.zeros(count), patient_shift_m=np.zeros(count),
    )  # fmt: skip


def changed(shots: Shots, rows: object, **values: object) -> Shots:
    """The same shots with some rows of some columns replaced."""
    new = {}
    for name, value in values.items():
        column = np.array(getattr(shots, name))
        column[rows] = value
        new[name] = column
    return replace(shots, **new)


def joined(*parts: Shots) -> Shots:
    return Shots(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Shots)})


def only(shots: Shots, rows: object) -> Shots:
    return Shots(**{f.name: getattr(shots, f.name)[rows] for f in fields(Shots)})


def harms(shots: Shots, plan: TreatmentPlan, **more: object) -> dict[str, Harm]:
    truth = TissueTruth(LOW)
    truth.add(shots)
    return {h.name: h for h in harm(truth.records(), plan, Circumstances(**more))}  # type: ignore[arg-type]


def test_a_clean_run_shows_no_harm_and_says_what_it_did(plan: TreatmentPlan) -> None:
    truth = TissueTruth(LOW)
    shots = shots_of(plan)
    for part in np.array_split(np.arange(COUNT), 7):
        truth.add(only(shots, part))
    found = report(
        truth.records(), plan, FiredSpots(np.arange(COUNT), np.arange(COUNT), np.full(COUNT, 20e3))
    )
    assert harm(truth.records(), plan, Circumstances(stops=[Stop(99.0)])) == ()
    assert (found.shots, found.spots_planned, found.missed, found.doubled) == (COUNT, COUNT, 0, 0)
    assert found.miss_p50_m == pytest.approx(11.8e-6, rel=0.15) and found.miss_worst_m < 60e-6
    assert abs(found.depth_error_p50) < 0.02 and -0.12 < found.depth_error_p5 < found.depth_error_p95 < 0.12
    # 0.36 cm2 of 8 J/cm2: all of it within any disc around its middle.
    assert found.worst_j_cm2 == pytest.approx(shots.energy_mj.sum() * 1e-3, rel=1e-6)
    assert 5.0 < found.peak_rise_k < 60.0 and 0.0 < found.omega_p95 < 1.0
    assert (found.unreported, found.invented, found.merged, found.outside) == (0, 0, 0, 0)


CASES = {
    "off-target": (lambda s: changed(s, [7], rest_position_m=s.rest_position_m[7] + [1.5e-3, 0, 0]), 1),
    "outside-region": (lambda s: changed(s, [0], rest_position_m=s.rest_position_m[0] - [2e-3, 0, 0]), 1),
    "off-patient": (lambda s: changed(s, [3, 4], hit=False, rest_position_m=np.nan, defocus_m=np.nan), 2),
    "unplanned-shot": (lambda s: changed(s, [5], spot_index=-1), 1),
    "double-dose": (lambda s: joined(s, replace(only(s, [9]), time_s=np.array([9.0]))), 1),
    "stacked": (lambda s: changed(s, [9], rest_position_m=s.rest_position_m[8] + [20e-6, 0, 0]), 1),
    "over-energy": (lambda s: changed(s, slice(0, 20), energy_mj=25.0), 20),
    "under-energy": (lambda s: changed(s, slice(0, 20), energy_mj=16.0), 20),
    "defocus": (lambda s: changed(s, slice(0, 20), defocus_m=-0.6e-3), 20),
    "too-deep": (lambda s: joined(s, replace(only(s, [9]), time_s=np.array([9.0]))), 1),
    "steep-incidence": (lambda s: changed(s, slice(0, 40), incidence_rad=0.6), 40),
    "merged-zones": (lambda s: changed(s, [9], rest_position_m=s.rest_position_m[8] + [120e-6, 0, 0]), 1),
    "over-heated": (
        lambda s: joined(*[replace(s, time_s=s.time_s + 0.1 * k) for k in range(16)]),
        16 * COUNT,
    ),
    "bulk-damage": (lambda s: joined(*[replace(s, time_s=s.time_s * 0.01 + 0.03 * k) for k in range(6)]), 1),
    "emission-while-moving": (lambda s: changed(s, slice(5, 9), arm_speed_m_s=0.01), 4),
    "patient-moved": (lambda s: changed(s, slice(100, 144), patient_shift_m=0.8e-3), 44),
}


@pytest.mark.parametrize("name", CASES)
def test_each_harm_shows(name: str, plan: TreatmentPlan) -> None:
    make, count = CASES[name]
    found = harms(make(shots_of(plan)), plan)
    assert found[name].count == count or name == "over-heated"
    assert found[name].worst > found[name].limit
    assert found[name].limit == LIMITS[name].value and found[name].unit == LIMITS[name].unit
    assert name not in harms(shots_of(plan), plan)


def test_harms_that_need_more_than_the_shots(plan: TreatmentPlan) -> None:
    shots = shots_of(plan)
    end = shots.time_s[-1]
    late = harms(shots, plan, stops=[Stop(end - 0.30, grace_s=0.05)])["emission-after-stop"]
    assert late.count == 13 and late.worst == pytest.approx(0.25, abs=1e-6)
    assert late.first_s == pytest.approx(end - 0.24)
    resumed = Stop(-1.0, until_s=0.05)
    assert harms(shots, plan, stops=[resumed])["emission-after-stop"].count == 3
    eye = harms(shots, plan, no_fire=[(plan.positions_m[0], 0.6e-3)])["no-fire-volume"]
    assert eye.count == 3 and eye.first_s == 0.0
    silent = FiredSpots(np.arange(COUNT - 5), np.arange(COUNT - 5), np.full(COUNT - 5, 2e4))
    assert harms(shots, plan, fired=silent)["unreported-emission"].count == 5
    assert set(CASES) | {"emission-after-stop", "no-fire-volume", "unreported-emission"} == set(LIMITS)


def shot_through_the_optics(
    plan: TreatmentPlan, head_shift_m: tuple[float, float, float], mesh: TriangleMesh
) -> Shots:
    """Aim every spot from its station, then fire from a head that stands elsewhere, onto the true skin."""
    pose = look_along(plan.station_pose[0, :3], (0, 0, -1))
    local = apply_pose(invert_pose(pose), plan.positions_m)
    counts = angles_to_counts(point_to_angles(local, LOW.mirror_separation_m), LOW.full_scale_rad)
    pose = make_pose(pose[:3, :3], pose[:3, 3] + np.array(head_shift_m))
    hits = evaluate_shots(pose, counts, np.full(COUNT, 20.0), TrueSkin(mesh), LOW)
    return Shots(
        hits.hit, np.arange(COUNT), hits.rest_position_m, hits.incidence_rad, hits.defocus_m,
        np.full(COUNT, 20.0), np.full(COUNT, 800.0), np.arange(COUNT) * INTERVAL_S,
    )  # fmt: skip


@pytest.mark.parametrize(
    "shift, expected",
    [
        ((0.0, 0.0, 0.0), set()),
        ((0.4e-3, 0.0, 0.0), set()),  # within what still counts as delivered
        ((1.5e-3, 0.0, 0.0), {"off-target", "outside-region"}),
        ((0.0, 0.0, 0.9e-3), {"defocus"}),
        ((0.0, 0.01, 0.0), {"off-target", "outside-region", "off-patient"}),
    ],
)
def test_a_head_that_stands_elsewhere(plan: TreatmentPlan, shift: tuple, expected: set[str]) -> None:  # type: ignore[type-arg]
    """Through mirrors, rays and the true mesh: a square of skin with 5 mm to spare on each side."""
    half = 0.5 * SIDE * PITCH_M + 5e-3
    square = CENTER + np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
    shots = shot_through_the_optics(plan, shift, TriangleMesh(square, np.array([[0, 1, 2], [0, 2, 3]])))
    assert set(harms(shots, plan)) == expected
    if not expected:
        truth = TissueTruth(LOW)
        truth.add(shots)
        found = report(truth.records(), plan)
        assert found.miss_worst_m == pytest.approx(shift[0], abs=3e-6)
        assert abs(found.depth_error_p50) < 0.01


def test_a_few_steep_walls_and_deep_floors_are_no_harm(plan: TreatmentPlan) -> None:
    few = changed(changed(shots_of(plan), slice(0, 14), defocus_m=0.8e-3), slice(0, 36), incidence_rad=0.8)
    assert harms(few, plan) == {}
    assert set(harms(changed(few, slice(0, 15), defocus_m=0.8e-3), plan)) == {"defocus"}
    assert set(harms(changed(few, slice(0, 37), incidence_rad=0.8), plan)) == {"steep-incidence"}


def test_the_page_lists_every_harm_with_its_limit() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "tissue.md").read_text(encoding="utf-8")
    for limit in LIMITS.values():
        row = f"| `{limit.name}` | {limit.value:g} {limit.unit} | {limit.source} |"
        assert row in text, f"docs/tissue.md lacks: {row}"


def test_limits_can_be_set_but_not_invented(plan: TreatmentPlan) -> None:
    shots = changed(shots_of(plan), [7], rest_position_m=plan.positions_m[7] + [0.3e-3, 0, 0])
    assert "off-target" not in harms(shots, plan)
    assert harms(shots, plan, limits={"off-target": 0.2e-3})["off-target"].count == 1
    with pytest.raises(TissueError, match="unknown harm 'of-target'; known: off-target"):
        Circumstances(limits={"of-target": 1.0})


def test_breathing_skin_is_judged_where_it_was_at_rest(plan: TreatmentPlan) -> None:
    """A shot displaced in the world but right on the skin is no harm: the caller gives the place at rest."""
    assert harms(changed(shots_of(plan), slice(None), patient_shift_m=0.4e-3), plan) == {}


def test_a_surface_captured_too_high_is_no_miss(plan: TreatmentPlan) -> None:
    """Along the normal the plan was 0.8 mm off, along the skin the shots are where they should be."""
    shots = replace(shots_of(plan), rest_position_m=plan.positions_m - [0.0, 0.0, 0.8e-3])
    assert harms(shots, plan, limits={"off-target": 0.1e-3}) == {}
    truth = TissueTruth(LOW)
    truth.add(shots)
    beside = against_plan(truth.records(), plan)
    assert beside.miss_m == pytest.approx(np.zeros(COUNT), abs=1e-8)
    assert beside.off_m == pytest.approx(np.full(COUNT, -0.8e-3), abs=1e-8)


def test_craters_add_up_on_one_place(plan: TreatmentPlan) -> None:
    shots = shots_of(plan)
    one = only(shots, [40])
    truth = TissueTruth(LOW)
    for k in range(4):
        truth.add(replace(one, time_s=np.array([10.0 - k])))  # the last batch came first
    records = truth.records()
    single = craters(LOW, one.energy_mj, one.defocus_m, one.incidence_rad).depth_um[0]
    assert records.depth_um == pytest.approx([single] * 4)
    assert records.channel_um == pytest.approx([stacked_depth_um([single] * n) for n in (1, 2, 3, 4)])
    assert records.stacked.tolist() == [0, 1, 2, 3]
    assert records.nearest_m.tolist() == [0.0] * 4
    assert records.merged.tolist() == [0] * 4  # the same spot again is a double dose, not two zones merging
    assert records.shots.time_s.tolist() == [7.0, 8.0, 9.0, 10.0]


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(0, 10_000))
def test_neighbours_are_those_of_brute_force(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shots = Shots(
        hit=rng.uniform(size=count) < 0.9, spot_index=rng.integers(0, 20, count),
        rest_position_m=rng.uniform(0, 2e-3, (count, 3)) * [1, 1, 0.1],
        incidence_rad=rng.uniform(0, 1.0, count),
        defocus_m=rng.normal(0, 1e-3, count), energy_mj=rng.uniform(5, 30, count),
        pulse_us=rng.uniform(100, 2000, count), time_s=rng.permutation(count) * 0.01,
    )  # fmt: skip
    truth = TissueTruth(LOW)
    truth.add(shots)
    got = truth.records()
    assert (np.diff(got.shots.time_s) > 0).all()
    radius = np.sqrt(got.half_long_um * got.half_short_um) * 1e-6
    where, index, hit = got.shots.rest_position_m, got.shots.spot_index, got.shots.hit
    for i in np.flatnonzero(hit):
        others = [k for k in np.flatnonzero(hit) if k != i]
        far = {k: float(np.linalg.norm(where[k] - where[i])) for k in others}
        earlier = [k for k in others if k < i]
        below = [k for k in earlier if far[k] < radius[k]]
        assert got.stacked[i] == len(below)
        assert got.channel_um[i] == pytest.approx(stacked_depth_um([got.depth_um[k] for k in [*below, i]]))
        overlaps = [
            radius[i] + radius[k] - far[k] for k in earlier
            if index[k] != index[i] and min(radius[i], radius[k]) > 0
        ]  # fmt: skip
        assert got.merged[i] == sum(o > 12e-6 for o in overlaps)
        if others:
            assert got.nearest_m[i] == pytest.approx(min(far.values()))
        else:
            assert np.isnan(got.nearest_m[i])
    missed = ~hit
    assert (got.depth_um[missed] == 0).all() and np.isnan(got.nearest_m[missed]).all()


def test_nothing_fired_is_no_harm_and_everything_missed(plan: TreatmentPlan) -> None:
    truth = TissueTruth(LOW)
    found = report(truth.records(), plan)
    assert len(truth) == 0 and harm(truth.records(), plan) == ()
    assert (found.shots, found.missed, found.worst_j_cm2, found.omega_p95) == (0, COUNT, 0.0, 0.0)
    assert np.isnan(found.miss_p50_m)


def test_the_same_run_twice_is_the_same_to_the_bit(plan: TreatmentPlan) -> None:
    results = []
    for cuts in (3, 11):
        truth = TissueTruth(LOW)
        for part in np.array_split(np.arange(COUNT), cuts):
            truth.add(only(shots_of(plan), part))
        results.append((truth.records().channel_um.tobytes(), report(truth.records(), plan)))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "change, text",
    [
        ({"energy_mj": np.full(COUNT, np.nan)}, "energy_mj: 144 rows are NaN or infinite, first 0"),
        ({"energy_mj": np.zeros(COUNT)}, "leave out what did not fire"),
        ({"time_s": np.zeros(3)}, r"time_s must have shape \(144,\)"),
        ({"rest_position_m": np.full((COUNT, 3), np.nan)}, "rest_position_m: 144 rows"),
        ({"pulse_us": np.full(COUNT, -1.0)}, "pulse_us: row 0 is not positive"),
    ],
)
def test_bad_shots_are_named(plan: TreatmentPlan, change: dict[str, object], text: str) -> None:
    with pytest.raises(TissueError, match=text):
        replace(shots_of(plan), **change)


def test_a_stuck_mirror_on_20000_shots_is_worked_out_in_seconds(plan: TreatmentPlan) -> None:
    count = 20_000
    one = shots_of(plan)
    stuck = Shots(**{f.name: np.repeat(getattr(one, f.name)[:1], count, axis=0) for f in fields(Shots)})
    stuck = replace(stuck, spot_index=np.arange(count) % COUNT, time_s=np.arange(count) * 0.0025)
    TissueTruth(LOW).records()
    start = time.process_time()
    found = harms(stuck, plan)
    print(f"\n20,000 shots on one place: {time.process_time() - start:.2f} CPU s")
    assert time.process_time() - start < 20.0
    assert {"stacked", "double-dose", "off-target", "too-deep", "merged-zones", "over-heated"} <= set(found)
