"""Fusing frames gives the true surface, one identity per input, and clear refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openmtz.capture import CaptureError, CaptureResult, CaptureSettings, SurfaceFuser, load_open3d


@pytest.fixture(scope="module")
def result(scan) -> CaptureResult:
    fuser = SurfaceFuser(scan.settings)
    for depth, pose in scan.frames:
        assert fuser.integrate(depth, pose)
    return fuser.result()


def distances_mm(patient, points) -> np.ndarray:
    open3d = load_open3d()
    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    mesh = patient.mesh
    scene.add_triangles(
        open3d.core.Tensor(mesh.vertices.astype(np.float32)), open3d.core.Tensor(mesh.faces.astype(np.uint32))
    )
    return scene.compute_distance(open3d.core.Tensor(points.astype(np.float32)), nthreads=1).numpy() * 1e3


def test_the_fused_surface_is_true(scan, result) -> None:
    """Contract: median <= 0.15 mm, 95th percentile <= 0.4 mm at 6 x 5 frames. Built: 0.02 and 0.07 mm."""
    error = distances_mm(scan.patient, result.surface.mesh.vertices)
    assert np.median(error) <= 0.05
    assert np.percentile(error, 95) <= 0.15
    assert error.max() <= 1.0


def test_nothing_in_the_region_is_missing(scan, result) -> None:
    """The way back: every true point of the region has captured surface beside it."""
    from scipy.spatial import cKDTree

    truth = scan.patient.mesh.vertices
    near = np.linalg.norm(truth - scan.patient.target_m, axis=1) < scan.patient.region_radius_m
    gap, _ = cKDTree(result.surface.mesh.vertices).query(truth[near])
    assert np.percentile(gap, 99) < 1.0e-3 and gap.max() < 2.0e-3


def test_scars_survive_the_capture(scan, result) -> None:
    """Where the truth is deepest, the captured surface lies below healthy skin by most of that depth."""
    from scipy.spatial import cKDTree

    patient = scan.patient
    deep = np.argsort(-patient.lesion_depth_m)[:200]
    wide = [v for v in deep if patient.lesion_depth_m[v] > 0.4e-3]
    _, nearest = cKDTree(result.surface.mesh.vertices[:, :2]).query(patient.mesh.vertices[wide][:, :2])
    above = result.surface.mesh.vertices[nearest, 2] - patient.mesh.vertices[wide][:, 2]
    assert np.median(above) < 0.35 * np.median(patient.lesion_depth_m[wide])


def test_surface_is_clean(scan, result) -> None:
    surface = result.surface
    assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1.0)
    assert surface.normals[:, 2].mean() > 0.9
    assert 25.0 < surface.area_cm2 < 60.0
    assert surface.mesh.face_areas().min() > 0.0
    assert (np.abs(surface.mesh.vertices - scan.patient.target_m) <= 0.0305).all()
    assert surface.quality.min() >= 0.0 and surface.quality.max() <= 1.0
    inner = np.linalg.norm(surface.mesh.vertices - scan.patient.target_m, axis=1) < 0.02
    assert np.median(surface.quality[inner]) > 0.9
    assert 0.02e-3 < result.depth_noise_m < 0.3e-3
    assert result.frames_fused == 30


def test_the_same_frames_give_the_same_identity(scan, result) -> None:
    fuser = SurfaceFuser(scan.settings)
    for depth, pose in scan.frames:
        fuser.integrate(depth, pose)
    assert fuser.extract().surface_id == result.surface.surface_id
    other = SurfaceFuser(scan.settings)
    for depth, pose in scan.frames[:-1]:
        other.integrate(depth, pose)
    assert other.extract().surface_id != result.surface.surface_id


def test_no_frames_and_empty_frames_and_an_empty_box_are_named(scan) -> None:
    depth, pose = scan.frames[0]
    with pytest.raises(CaptureError, match="no depth frame was received"):
        SurfaceFuser(scan.settings).result()

    empty = SurfaceFuser(scan.settings)
    for nothing in (np.zeros_like(depth), np.full_like(depth, np.nan)):
        assert not empty.integrate(nothing, pose)
    with pytest.raises(CaptureError, match="all 2 depth frames are empty") as caught:
        empty.result()
    assert caught.value.fix

    away = SurfaceFuser(replace(scan.settings, center=(0.0, 0.5, 0.5)))
    assert not away.integrate(depth, pose)
    with pytest.raises(CaptureError, match="no skin was seen inside the box"):
        away.result()

    few = SurfaceFuser(scan.settings)
    few.integrate(depth, pose)
    with pytest.raises(CaptureError, match="only 1 of 1"):
        few.result()


def test_a_pose_turned_round_is_not_a_surface(scan) -> None:
    from openmtz.geometry import invert_pose

    fuser = SurfaceFuser(scan.settings)
    for depth, pose in scan.frames[:5]:
        fuser.integrate(depth, invert_pose(pose))
    with pytest.raises(CaptureError, match="no skin was seen"):
        fuser.result()


@pytest.mark.parametrize("bad_pose", [np.eye(3), np.full((4, 4), np.nan), np.diag([2.0, 2.0, 2.0, 1.0])])
def test_a_bad_pose_or_size_is_refused(scan, bad_pose: np.ndarray) -> None:
    fuser = SurfaceFuser(scan.settings)
    with pytest.raises(ValueError, match="rigid"):
        fuser.integrate(scan.frames[0][0], bad_pose)
    with pytest.raises(ValueError, match="intrinsics are of"):
        fuser.integrate(np.ones((10, 10)), np.eye(4))


@pytest.mark.parametrize(
    "bad",
    [{"voxel_m": 0.0}, {"radius_m": float("nan")}, {"voxel_m": 1e-6}, {"center": (0.0, float("inf"), 0.0)}],
)
def test_settings_that_cannot_be_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError):
        CaptureSettings(**{"center": (0.0, 0.0, 0.0), **bad})
