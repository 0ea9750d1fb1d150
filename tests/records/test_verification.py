"""The verdict on a delivery, case by case and as properties."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.plan import Severity, TreatmentPlan
from openmtz.records import FiredSpots, SpotStatus, TruthShots, evidence_of, verify

N = 12


def make_plan(count: int = N) -> TreatmentPlan:
    tilt = np.deg2rad(10.0)
    return TreatmentPlan(
        header={"format_version": 1, "profile": CO2_120UM_LOW_ENERGY.to_header()},
        position_nm=np.stack([np.arange(count) * 500_000, np.zeros(count), np.zeros(count)], 1),
        normal_e9=np.tile(np.rint([np.sin(tilt) * 1e9, 0, np.cos(tilt) * 1e9]), (count, 1)),
        energy_uj=np.full(count, 20_000),
        pulse_us=np.full(count, 800),
        depth_um=np.full(count, 630),
        not_before_us=np.zeros(count),
        station=np.arange(count) // 6,
        pass_index=np.zeros(count),
        station_pose=np.tile([0, 0, 0.2, 1, 0, 0, 0], (max(1, -(-count // 6)), 1)),
    )


def report(index) -> FiredSpots:
    index = np.asarray(index)
    return FiredSpots(index, 1000 + np.arange(len(index)), np.full(len(index), 20_000))


def truth(plan: TreatmentPlan, index, offset=(0.0, 0.0, 0.0), energy_mj=20.0, hit=True) -> TruthShots:
    index = np.asarray(index, np.int64)
    place = plan.positions_m[np.clip(index, 0, len(plan) - 1)] if len(plan) else np.zeros((len(index), 3))
    ones = np.ones(len(index))
    return TruthShots(
        index, ones * hit, place + np.asarray(offset), ones * 0.1, ones * 1e-4, ones * energy_mj, ones, ones
    )


@pytest.fixture(scope="module")
def plan() -> TreatmentPlan:
    return make_plan()


def codes(result) -> list[str]:
    return [f.code for f in result.findings]


def test_everything_once_is_ok(plan):
    result = verify(plan, report(range(N)), truth(plan, range(N)))
    assert result.ok and result.by_truth and codes(result) == []
    assert (result.spots_planned, result.delivered, result.missing, result.emissions_total) == (N, N, 0, N)
    assert result.miss_m == pytest.approx(np.zeros(N), abs=1e-9)
    assert result.energy_mj == pytest.approx(np.full(N, 20.0))


def test_without_truth_the_report_decides_and_says_so(plan):
    result = verify(plan, report(range(N)))
    assert result.ok and not result.by_truth and codes(result) == ["positions-not-verified"]
    assert np.isnan(result.miss_m).all() and np.isnan(result.miss_percentile_m(50))


def test_a_line_reported_twice_is_one_emission(plan):
    once = report(range(N))
    twice = FiredSpots(*(np.concatenate([a, a[:5]]) for a in (once.index, once.tick_us, once.energy_uj)))
    assert verify(plan, twice).ok


def test_missing_names_the_first_spot_and_the_station(plan):
    result = verify(plan, report(range(8)), truth(plan, range(8)))
    assert not result.ok and result.missing == 4
    assert "from spot 8 at station 1" in result.findings[0].text


def test_repeated(plan):
    shots = [*range(N), 3, 3]
    result = verify(plan, report(shots), truth(plan, shots))
    assert not result.ok and (result.repeated, result.delivered) == (2, N)
    assert result.emissions[3] == 3 and result.energy_mj[3] == pytest.approx(60.0)


def test_an_index_the_plan_does_not_have_is_outside(plan):
    shots = [*range(N), N, 4_000_000]
    result = verify(plan, report(shots), truth(plan, shots))
    assert not result.ok and result.outside_plan == 2 and codes(result) == ["foreign-index"]


@pytest.mark.parametrize(
    ("offset", "fine"),
    [
        ((0, 0.4e-3, 0), True),
        ((0, 0.6e-3, 0), False),
        ((0, 0, 0.5e-3), True),  # along the normal, mostly: capture noise, not aim
        ((0, 0, 3e-3), False),  # something else than the skin
        ((np.nan, 0, 0), False),
    ],
)
def test_tolerance_is_lateral(plan, offset, fine):
    result = verify(plan, report(range(N)), truth(plan, range(N), offset))
    assert result.ok is fine
    assert result.misplaced == result.outside_plan == (0 if fine else N)


def test_a_shot_that_missed_the_patient_is_outside(plan):
    result = verify(plan, report(range(N)), truth(plan, range(N), hit=False))
    assert not result.ok and result.outside_plan == N


@pytest.mark.parametrize(("energy_mj", "fine"), [(16.1, True), (23.9, True), (15.9, False), (24.1, False)])
def test_energy_tolerance(plan, energy_mj, fine):
    result = verify(plan, report(range(N)), truth(plan, range(N), energy_mj=energy_mj))
    assert result.ok is fine and result.off_energy == (0 if fine else N)


def test_nan_energy_is_not_fine(plan):
    assert verify(plan, report(range(N)), truth(plan, range(N), energy_mj=np.nan)).off_energy == N


def test_an_emission_the_device_hides_is_never_ok(plan):
    result = verify(plan, report(range(N - 1)), truth(plan, range(N)))
    assert not result.ok and result.delivered == N and "unreported-emission" in codes(result)


def test_an_emission_the_device_invents(plan):
    result = verify(plan, report(range(N)), truth(plan, range(N - 1)))
    assert not result.ok and {"missing", "reported-not-emitted"} <= set(codes(result))


def test_an_empty_plan_is_never_ok():
    result = verify(make_plan(0), report([]))
    assert not result.ok and "empty-plan" in codes(result)


def test_nothing_fired(plan):
    result = verify(plan, report([]), truth(plan, []))
    assert not result.ok and result.missing == N and (result.status == SpotStatus.MISSING).all()


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        FiredSpots(np.arange(3), np.arange(2), np.arange(3))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-2, N + 3), st.booleans(), st.floats(-1e-3, 1e-3), st.sampled_from([10.0, 20.0])
        ),
        max_size=40,
    )
)
def test_the_classes_add_up_and_ok_is_earned(shots):
    plan = make_plan()
    index = np.array([s[0] for s in shots], np.int64)
    real = truth(plan, index, energy_mj=1.0)
    real = TruthShots(
        index,
        np.array([s[1] for s in shots], bool),
        real.position_m + np.array([[0.0, s[2], 0.0] for s in shots]).reshape(-1, 3),
        real.incidence_rad,
        real.defocus_m,
        np.array([s[3] for s in shots], float),
        real.fluence_j_cm2,
        real.time_s,
    )
    result = verify(plan, report(index), real)
    assert result.delivered + result.misplaced + result.off_energy + result.missing == N
    assert result.missing == N - len(set(index[(index >= 0) & (index < N)].tolist()))
    assert result.repeated == sum(max(0, int((index == k).sum()) - 1) for k in range(N))
    perfect = sorted(index.tolist()) == list(range(N)) and all(
        s[1] and abs(s[2]) <= 0.5e-3 and s[3] == 20.0 for s in shots
    )
    assert result.ok is perfect


def test_without_a_record_of_the_shot_evidence_is_missing_not_the_spot(plan):
    """The device counted all as executed; the last four reports and shots had not arrived."""
    result = verify(plan, report(range(8)), truth(plan, range(8)), executed=N)
    assert not result.ok and (result.delivered, result.missing, result.unverified) == (8, 0, 4)
    assert (result.status[8:] == SpotStatus.UNVERIFIED).all() and codes(result) == ["evidence-missing"]
    assert not result.evidence.complete and "index 12" in result.findings[0].text
    assert verify(plan, report(range(8)), executed=N).unverified == 4


def test_spots_are_missing_where_the_device_did_not_execute_them(plan):
    result = verify(plan, report(range(8)), truth(plan, range(8)), executed=8)
    assert (result.missing, result.unverified) == (4, 0) and result.evidence.complete
    some = verify(plan, report(range(6)), truth(plan, range(7)), executed=8)
    assert (some.delivered, some.missing, some.unverified) == (7, 4, 1)


def test_evidence_is_complete_where_all_counts_agree():
    index = np.array([0, 1, 1, 2, 99, -1])
    assert evidence_of(5, index, index[:4], 3).complete
    assert not evidence_of(5, index, index[:2], 3).complete
    assert not evidence_of(5, index, index, 4).complete
    assert evidence_of(5, index).complete and evidence_of(5, index).executed is None
    assert evidence_of(5, np.arange(5), None, 4_000_000_000).complete


def tilted(plan, degrees, defocus_mm) -> TruthShots:
    shots = truth(plan, range(N))
    angle, defocus = np.deg2rad(np.asarray(degrees, float)), np.asarray(defocus_mm, float) * 1e-3
    return dataclasses.replace(shots, incidence_rad=angle, defocus_m=defocus)


def test_tilt_and_focus_beyond_their_limits_are_told_and_judged_by_their_share(plan):
    flat, sharp = np.full(N, 10.0), np.zeros(N)
    few, many = flat.copy(), flat.copy()
    few[:3], many[:4] = 54.0, 31.0
    told = verify(plan, report(range(N)), tilted(plan, few, sharp))
    assert told.ok and codes(told) == ["tilt-by-truth"]
    assert told.findings[0].severity == Severity.INFO and told.findings[0].count == 3
    assert "30" in told.findings[0].text and "54" in told.findings[0].text and "25%" in told.findings[0].text
    bad = verify(plan, report(range(N)), tilted(plan, many, sharp))
    assert not bad.ok and bad.findings[0].severity == Severity.REFUSAL
    blurred = sharp.copy()
    blurred[0] = -0.6
    assert verify(plan, report(range(N)), tilted(plan, flat, blurred)).ok
    blurred[1] = 0.55
    assert codes(verify(plan, report(range(N)), tilted(plan, flat, blurred))) == ["focus-by-truth"]
    assert not verify(plan, report(range(N)), tilted(plan, flat, blurred)).ok
    assert verify(plan, report(range(N)), tilted(plan, flat, np.full(N, 0.49))).ok
