"""Shots hit where geometry says: checked against planes, spheres and the planner's own aim."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.geometry import TriangleMesh, apply_pose, look_along, make_pose
from openmtz.optics import angles_to_counts, point_to_angles
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as HEAD
from openmtz.simulation.truth.shots import evaluate_shots
from openmtz.simulation.truth.skin import TrueSkin


def plane(z: float, half: float = 0.05) -> TriangleMesh:
    corners = [[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]]
    return TriangleMesh(np.array(corners) + np.array([0.5, 0.0, 0.0]), np.array([[0, 1, 2], [0, 2, 3]]))


def ball(radius: float, center: np.ndarray, rows: int = 300) -> TriangleMesh:
    """Upper half of a sphere."""
    t, p = np.meshgrid(np.linspace(1e-4, 1.2, rows), np.linspace(0, 2 * np.pi, rows), indexing="ij")
    v = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1).reshape(-1, 3) * radius
    i = np.arange(rows * rows).reshape(rows, rows)
    a, b, c, d = i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]
    faces = np.concatenate([np.stack(s, -1).reshape(-1, 3) for s in ((a, b, c), (a, c, d))])
    return TriangleMesh(v + center, faces)


def aim(points_world: np.ndarray, pose: np.ndarray) -> np.ndarray:
    local = apply_pose(np.linalg.inv(pose), points_world)
    return angles_to_counts(point_to_angles(local, HEAD.mirror_separation_m), HEAD.full_scale_rad)


def test_on_a_plane_at_focus_everything_is_known() -> None:
    pose = look_along((0.5, 0.0, 0.05 + HEAD.focus_distance_m), (0, 0, -1))
    g = np.linspace(-0.01, 0.01, 9)
    points = np.array([[0.5 + x, y, 0.05] for x in g for y in g])
    shots = evaluate_shots(pose, aim(points, pose), np.full(81, 20.0), TrueSkin(plane(0.05)), HEAD)
    assert shots.hit.all()
    # One count is 0.25 rad / 32767 = 7.6 urad: 1.2 um at 0.15 m, so half of it in each axis.
    assert np.abs(shots.position_m - points).max() < 1.5e-6
    assert np.abs(shots.position_m[:, 2] - 0.05).max() < 1e-12
    assert np.abs(shots.defocus_m).max() < 1e-9
    middle = 40
    assert shots.incidence_rad[middle] < 1e-4
    assert shots.fluence_j_cm2[middle] == pytest.approx(2 * 0.020 / (np.pi * 0.006**2), rel=1e-6)
    off = points - pose[:3, 3]
    expected = np.arctan2(np.abs(off[:, 0]), HEAD.focus_distance_m)[4]
    assert shots.incidence_rad[4] == pytest.approx(expected, rel=0.1)


def test_defocus_is_along_the_beam_and_behind_is_positive() -> None:
    pose = look_along((0.5, 0.0, 0.2), (0, 0, -1))
    for z, expected in ((0.049, 0.001), (0.051, -0.001)):
        shots = evaluate_shots(pose, [[0, 0]], [20.0], TrueSkin(plane(z)), HEAD)
        assert shots.defocus_m[0] == pytest.approx(expected, abs=1e-9)
        wide = HEAD.spot_diameter_um(expected)
        assert shots.fluence_j_cm2[0] == pytest.approx(2 * 0.02 / (np.pi * (wide * 0.5e-4) ** 2), rel=1e-6)


def test_a_tilted_head_sees_its_tilt() -> None:
    tilt = np.deg2rad(20)
    out = np.array([np.sin(tilt), 0, np.cos(tilt)])
    pose = look_along(np.array([0.5, 0, 0.05]) + HEAD.focus_distance_m * out, -out)
    shots = evaluate_shots(pose, [[0, 0]], [10.0], TrueSkin(plane(0.05)), HEAD)
    assert shots.incidence_rad[0] == pytest.approx(tilt, abs=1e-6)
    assert shots.position_m[0] == pytest.approx((0.5, 0, 0.05), abs=1e-9)


def test_a_sphere_is_hit_within_its_facets() -> None:
    center, radius = np.array([0.5, 0.0, -0.02]), 0.07
    rays = TrueSkin(ball(radius, center))
    pose = look_along((0.5, 0.0, 0.05 + HEAD.focus_distance_m), (0, 0, -1))
    rng = np.random.default_rng(1)
    counts = rng.integers(-8000, 8000, (200, 2)).astype(np.int16)
    shots = evaluate_shots(pose, counts, np.full(200, 20.0), rays, HEAD)
    assert shots.hit.all()
    away = shots.position_m - center
    assert np.abs(np.linalg.norm(away, axis=1) - radius).max() < 2e-6
    local = apply_pose(np.linalg.inv(pose), shots.position_m)
    again = angles_to_counts(point_to_angles(local, HEAD.mirror_separation_m), HEAD.full_scale_rad)
    assert np.abs(again.astype(int) - counts).max() <= 1
    assert (shots.defocus_m >= -1e-6).all()


def test_a_miss_is_a_miss_and_holds_no_numbers() -> None:
    pose = look_along((0.5, 0.0, 0.2), (0, 0, -1))
    shots = evaluate_shots(pose, [[0, 0], [32767, 0]], [20.0, 20.0], TrueSkin(plane(0.05, 0.01)), HEAD)
    assert shots.hit.tolist() == [True, False]
    assert np.isnan(shots.position_m[1]).all() and np.isnan(shots.fluence_j_cm2[1])
    upwards = look_along((0.5, 0, 0.2), (0, 0, 1))
    away = evaluate_shots(upwards, [[0, 0]], [20.0], TrueSkin(plane(0.05)), HEAD)
    assert not away.hit.any()


def test_each_shot_may_have_its_own_pose_and_none_is_fine() -> None:
    rays = TrueSkin(plane(0.05))
    down = look_along((0.5, 0.0, 0.2), (0, 0, -1))
    shifted = make_pose(down[:3, :3], down[:3, 3] + np.array([0.003, 0, 0]))
    shots = evaluate_shots(np.array([down, shifted]), np.zeros((2, 2)), [20.0, 20.0], rays, HEAD)
    assert shots.position_m[1] - shots.position_m[0] == pytest.approx((0.003, 0, 0), abs=1e-12)
    assert len(evaluate_shots(down, np.zeros((0, 2)), [], rays, HEAD).hit) == 0
    with pytest.raises(ValueError, match="must match"):
        evaluate_shots(down, np.zeros((2, 2)), [20.0], rays, HEAD)
    with pytest.raises(ValueError, match="must match"):
        evaluate_shots(np.array([down] * 3), np.zeros((2, 2)), [20.0, 1.0], rays, HEAD)


def test_the_same_shots_twice_are_the_same_to_the_bit() -> None:
    pose = look_along((0.5, 0.0, 0.2), (0, 0, -1))
    counts = np.random.default_rng(3).integers(-9000, 9000, (500, 2))
    energy, skin = np.full(500, 20.0), ball(0.07, np.array([0.5, 0, -0.02]))
    results = [evaluate_shots(pose, counts, energy, TrueSkin(skin), HEAD) for _ in range(2)]
    assert results[0].position_m.tobytes() == results[1].position_m.tobytes()
