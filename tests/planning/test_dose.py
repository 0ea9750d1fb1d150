"""Dose against closed forms, brute force, and the clock."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as LOW
from openmtz.planning.dose.delivered import predict_dose
from openmtz.tissue.ablation import craters
from openmtz.tissue.checks import TissueError
from openmtz.tissue.coagulation import rims
from openmtz.tissue.disc import peak_disc_j_cm2


def hexagons(density_per_cm2: float, side_m: float) -> NDArray[np.float64]:
    """A hexagonal pattern on a plane."""
    pitch = np.sqrt(2.0 / (np.sqrt(3.0) * density_per_cm2 * 1e4))
    rows, columns = int(side_m / (pitch * np.sqrt(0.75))), int(side_m / pitch)
    j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    x, y = (i + 0.5 * (j % 2)) * pitch, j * pitch * np.sqrt(0.75)
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)


def brute_peak(positions, energy, times, window_s, radius_m):  # type: ignore[no-untyped-def]
    """Worst energy [mJ] around each spot over windows that end with one of its neighbours' shots."""
    far = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    out = np.zeros(len(positions))
    for i in range(len(positions)):
        near = far[i] <= radius_m
        for end in times[near]:
            held = near & (times <= end) & (end - times < window_s)
            out[i] = max(out[i], energy[held].sum())
    return out


def test_a_sparse_hexagonal_pattern_is_known_in_closed_form() -> None:
    positions = hexagons(442.0, 0.04)
    area = len(positions) / 442.0
    dose = predict_dose(
        positions, np.full(len(positions), 20.0), area, LOW, normals=positions * 0 + [0, 0, 1.0]
    )
    hole, rim = craters(LOW, 20.0), float(rims(LOW, 20.0, residual_heat=0.5).lateral_um[0])
    radius = float(hole.half_short_um[0])
    pitch_um = np.sqrt(2.0 / (np.sqrt(3.0) * 442.0)) * 1e4
    assert dose.spots_per_cm2 == pytest.approx(442.0)
    assert dose.nominal_percent == pytest.approx(5.0, abs=0.01)
    assert dose.ablated_percent == pytest.approx(442 * np.pi * (radius * 1e-4) ** 2 * 100, rel=1e-9)
    assert dose.affected_percent == pytest.approx(442 * np.pi * ((radius + rim) * 1e-4) ** 2 * 100, rel=1e-9)
    assert dose.ablated_mm3_cm2 == pytest.approx(442 * hole.volume_mm3[0])
    assert dose.fluence_j_cm2 == pytest.approx(8.84)
    assert dose.bridge_min_um == pytest.approx(pitch_um - 2 * (radius + rim), abs=1e-3)
    assert dose.bridge_p5_um == pytest.approx(dose.bridge_min_um, abs=1e-3)
    assert dose.bridge_p5_least_um == pytest.approx(pitch_um - 2 * (radius + 100.0), abs=1e-3)
    assert (dose.touching, dose.merging) == (0, 0)
    # A disc of 1 cm2 on a pattern of 442 per cm2 holds 442 spots, give or take its rim.
    assert dose.worst_j_cm2 == pytest.approx(8.84, rel=0.03)


def test_crowded_spots_touch_and_then_merge() -> None:
    energy_radius = float(craters(LOW, 20.0).half_short_um[0])
    for pitch_um, touching, merging in ((260.0, 0, 0), (2 * energy_radius + 5.0, 9, 0), (150.0, 9, 9)):
        line = np.arange(3) * pitch_um * 1e-6
        positions = np.array([[x, y, 0.0] for x in line for y in line])
        dose = predict_dose(positions, np.full(9, 20.0), 1.0, LOW)
        assert (dose.touching, dose.merging) == (touching, merging)


def test_the_dose_goes_into_a_header() -> None:
    dose = predict_dose(np.zeros((1, 3)), np.array([20.0]), 1.0, LOW)
    text = json.dumps({k: float(f"{v:.4g}") for k, v in asdict(dose).items()}, allow_nan=False)
    assert json.loads(text)["bridge_min_um"] == 10_000.0


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 10_000), st.sampled_from([0.5, 3.0, 100.0]))
def test_worst_disc_is_that_of_brute_force(count: int, seed: int, window_s: float) -> None:
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0, 0.02, (count, 3)) * [1.0, 1.0, 0.2]
    energy, times = rng.uniform(1, 40, count), np.round(rng.uniform(0, 10, count), 1)
    got = peak_disc_j_cm2(positions, energy, times, window_s)
    want = brute_peak(positions, energy, times, window_s, np.sqrt(1e-4 / np.pi)) * 1e-3
    np.testing.assert_allclose(got, want, atol=1e-6)
    turned = peak_disc_j_cm2(positions[::-1], energy[::-1], times[::-1], window_s)
    np.testing.assert_array_equal(turned[::-1], got)


def test_points_a_kilometre_apart_cost_no_memory() -> None:
    far = np.array([[0.0, 0, 0], [1e3, 1e3, 1e3], [1e3, 1e3, 1e3 + 1e-3]])
    assert peak_disc_j_cm2(far, [10.0, 20.0, 30.0]).tolist() == pytest.approx([0.01, 0.05, 0.05])


def test_88000_spots_in_well_under_two_cpu_seconds() -> None:
    positions = hexagons(884.0, 0.0998)
    positions[:, 2] = 0.07 - 4.0 * ((positions[:, :2] - 0.05) ** 2).sum(axis=1)
    assert len(positions) > 87_000
    energy = np.full(len(positions), 20.0)
    predict_dose(positions[:50], energy[:50], 1.0, LOW)  # compiled code is loaded once per process
    start = time.process_time()
    dose = predict_dose(positions, energy, 100.0, LOW)
    took = time.process_time() - start
    print(f"\ndose of {len(positions)} spots: {took:.2f} CPU s")
    assert took < 2.0
    assert 17.0 < dose.worst_j_cm2 < 18.5


@pytest.mark.parametrize(
    "positions, energy, area, text",
    [
        (np.zeros((0, 3)), [], 1.0, "N > 0"),
        (np.zeros((2, 2)), [1.0, 1.0], 1.0, r"got shape \(2, 2\)"),
        (np.array([[0.0, np.nan, 0.0]]), [1.0], 1.0, "1 rows are NaN"),
        (np.zeros((1, 3)), [np.nan], 1.0, "energy_mj: 1 of 1 are NaN"),
        (np.zeros((1, 3)), [20.0], 0.0, "area_cm2 must be positive, got 0.0"),
        (np.zeros((9000, 3)), np.full(9000, 20.0), 1.0, "heaps"),
    ],
)
def test_bad_input_is_named(positions, energy, area, text) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TissueError, match=text):
        predict_dose(positions, np.asarray(energy, float), area, LOW)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"positions_m": np.zeros(3), "energy_mj": [1.0]}, r"must be \(N, 3\)"),
        ({"positions_m": np.zeros((2, 3)), "energy_mj": [1.0]}, "2 positions, 1 energies"),
        ({"positions_m": np.zeros((1, 3)), "energy_mj": [-1.0]}, "row 0 is negative"),
        ({"positions_m": np.zeros((1, 3)), "energy_mj": [1.0], "window_s": 0.0}, "must be positive"),
        ({"positions_m": np.full((1, 3), np.inf), "energy_mj": [1.0]}, "first 0"),
    ],
)
def test_bad_discs_are_named(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(TissueError, match=text):
        peak_disc_j_cm2(**arguments)  # type: ignore[arg-type]
