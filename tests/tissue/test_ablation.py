"""The crater: the profile's own curve at focus, energy accounted for, nothing below the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from openmtz.optics import HandpieceProfile
from openmtz.optics.profile import BUILT_IN_PROFILES, CO2_120UM_DEEP as DEEP, CO2_120UM_LOW_ENERGY as LOW
from openmtz.tissue.ablation import (
    SKIN,
    AblationModel,
    craters,
    efficiency,
    stacked_depth_um,
    stacked_depths_um,
)
from openmtz.tissue.checks import TissueError

profiles = st.sampled_from(list(BUILT_IN_PROFILES.values()))
defocus = st.floats(-4e-3, 4e-3)
tilt = st.floats(0.0, 1.2)


def integrated_mm3(
    profile: HandpieceProfile, energy: float, defocus_m: float, incidence: float, share: float
) -> float:
    """Volume by summing local depths over a fine grid of the skin, with no closed form."""
    w = 0.5 * float(profile.spot_diameter_um(defocus_m))
    line = np.linspace(-3.0 * w, 3.0 * w, 1201)
    x, y = np.meshgrid(line / np.cos(incidence), line, indexing="ij")
    peak = float(profile.peak_fluence_j_cm2(energy, defocus_m, incidence))
    fluence = peak * np.exp(-2.0 * ((x * np.cos(incidence)) ** 2 + y**2) / w**2)
    depth_um = share * np.maximum(fluence - SKIN.threshold_j_cm2, 0.0) / SKIN.enthalpy_j_cm3 * 1e4
    cell = (line[1] - line[0]) ** 2 / np.cos(incidence)
    return float(depth_um.sum() * cell * 1e-9)


@pytest.mark.parametrize("profile", BUILT_IN_PROFILES.values(), ids=str)
def test_at_focus_the_crater_is_as_deep_as_the_profile_says(profile: HandpieceProfile) -> None:
    energy = np.linspace(profile.depth_energy_mj[0], profile.depth_energy_mj[-1], 41)
    np.testing.assert_allclose(
        craters(profile, energy).depth_um, profile.depth_of_energy_um(energy), rtol=1e-12
    )
    # No curve of ours removes more than its energy could vaporise.
    assert (efficiency(profile, energy) < 1.0).all()


@given(profiles, st.floats(0.0, 1.0), defocus, tilt)
def test_removed_volume_never_needs_more_than_the_pulse(
    profile: HandpieceProfile, at: float, z: float, angle: float
) -> None:
    energy = profile.energy_min_mj + at * (profile.energy_max_mj - profile.energy_min_mj)
    hole = craters(profile, energy, z, angle)
    assert 0.0 <= hole.volume_mm3[0] * 1e-3 * SKIN.enthalpy_j_cm3 <= energy * 1e-3
    assert hole.half_long_um[0] >= hole.half_short_um[0] >= 0.0
    # A crater is bounded by the cylinder over its own entrance.
    box = np.pi * hole.half_long_um[0] * hole.half_short_um[0] * hole.depth_um[0] * 1e-9
    assert hole.volume_mm3[0] <= box * (1 + 1e-9)


@pytest.mark.parametrize("z, angle", [(0.0, 0.0), (0.8e-3, 0.0), (0.0, 0.5), (1.5e-3, 0.9)])
def test_volume_is_the_integral_of_the_local_depth(z: float, angle: float) -> None:
    hole = craters(LOW, 20.0, z, angle)
    wider = float(LOW.spot_diameter_um(z)) / LOW.spot_um
    share = min(1.0, float(efficiency(LOW, 20.0)[0]) * wider)
    assert hole.volume_mm3[0] == pytest.approx(integrated_mm3(LOW, 20.0, z, angle, share), rel=2e-3)


def test_tilted_skin_gives_an_ellipse_and_a_shallower_crater() -> None:
    straight, tilted = craters(LOW, 20.0), craters(LOW, 20.0, 0.0, np.deg2rad(30.0))
    assert tilted.half_long_um / tilted.half_short_um == pytest.approx(1.0 / np.cos(np.deg2rad(30.0)))
    peak = 2 * 0.020 / (np.pi * 0.006**2)
    expected = (peak * np.cos(np.deg2rad(30.0)) - 5.0) / (peak - 5.0)
    assert tilted.depth_um / straight.depth_um == pytest.approx(expected, rel=1e-9)


def test_defocus_makes_it_wider_and_shallower_on_either_side() -> None:
    z = np.array([0.0, 0.4e-3, 0.8e-3, 1.6e-3])
    hole = craters(LOW, 20.0, z)
    assert (np.diff(hole.depth_um) < 0).all() and (np.diff(hole.half_short_um) > 0).all()
    np.testing.assert_array_equal(hole.depth_um, craters(LOW, 20.0, -z).depth_um)
    # Far out of focus nothing is ablated: 20 mJ over 9 mm diameter.
    lost = craters(LOW, 20.0, 0.08)
    assert lost.depth_um[0] == lost.half_long_um[0] == lost.volume_mm3[0] == 0.0


@given(profiles, st.lists(st.floats(0.0, 300.0), min_size=2, max_size=20, unique=True))
def test_more_energy_never_makes_a_smaller_crater(profile: HandpieceProfile, energies: list[float]) -> None:
    hole = craters(profile, sorted(energies))
    for value in hole:
        assert (np.diff(value) >= -1e-9 * np.abs(value[1:])).all()


def test_the_edge_of_the_crater_is_where_the_fluence_is_the_threshold() -> None:
    radius_um = float(craters(DEEP, 80.0).half_short_um[0])
    peak = float(DEEP.peak_fluence_j_cm2(80.0, 0.0, 0.0))
    assert peak * np.exp(-2.0 * (radius_um / 60.0) ** 2) == pytest.approx(SKIN.threshold_j_cm2)


DEPTHS_UM = st.floats(0.0, 2000.0, allow_subnormal=False)
"""A depth below 1e-307 um is none: divided by the loss length it is 0."""


@given(st.lists(DEPTHS_UM, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_stacking_is_between_the_deepest_and_the_sum_whatever_the_order(
    depths: list[float], rng: object
) -> None:
    total = stacked_depth_um(depths)
    assert max(depths) * (1 - 1e-9) <= total <= sum(depths) * (1 + 1e-9) + 1e-9
    shuffled = list(depths)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert stacked_depth_um(shuffled) == pytest.approx(total, rel=1e-12)
    # Two steps give what one gives: a channel is known by its depth alone.
    assert stacked_depth_um([stacked_depth_um(depths), 100.0]) == pytest.approx(
        stacked_depth_um([*depths, 100.0])
    )


def test_many_stacked_pulses_grow_with_the_logarithm_of_the_energy() -> None:
    count = np.array([200, 400, 800])
    depth = np.array([stacked_depth_um(np.full(n, 300.0)) for n in count])
    slopes = np.diff(depth) / np.log(2.0)
    assert slopes == pytest.approx([SKIN.loss_length_um] * 2, rel=0.05)


def test_stacks_by_place() -> None:
    got = stacked_depths_um([100.0, 200.0, 50.0, 300.0], [1, 0, 1, 2])
    assert got == pytest.approx([200.0, stacked_depth_um([100.0, 50.0]), 300.0])
    with pytest.raises(TissueError, match="place must be 2 numbers"):
        stacked_depths_um([1.0, 2.0], [0])


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((LOW, [20.0, np.nan]), "energy_mj: 1 of 2 are NaN or infinite, the first in row 1"),
        ((LOW, [20.0], [0.0, 0.0, np.inf]), "defocus_m: 1 of 3"),
        ((LOW, [20.0, 20.0], [0.0, 0.0, 0.0]), "lengths differ: energy_mj 2, defocus_m 3"),
        ((LOW, [-1.0]), "row 0 is negative"),
        ((LOW, [20.0], 0.0, 15.0), "is it in degrees"),
        ((LOW, [[20.0]]), "one-dimensional"),
        ((LOW, "strong"), "must be numbers"),
    ],
)
def test_bad_input_is_named(arguments: tuple[object, ...], text: str) -> None:
    with pytest.raises(TissueError, match=text):
        craters(*arguments)  # type: ignore[arg-type]


def test_a_profile_that_ablates_below_the_threshold_is_refused_with_the_fix() -> None:
    weak = HandpieceProfile(
        name="weak", source="test", spot_um=1000.0, focus_distance_m=0.15, field_half_m=0.01,
        energy_min_mj=5.0, energy_max_mj=30.0, depth_energy_mj=(5.0, 30.0), depth_um=(10.0, 100.0),
    )  # fmt: skip
    with pytest.raises(TissueError, match=r"begins at 5 mJ.*1.27 J/cm2.*higher energy"):
        craters(weak, 5.0)
    with pytest.raises(TissueError, match="threshold_j_cm2 must be positive"):
        AblationModel(threshold_j_cm2=0.0)


def test_no_shots_no_craters() -> None:
    assert all(len(value) == 0 for value in craters(LOW, []))
