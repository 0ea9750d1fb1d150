"""A plan against the captured skin: on it, and past all of it but its own; by brute force and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from safety_cell import PROFILE, SKIN, Cell, make_plan, station_pose
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh
from openmtz.limits import beams_of
from openmtz.plan import TreatmentPlan
from openmtz.safety import check_on_skin
from openmtz.safety.skin import NEAREST_M, OFF_SKIN_M, Triangles, beams_through_skin, off_skin

PLAN = make_plan()


def with_triangles(corners: np.ndarray) -> TriangleMesh:
    """The flat skin and triangles `(T, 3, 3)` of their own."""
    faces = len(SKIN.vertices) + np.arange(3 * len(corners)).reshape(-1, 3)
    return TriangleMesh(
        np.concatenate([SKIN.vertices, corners.reshape(-1, 3)]), np.concatenate([SKIN.faces, faces])
    )


def plate(x_m: float, y_m: float, height_m: float, half_m: float = 0.0006) -> np.ndarray:
    """Two triangles, a square flat above the skin."""
    a, b, c, d = (
        (x_m + i * half_m, y_m + j * half_m, 0.05 + height_m) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )
    return np.array([[a, b, c], [a, c, d]])


def codes(plan: TreatmentPlan, mesh: TriangleMesh) -> dict[str, int]:
    return {f.code: f.count for f in check_on_skin(plan, mesh)}


def test_a_plan_on_its_skin_passes() -> None:
    assert check_on_skin(PLAN, SKIN) == []
    assert check_on_skin(PLAN, TriangleMesh(SKIN.vertices, SKIN.faces[:, ::-1])) == []


@pytest.mark.parametrize("height_m", [0.0015, 0.02, 0.13])
def test_what_hangs_over_spots_stands_in_their_beams_and_in_no_others(height_m: float) -> None:
    mesh = with_triangles(plate(0.5, 0.0, height_m))
    crossing = beams_through_skin(PLAN, Triangles.of(mesh), PROFILE)
    expected = np.zeros(len(PLAN), bool)
    for station in (0, 1):
        rows = np.flatnonzero(PLAN.station == station)
        pose = station_pose(PLAN, station)
        beams = beams_of(PLAN, rows, pose, PROFILE)
        share = (PROFILE.focus_distance_m - height_m) / beams.spots[:, 2]
        # where each beam passes the height of the plate
        there = beams.origins + beams.directions * beams.lengths[:, None] * share[:, None]
        expected[rows] = (np.abs((there @ pose[:3, :3].T + pose[:3, 3])[:, :2] - [0.5, 0.0]) < 0.0006).all(1)
    assert expected.any() and (crossing == expected).all()
    assert codes(PLAN, mesh) == {"beam-through-skin": int(expected.sum())}


def test_the_spot_s_own_skin_is_not_in_its_way() -> None:
    assert codes(PLAN, with_triangles(plate(0.5, 0.0, 0.8 * NEAREST_M))) == {}
    assert codes(PLAN, with_triangles(plate(0.5, 0.0, -0.003))) == {}, "behind the skin"
    assert codes(PLAN, with_triangles(plate(0.5, 0.0, 0.3))) == {}, "behind the head"


@given(seed=st.integers(0, 2**32 - 1), size_m=st.sampled_from([0.0005, 0.004, 0.03]))
@settings(max_examples=40)
def test_beams_agree_with_every_triangle_tried_on_every_beam(seed: int, size_m: float) -> None:
    rng = np.random.default_rng(seed)
    middle = np.stack(
        [rng.uniform(0.488, 0.52, 30), rng.uniform(-0.008, 0.008, 30), rng.uniform(0.04, 0.21, 30)], axis=1
    )
    corners = middle[:, None] + rng.normal(scale=size_m, size=(30, 3, 3))
    soup = TriangleMesh(corners.reshape(-1, 3), np.arange(90).reshape(-1, 3))
    found = beams_through_skin(PLAN, Triangles.of(soup), PROFILE)
    for station in (0, 1):
        rows = np.flatnonzero(PLAN.station == station)
        pose = station_pose(PLAN, station)
        beams = beams_of(PLAN, rows, pose, PROFILE)
        local = (corners - pose[:3, 3]) @ pose[:3, :3]
        local = local[(local[:, :, 2] > 0.0).all(axis=1)]
        crossed = np.zeros(len(rows), bool)
        for a, b, c in local:
            matrix = np.stack(
                [np.tile(b - a, (len(rows), 1)), np.tile(c - a, (len(rows), 1)), -beams.directions], axis=-1
            )
            u, v, t = np.linalg.solve(matrix, (beams.origins - a)[..., None])[..., 0].T
            crossed |= (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < beams.lengths - NEAREST_M)
        assert (found[rows] == crossed).all()


@given(seed=st.integers(0, 2**32 - 1), long_m=st.sampled_from([0.002, 0.02]), count=st.sampled_from([6, 40]))
@settings(max_examples=40)
def test_off_the_skin_is_farther_from_every_triangle(seed: int, long_m: float, count: int) -> None:
    """Also of long and thin ones, whose centres are far away."""
    rng = np.random.default_rng(seed)
    middle, along = rng.uniform(-0.002, 0.002, (count, 1, 3)), rng.normal(size=(count, 1, 3))
    along *= long_m / np.linalg.norm(along, axis=2, keepdims=True)
    corners = middle + along * np.array([-1.0, 0.0, 1.0])[:, None] + rng.normal(0.0, 2e-4, (count, 3, 3))
    points = rng.uniform(-0.003, 0.003, (60, 3))
    weights = rng.dirichlet([0.5, 0.5, 0.5], 4000)
    sampled = cKDTree((weights @ corners).reshape(-1, 3)).query(points)[0]
    soup = TriangleMesh(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3))
    found = off_skin(points, Triangles.of(soup))
    assert found[sampled > OFF_SKIN_M + 2e-4].all() and not found[sampled < OFF_SKIN_M].any()


@pytest.mark.parametrize(("shift_m", "good"), [(0.00029, True), (0.00031, False), (-0.00031, False)])
def test_spots_beside_the_skin_are_named(shift_m: float, good: bool) -> None:
    mesh = TriangleMesh(np.add(SKIN.vertices, [0.0, 0.0, shift_m]), SKIN.faces)
    assert codes(PLAN, mesh) == ({} if good else {"spots-off-skin": len(PLAN)})


def test_a_hole_in_the_skin_under_spots_is_off_the_skin() -> None:
    middles = SKIN.vertices[SKIN.faces].mean(axis=1)
    holed = TriangleMesh(SKIN.vertices, SKIN.faces[np.abs(middles[:, 0] - 0.512) > 0.004])
    assert 0 < codes(PLAN, holed)["spots-off-skin"] < len(PLAN)


def test_an_approval_needs_the_skin_and_a_plan_that_fits_it() -> None:
    cell = Cell().to_standby()
    cell.skin = None
    assert cell.approve().code == "no-surface"
    cell.skin = with_triangles(plate(0.5, 0.0, 0.02))
    reply = cell.approve()
    assert reply.code == "beam-through-skin" and "leave the hidden skin out" in reply.text
    cell.skin = TriangleMesh(np.add(SKIN.vertices, [0.0, 0.0, 0.001]), SKIN.faces)
    assert cell.approve().code == "spots-off-skin"
    cell.skin = SKIN
    assert cell.approve().accepted


def test_a_pose_that_is_none_is_refused_by_name() -> None:
    broken = replace(PLAN, station_pose=np.zeros_like(PLAN.station_pose))
    with pytest.raises(ValueError):
        check_on_skin(broken, SKIN)
