"""Bridges: exact on surfaces of known geometry, equal to brute force everywhere, never overstated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as LOW
from openmtz.plan import TreatmentPlan
from openmtz.planning.dose.bridges import find_bridges
from openmtz.planning.dose.footprints import Footprints
from openmtz.tissue.ablation import craters

UP = np.array([0.0, 0.0, 1.0])


def spots_at(
    positions: NDArray[np.float64],
    radius_um: NDArray[np.float64] | float = 80.0,
    rim_um: float = 20.0,
    normals: NDArray[np.float64] | None = None,
    long_axis: NDArray[np.float64] | None = None,
    stretch: float = 1.0,
) -> Footprints:
    """Footprints of given sizes."""
    count = len(positions)
    short = np.broadcast_to(np.asarray(radius_um, float), (count,)).copy()
    unit = np.tile(UP, (count, 1)) if normals is None else normals
    along = np.tile([1.0, 0.0, 0.0], (count, 1)) if long_axis is None else long_axis
    zero = np.zeros(count)
    return Footprints(
        positions, unit, along, short * stretch, short, zero + rim_um, zero + 500, zero + 540, zero + 0.003,
        zero + 20.0,
    )  # fmt: skip


@given(st.floats(1.0, 60.0), st.floats(0.05, 1.0), st.floats(0.0, np.pi / 2))
def test_on_a_cylinder_the_bridge_is_measured_along_the_skin(
    radius_mm: float, share: float, heading: float
) -> None:
    """Two spots 1 mm of skin apart (or a radius, where that is less), on a helix."""
    radius, length = radius_mm * 1e-3, min(1e-3, radius_mm * 1e-3) * share
    turn, rise = length * np.cos(heading) / radius, length * np.sin(heading)
    normals = np.array([[0.0, 0.0, 1.0], [0.0, np.sin(turn), np.cos(turn)]])
    positions = radius * normals + np.array([[0.0, 0, 0], [rise, 0, 0]])
    found = find_bridges(spots_at(positions, 1.0, 2.0, normals))
    assert found.width_um == pytest.approx([length * 1e6 - 6.0] * 2, abs=1e-3)
    assert found.neighbour.tolist() == [1, 0]


@given(st.floats(1.0, 60.0), st.floats(0.05, 1.0))
def test_on_a_sphere_too(radius_mm: float, share: float) -> None:
    radius, length = radius_mm * 1e-3, min(1e-3, radius_mm * 1e-3) * share
    turn = length / radius
    normals = np.array([[0.0, 0.0, 1.0], [np.sin(turn) * 0.6, np.sin(turn) * 0.8, np.cos(turn)]])
    found = find_bridges(spots_at(radius * normals, 1.0, 2.0, normals))
    assert found.width_um == pytest.approx([length * 1e6 - 6.0] * 2, abs=1e-3)


@settings(deadline=None)
@given(st.integers(2, 80), st.integers(0, 10_000))
def test_the_narrowest_is_that_of_all_pairs(count: int, seed: int) -> None:
    """With a few giants among small ones: the nearest edge is often not that of the nearest spot."""
    rng = np.random.default_rng(seed)
    positions = np.column_stack([rng.uniform(0, 4e-3, (count, 2)), np.zeros(count)])
    radius = np.where(rng.uniform(size=count) < 0.1, 900.0, 30.0)
    found = find_bridges(spots_at(positions, radius, 25.0))
    gap = np.linalg.norm(positions[:, None] - positions[None], axis=2) * 1e6 - radius[:, None] - radius[None]
    np.fill_diagonal(gap, np.inf)
    np.testing.assert_allclose(found.width_um, (gap - 50.0).min(axis=1), atol=1e-6)
    first, second = np.nonzero(np.triu(gap <= 0.0, 1))
    assert found.merging.tolist() == np.column_stack([first, second]).tolist()
    assert len(found.touching) == int(np.triu(gap <= 50.0, 1).sum())
    assert set(map(tuple, found.merging)) <= set(map(tuple, found.touching))
    assert found.least_um == found.width_um.min() <= found.percentile_um(5.0)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.0, np.pi), st.floats(0.0, np.pi), st.floats(0.0, 2 * np.pi), st.floats(1.0, 2.0))
def test_between_ellipses_the_bridge_is_never_overstated(
    a: float, b: float, heading: float, stretch: float
) -> None:
    positions = np.array([[0.0, 0, 0], [400e-6 * np.cos(heading), 400e-6 * np.sin(heading), 0]])
    axes = np.array([[np.cos(a), np.sin(a), 0], [np.cos(b), np.sin(b), 0]])
    width = find_bridges(spots_at(positions, 80.0, 0.0, None, axes, stretch)).least_um
    t = np.linspace(0, 2 * np.pi, 721)
    edges = [
        p * 1e6 + 80.0 * (stretch * np.cos(t)[:, None] * axis + np.sin(t)[:, None] * np.cross(UP, axis))
        for p, axis in zip(positions, axes, strict=True)
    ]
    true = np.linalg.norm(edges[0][:, None] - edges[1][None], axis=2).min()
    assert width <= true + 0.01
    assert width >= true - 40.0 * (stretch - 1.0) - 0.1


def test_two_sides_of_a_fold_have_no_bridge() -> None:
    positions = np.array([[0.0, 0, 0], [0.0, 0, 100e-6]])
    normals = np.array([UP, -UP])
    found = find_bridges(spots_at(positions, normals=normals))
    assert found.width_um.tolist() == [10_000.0] * 2 and found.neighbour.tolist() == [-1, -1]
    assert len(found.touching) == len(found.merging) == 0


def test_spots_on_one_place_merge_and_one_alone_has_no_neighbour() -> None:
    found = find_bridges(spots_at(np.zeros((12, 3))))
    assert len(found.merging) == 66 and found.merged_spots.tolist() == list(range(12))
    assert found.width_um == pytest.approx([-200.0] * 12)
    alone = find_bridges(spots_at(np.zeros((1, 3))))
    assert alone.least_um == 10_000.0 and alone.neighbour.tolist() == [-1]
    with pytest.raises(ValueError, match="rim_um must be zero or more"):
        find_bridges(spots_at(np.zeros((1, 3))), rim_um=float("nan"))


def test_a_plan_knows_how_its_spots_are_met() -> None:
    """A plane tilted by 20 degrees under an upright head: every footprint is longer along the slope."""
    tilt = np.deg2rad(20.0)
    normal = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
    along = np.array([np.cos(tilt), 0.0, -np.sin(tilt)])
    steps = np.array([-0.5, 0.0, 0.5]) * 1e-3
    positions = np.array([[0.5, 0.0, 0.05] + s * along for s in steps])
    plan = TreatmentPlan(
        header={"format_version": 1, "profile": LOW.to_header()},
        position_nm=np.rint(positions * 1e9), normal_e9=np.rint(np.tile(normal, (3, 1)) * 1e9),
        energy_uj=np.full(3, 20_000), pulse_us=np.full(3, 800), depth_um=np.full(3, 630),
        not_before_us=np.zeros(3), station=np.zeros(3), pass_index=np.zeros(3),
        station_pose=np.array([[0.5, 0.0, 0.05 + LOW.focus_distance_m, 1.0, 0.0, 0.0, 0.0]]),
    )  # fmt: skip
    spots = Footprints.of_plan(plan)
    upright = craters(LOW, 20.0)
    assert spots.half_long_um / spots.half_short_um == pytest.approx(1 / np.cos(tilt), rel=0.01)
    assert np.abs(spots.long_axis @ along) == pytest.approx(np.ones(3), abs=1e-6)
    assert (spots.depth_um < upright.depth_um).all()
    # The outer ones are 0.17 mm off the focal plane, above and below.
    assert spots.depth_um[1] > spots.depth_um[[0, 2]].max()
    expected = 500.0 - 2 * float(spots.half_long_um[1] + spots.rim_um[1])
    assert find_bridges(spots).width_um == pytest.approx([expected] * 3, abs=3.0)
