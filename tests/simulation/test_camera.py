"""The depth camera: exact without noise, noisy as specified, the same image for the same key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openmtz.capture import CameraIntrinsics
from openmtz.geometry import TriangleMesh, look_along
from openmtz.simulation.camera.camera import CameraNoise, DepthCamera, still_key_of
from openmtz.simulation.camera.mesh_scene import MeshScene

SMALL = CameraIntrinsics(160, 120, 200.0, 200.0, 79.5, 59.5)


def plate(half_m: float = 0.5, tilt_rad: float = 0.0) -> TriangleMesh:
    corners = half_m * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0.0]])
    c, s = np.cos(tilt_rad), np.sin(tilt_rad)
    turned = corners @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return TriangleMesh(turned, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def above(height_m: float) -> np.ndarray:
    return look_along((0, 0, height_m), (0, 0, -1))


def test_without_noise_the_depth_is_along_the_optical_axis() -> None:
    depth = DepthCamera(SMALL, noise=CameraNoise.none()).render(above(0.3), MeshScene(plate()), 0, 0)
    assert depth.shape == (120, 160) and depth.dtype == np.float32
    assert np.allclose(depth, 0.3, atol=1e-6)


def test_a_miss_and_the_nearer_of_two_surfaces() -> None:
    near = TriangleMesh(plate(0.02).vertices + np.array([0, 0, 0.1]), plate().faces)
    camera = DepthCamera(SMALL, noise=CameraNoise.none())
    depth = camera.render(above(0.3), MeshScene([plate(0.05), near]), 0, 0)
    assert depth[60, 80] == pytest.approx(0.2) and depth[60, 60 + 47] == pytest.approx(0.3, abs=1e-6)
    assert depth[0, 0] == 0.0


def test_the_image_depends_on_seed_key_and_number_only() -> None:
    scene, pose = MeshScene(plate()), above(0.3)
    key = still_key_of(np.array([0.1, -1.0, 0.3]))
    first = DepthCamera(SMALL, seed=1).render(pose, scene, key, 0)
    assert np.array_equal(first, DepthCamera(SMALL, seed=1).render(pose, MeshScene(plate()), key, 0))
    for other in (
        DepthCamera(SMALL, seed=2).render(pose, scene, key, 0),
        DepthCamera(SMALL, seed=1).render(pose, scene, key, 1),
        DepthCamera(SMALL, seed=1).render(pose, scene, still_key_of(np.array([0.1, -1.0, 0.31])), 0),
    ):
        assert not np.array_equal(first, other)
    assert still_key_of(np.array([0.1 + 1e-9, -1.0, 0.3])) == key


def residual_mm(height_m: float, tilt_deg: float, noise: CameraNoise) -> float:
    scene = MeshScene(plate(2.0, np.deg2rad(tilt_deg)))
    true = DepthCamera(SMALL, noise=CameraNoise.none()).render(above(height_m), scene, 0, 0)
    seen = DepthCamera(SMALL, seed=3, noise=noise).render(above(height_m), scene, 0, 0)
    window = np.s_[50:70, 70:90]
    both = (seen[window] > 0) & (true[window] > 0)
    return float(np.std((seen - true)[window][both]) * 1e3)


def test_noise_grows_with_range_squared_and_incidence() -> None:
    noise = replace(CameraNoise(), quantum_m=0.0, correlated_m=0.0)
    facing = residual_mm(0.3, 0.0, noise)
    assert facing == pytest.approx(0.10, rel=0.15)
    assert residual_mm(0.6, 0.0, noise) == pytest.approx(4 * facing, rel=0.15)
    assert residual_mm(0.3, 60.0, noise) == pytest.approx(facing * (1 + 2.2 * 4.0), rel=0.3)


def test_depth_is_quantised_and_grazing_or_far_surfaces_give_nothing() -> None:
    depth = DepthCamera(SMALL, seed=0).render(above(0.3), MeshScene(plate()), 0, 0)
    counts = depth[depth > 0] / CameraNoise().quantum_m
    assert np.abs(counts - np.rint(counts)).max() < 1e-3
    assert 0.98 < (depth > 0).mean() < 1.0
    for scene, pose in (
        (MeshScene(plate(3.0)), above(2.0)),
        (MeshScene(plate(3.0, np.deg2rad(85))), above(0.3)),
    ):
        assert not DepthCamera(SMALL, seed=0).render(pose, scene, 0, 0)[55:65, 75:85].any()


def test_edges_drop_out() -> None:
    near = TriangleMesh(plate(0.04).vertices + np.array([0, 0, 0.1]), plate().faces)
    depth = DepthCamera(SMALL, seed=0).render(above(0.3), MeshScene([plate(), near]), 0, 0)
    row = depth[25:95]
    edge = int(79.5 - 0.04 / 0.2 * 200.0)
    assert (row[:, edge - 1 : edge + 2] == 0).mean() > 0.4 > 0.05 > (row[:, edge + 6 : edge + 30] == 0).mean()
