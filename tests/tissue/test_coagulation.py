"""The rim: against solutions in closed form, against finer grids, and by what must hold for any tissue."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, strategies as st

from openmtz.optics import HandpieceProfile
from openmtz.optics.profile import BUILT_IN_PROFILES, CO2_120UM_DEEP as DEEP, CO2_120UM_LOW_ENERGY as LOW
from openmtz.tissue.ablation import SKIN, craters
from openmtz.tissue.checks import TissueError
from openmtz.tissue.coagulation import DERMIS, CoagulationModel, _heat, rims, solve_rims_m
from openmtz.tissue.damage import COLLAGEN


def test_no_boiling_on_a_flat_wall_is_the_half_space_of_the_textbook() -> None:
    """Huge radius, all heat at the surface at once: T = q / (rho c sqrt(pi a t)) exp(-x^2 / 4at)."""
    cold = CoagulationModel(absorption_per_cm=1e5, boiling_c=1000.0)
    heat, capacity = 20_000.0, cold.density_kg_m3 * cold.specific_heat_j_kgk
    spread = cold.conductivity_w_mk / capacity
    got = solve_rims_m(1, np.array([1.0]), np.array([heat]), np.array([1e-5]), cold, 2e-6)[0]
    x = np.linspace(0.0, 200e-6, 801)
    times = np.geomspace(1e-7, 5.0, 6000)
    warm = cold.skin_c + heat / (capacity * np.sqrt(np.pi * spread * times)) * np.exp(
        -(x[:, None] ** 2) / (4 * spread * times)
    )
    omega = np.trapezoid(COLLAGEN.rate_per_s(np.minimum(warm, 900.0)), times, axis=1)
    assert got == pytest.approx(x[np.argmax(omega < 1.0)], abs=1.5e-6)
    assert got > 20e-6


@pytest.mark.parametrize("curved", [1, 2])
def test_half_the_cell_changes_less_than_a_micrometre(curved: int) -> None:
    heat = np.geomspace(8e3, 1.5e5, 8)
    radius, pulse = np.full(8, 90e-6), np.full(8, 1e-3)
    coarse = solve_rims_m(curved, radius, heat, pulse)
    fine = solve_rims_m(curved, radius, heat, pulse, first_cell_m=2.5e-6)
    assert np.abs(coarse - fine).max() < 1e-6
    assert (np.diff(fine) > 0).all()


@pytest.mark.parametrize("profile", BUILT_IN_PROFILES.values(), ids=str)
def test_the_table_agrees_with_solving_each_shot(profile: HandpieceProfile) -> None:
    rng = np.random.default_rng(0)
    energy = rng.uniform(profile.energy_min_mj, profile.energy_max_mj, 100)
    z = rng.uniform(-1e-3, 1e-3, 100)
    holes, peak = craters(profile, energy, z), profile.peak_fluence_j_cm2(energy, z, 0.0)
    wall, base, radius = _heat(profile, energy, z, holes, peak, 0.3, SKIN)
    pulse = profile.pulse_of_energy_us(energy) * 1e-6
    got = rims(profile, energy, defocus_m=z)
    assert np.abs(got.lateral_um - solve_rims_m(1, radius, wall, pulse) * 1e6).max() < 3.5
    assert np.abs(got.base_um - solve_rims_m(2, radius, base, pulse) * 1e6).max() < 2.0


@given(
    st.sampled_from(list(BUILT_IN_PROFILES.values())), st.floats(0.0, 1.0), st.floats(-2e-3, 2e-3),
    st.floats(0.05, 1.0),
)  # fmt: skip
def test_heat_is_shared_out_once(profile: HandpieceProfile, at: float, z: float, eta: float) -> None:
    energy = np.array([profile.energy_min_mj + at * (profile.energy_max_mj - profile.energy_min_mj)])
    holes, peak = craters(profile, energy, z), profile.peak_fluence_j_cm2(energy, z, 0.0)
    wall, base, radius = _heat(profile, energy, np.array([z]), holes, peak, eta, SKIN)
    side = 2.0 * np.pi * radius * holes.depth_um * 1e-6
    assert wall * side + base * np.pi * radius**2 == pytest.approx(eta * energy * 1e-3)
    assert wall[0] >= 0.0 and base[0] >= wall[0]


def test_more_residual_heat_and_more_energy_widen_the_rim() -> None:
    energy = np.linspace(20.0, 160.0, 15)
    before = None
    for eta in (0.2, 0.3, 0.5):
        rim = rims(DEEP, energy, residual_heat=eta)
        assert (np.diff(rim.lateral_um) > 0).all() and (np.diff(rim.base_um) > 0).all()
        if before is not None:
            assert (rim.lateral_um > before.lateral_um).all() and (rim.base_um > before.base_um).all()
        before = rim


def test_a_shot_too_weak_to_ablate_still_coagulates_below_but_has_no_wall() -> None:
    weak = rims(LOW, 5.0, defocus_m=9e-3)
    assert craters(LOW, 5.0, 9e-3).depth_um[0] == 0.0
    assert weak.lateral_um[0] == 0.0
    assert weak.base_um[0] == 0.0  # 0.35 J/cm2 spread over a millimetre: warm, not cooked
    nearly = rims(LOW, 5.0, defocus_m=4.2e-3)
    assert nearly.base_um[0] > 0.0


def test_fast_enough_for_a_plan_and_the_same_to_the_bit() -> None:
    energy = np.linspace(5.0, 30.0, 88_000)
    first = rims(LOW, energy)
    start = time.process_time()
    again = rims(LOW, energy)
    assert time.process_time() - start < 1.0
    assert first.lateral_um.tobytes() == again.lateral_um.tobytes()


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"energy_mj": [20.0], "pulse_us": [0.0]}, "pulse_us: row 0 is 0 us"),
        ({"energy_mj": [20.0], "residual_heat": 30.0}, "sources say 0.2 to 0.5"),
        ({"energy_mj": [np.nan]}, "NaN"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(TissueError, match=text):
        rims(LOW, **arguments)  # type: ignore[arg-type]
    with pytest.raises(TissueError, match="boils at"):
        CoagulationModel(skin_c=120.0)
    assert DERMIS.boiling_c == 100.0
