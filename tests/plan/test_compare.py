"""`plan diff`: what differs is counted once and right."""

from __future__ import annotations

import dataclasses

import numpy as np

from openmtz.plan import TreatmentPlan, compare_plans


def plan(count: int = 30, seed: int = 1, **header: object) -> TreatmentPlan:
    rng = np.random.default_rng(seed)
    side = np.arange(count)
    position = np.stack([side % 6, side // 6, 0 * side], axis=1) * 400_000 + rng.integers(0, 1000, (count, 3))
    return TreatmentPlan(
        header={"format_version": 1, "seed": seed, "dose": {"fluence_j_cm2": 20.0}, **header},
        position_nm=position,
        normal_e9=np.tile([0, 0, 10**9], (count, 1)),
        energy_uj=np.full(count, 20_000),
        pulse_us=np.full(count, 800),
        depth_um=np.full(count, 630),
        not_before_us=np.arange(count) * 2000,
        station=np.zeros(count),
        pass_index=np.zeros(count),
        station_pose=np.array([[0.5, 0, 0.2, 1.0, 0, 0, 0]]),
    )


def test_the_same_plan_differs_in_nothing():
    found = compare_plans(plan(), plan())
    assert found.nothing and found.same == 30


def test_each_kind_of_difference_is_counted_once():
    a = plan()
    position, energy = a.position_nm.copy(), a.energy_uj.copy()
    position[3] += [60_000, 0, 0]  # moved by 60 um
    position[7] += [5_000_000, 0, 0]  # another spot
    energy[11] += 500
    keep = np.arange(len(a)) != 20
    arrays = {"position_nm": position, "energy_uj": energy}
    fields = [f.name for f in dataclasses.fields(TreatmentPlan) if f.name not in ("header", "station_pose")]
    b = TreatmentPlan(
        header={**a.header, "seed": 2, "dose": {"fluence_j_cm2": 21.0}},
        station_pose=a.station_pose,
        **{name: arrays.get(name, getattr(a, name))[keep] for name in fields},
    )
    found = compare_plans(a, b)
    assert (found.same, found.changed, found.moved, found.added, found.removed) == (26, 1, 1, 1, 2)
    assert np.allclose(found.moved_um, 60.0, atol=1e-6)
    assert dict((k, (x, y)) for k, x, y in found.header) == {
        "seed": (1, 2),
        "dose.fluence_j_cm2": (20.0, 21.0),
    }
    assert found.order_same and not found.nothing
    back = compare_plans(b, a)
    assert (back.added, back.removed) == (found.removed, found.added)


def test_another_order_is_noticed():
    a = plan()
    order = np.random.default_rng(0).permutation(len(a))
    fields = [f.name for f in dataclasses.fields(TreatmentPlan) if f.name not in ("header", "station_pose")]
    arrays = {name: getattr(a, name)[order] for name in fields} | {"not_before_us": a.not_before_us}
    b = TreatmentPlan(header=a.header, station_pose=a.station_pose, **arrays)
    found = compare_plans(a, b)
    assert found.same == 30 and not found.order_same and not found.nothing
