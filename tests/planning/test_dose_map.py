"""Coverage counts every place once; maps hold exactly what the spots deliver."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.geometry import TriangleMesh
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as LOW
from openmtz.planning.dose.bridges import find_bridges
from openmtz.planning.dose.dose_map import covered_areas, dose_map
from openmtz.planning.dose.footprints import Footprints
from openmtz.planning.spots.placement import place_spots

UP = np.array([0.0, 0.0, 1.0])


def patch(side_m: float, step_m: float, bend: float = 0.0) -> TriangleMesh:
    line = np.linspace(0.0, side_m, round(side_m / step_m) + 1)
    x, y = np.meshgrid(line, line, indexing="ij")
    z = -bend * ((x - side_m / 2) ** 2 + (y - side_m / 2) ** 2)
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return TriangleMesh(np.stack([x, y, z], -1).reshape(-1, 3), faces)


def discs(positions_um: np.ndarray, radius_um: float, rim_um: float = 0.0) -> Footprints:
    count = len(positions_um)
    flat = np.column_stack([positions_um * 1e-6, np.zeros(count)])
    zero = np.zeros(count)
    return Footprints(
        flat, np.tile(UP, (count, 1)), np.tile([1.0, 0, 0], (count, 1)), zero + radius_um, zero + radius_um,
        zero + rim_um, zero + 500, zero + 540, zero + 0.003, zero + 20.0,
    )  # fmt: skip


def test_two_discs_cover_two_discs_less_the_lens() -> None:
    for apart in (0.0, 40.0, 100.0, 150.0, 199.0, 201.0):
        spots = discs(np.array([[0.0, 0.0], [apart, 0.0]]), 100.0)
        got = float(covered_areas(spots, find_bridges(spots)).ablated_mm2.sum())
        d = min(apart, 200.0)
        lens = 2 * 100**2 * np.arccos(d / 200) - 0.5 * d * np.sqrt(4 * 100**2 - d**2)
        assert got == pytest.approx((2 * np.pi * 100**2 - lens) * 1e-6, rel=0.006)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(0, 10_000))
def test_the_union_is_that_of_a_fine_raster(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0.0, 1200.0, (count, 2))
    spots = discs(centers, 90.0, 30.0)
    own = covered_areas(spots, find_bridges(spots))
    line = np.arange(-150.0, 1350.0, 3.0)
    x, y = np.meshgrid(line, line, indexing="ij")
    for areas, radius in ((own.ablated_mm2, 90.0), (own.affected_mm2, 120.0)):
        inside = np.zeros(x.shape, bool)
        for cx, cy in centers:
            inside |= (x - cx) ** 2 + (y - cy) ** 2 <= radius**2
        assert areas.sum() == pytest.approx(inside.sum() * 9e-6, rel=0.015)
        assert (areas <= np.pi * radius**2 * 1e-6 * (1 + 1e-12)).all() and (areas > 0).all()


def test_a_hundred_shots_on_one_place_cover_one_place() -> None:
    spots = discs(np.zeros((100, 2)), 90.0, 20.0)
    own = covered_areas(spots, find_bridges(spots))
    assert own.ablated_mm2.sum() == pytest.approx(np.pi * 0.09**2, rel=1e-9)
    assert own.affected_mm2.sum() == pytest.approx(np.pi * 0.11**2, rel=1e-9)


@pytest.mark.parametrize("bend", [0.0, 8.0])
def test_the_map_of_an_even_plan_is_even_and_its_total_exact(bend: float) -> None:
    mesh = patch(0.03, 0.001, bend)
    placed = place_spots(mesh.vertices, mesh.faces, 884.0)
    spots = Footprints.of_spots(placed.positions, 20.0, LOW, normals=placed.normals)
    bridges = find_bridges(spots)
    dose, own = dose_map(mesh, spots, bridges), covered_areas(spots, bridges)
    area_mm2 = mesh.vertex_areas() * 1e6
    assert (dose.ablated * area_mm2).sum() == pytest.approx(own.ablated_mm2.sum())
    assert (dose.affected * area_mm2).sum() == pytest.approx(own.affected_mm2.sum())
    assert (dose.removed_um * 1e-3 * area_mm2).sum() == pytest.approx(spots.volume_mm3.sum())
    assert (dose.energy_j_cm2 * area_mm2 * 1e-2).sum() == pytest.approx(spots.energy_mj.sum() * 1e-3)
    x, y = mesh.vertices[:, 0], mesh.vertices[:, 1]
    inner = (np.abs(x - 0.015) < 0.011) & (np.abs(y - 0.015) < 0.011)
    assert dose.energy_j_cm2[inner].mean() == pytest.approx(884 * 0.020, rel=0.01)
    assert dose.energy_j_cm2[inner].std() < 0.06 * 884 * 0.020
    assert (dose.affected >= dose.ablated).all()


def test_half_a_region_shows_as_half() -> None:
    mesh = patch(0.03, 0.001)
    half, _ = mesh.submesh((mesh.vertices[mesh.faces, 0] < 0.0151).all(axis=1))
    placed = place_spots(half.vertices, half.faces, 884.0)
    spots = Footprints.of_spots(placed.positions, 20.0, LOW, normals=placed.normals)
    dose = dose_map(mesh, spots, find_bridges(spots))
    assert dose.ablated[mesh.vertices[:, 0] > 0.0185].max() == 0.0
    x, y = mesh.vertices[:, 0], mesh.vertices[:, 1]
    inner = dose.ablated[(x > 0.003) & (x < 0.012) & (np.abs(y - 0.015) < 0.012)]
    assert inner.min() > 0.18 and inner.max() < 0.25  # 21.3 % by the sum of the areas


def test_88000_spots_on_a_captured_surface() -> None:
    mesh = patch(0.1, 0.001, 2.0)
    placed = place_spots(mesh.vertices, mesh.faces, 884.0)
    spots = Footprints.of_spots(placed.positions, 20.0, LOW, normals=placed.normals)
    bridges = find_bridges(spots)
    dose_map(mesh, discs(np.zeros((2, 2)), 90.0), find_bridges(discs(np.zeros((2, 2)), 90.0)))
    start = time.process_time()
    dose_map(mesh, spots, bridges)
    took = time.process_time() - start
    print(f"\nmap of {len(spots)} spots on {len(mesh.vertices)} vertices: {took:.2f} CPU s")
    assert len(spots) > 88_000 and took < 2.0


def test_a_surface_without_area_is_refused() -> None:
    flat = TriangleMesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    spots = discs(np.zeros((1, 2)), 90.0)
    with pytest.raises(ValueError, match="no area"):
        dose_map(flat, spots, find_bridges(spots))
