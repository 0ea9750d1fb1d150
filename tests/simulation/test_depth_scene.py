"""Meshes drawn as depth: as rays say, no gap, both sides, from behind the camera on; the noise filter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from openmtz.capture import CameraIntrinsics, scan_views
from openmtz.geometry import TriangleMesh, look_along
from openmtz.simulation.camera import depth_kernels as kernels
from openmtz.simulation.camera.camera import CameraNoise, DepthCamera, _gaussian
from openmtz.simulation.camera.mesh_scene import MeshScene
from openmtz.simulation.patient.phantoms import make_phantom
from openmtz.simulation.truth.skin import TrueSkin

LENS = CameraIntrinsics(160, 120, 200.0, 200.0, 79.5, 59.5)
WHOLE = (0, 0, 160, 120)


def test_depth_and_normal_are_those_of_rays() -> None:
    patient = make_phantom("face", "atrophic_scar", 3)
    scene, skin = MeshScene(patient.mesh), TrueSkin(patient.mesh)
    for pose in scan_views(patient.target_m, patient.approach, count=3):
        true = scene.depth(pose, LENS, WHOLE)
        rays = LENS.directions() @ pose[:3, :3].T
        length = np.linalg.norm(rays, axis=-1)
        hits = skin.cast(
            np.broadcast_to(pose[:3, 3], rays.shape).reshape(-1, 3), (rays / length[..., None]).reshape(-1, 3)
        )
        there = hits.hit.reshape(120, 160)
        assert there.mean() > 0.2 and (np.isfinite(true.depth_m) != there).sum() <= 3, "but for the outline"
        both = there & np.isfinite(true.depth_m)
        depth = hits.distance_m.reshape(120, 160) / length
        off = np.abs(true.depth_m - depth)[both]
        assert np.percentile(off, 99) < 1e-9 and (off > 1e-6).sum() <= 5, "rays take single precision"
        same = both & (true.face == hits.face.reshape(120, 160))
        assert same.sum() > 0.99 * both.sum()
        corners = patient.mesh.vertices[patient.mesh.faces[true.face[same]]]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        assert np.allclose(true.normals[true.face[same]], normal @ pose[:3, :3], atol=1e-9)


def test_no_ray_slips_between_two_faces() -> None:
    """A plate of faces whose edges run exactly through pixels, and one turned by any angle."""
    side = np.linspace(-0.12, 0.12, 25)
    x, y = np.meshgrid(side, side)
    corner = np.arange(24)[:, None] * 25 + np.arange(24)
    a, b, c, d = (corner + k for k in (0, 1, 25, 26))
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, d), (a, d, c))]).astype(np.int32)
    flat = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    lens = CameraIntrinsics(161, 121, 200.0, 200.0, 80.0, 60.0)  # 10 mm are 10 pixels at 0.2 m
    for angle in (0.0, 0.3, 1.1):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        depth = MeshScene(TriangleMesh(flat @ turn.T, faces)).depth(
            look_along((0, 0, 0.2), (0, 0, -1)), lens, (40, 30, 81, 61)
        )
        assert np.allclose(depth.depth_m, 0.2, atol=1e-12) and (depth.face >= 0).all()


def test_faces_that_reach_behind_the_camera_are_seen_as_far_as_they_lie_before_it() -> None:
    corners = np.array([[-5.0, -5.0, 0.0], [5.0, -5.0, 0.0], [5.0, 5.0, 0.0], [-5.0, 5.0, 0.0]])
    floor = TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    pose = look_along((0, 0, 1.0), (1.0, 0, -0.2))
    true = MeshScene(floor).depth(pose, LENS, WHOLE)
    rays = LENS.directions() @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        expected = np.where(rays[..., 2] < 0, -1.0 / rays[..., 2], np.inf)
    place = pose[:3, 3] + expected[..., None] * rays
    expected[~(np.abs(place[..., :2]) <= 5.0).all(axis=-1)] = np.inf
    assert 0.2 < np.isfinite(expected).mean() < 0.8
    assert np.array_equal(np.isfinite(true.depth_m), np.isfinite(expected))
    assert np.allclose(true.depth_m, expected, atol=1e-9)


def test_both_sides_are_seen_and_the_nearest_mesh_wins() -> None:
    one = TriangleMesh(np.array([[-1.0, -1, 0], [1, -1, 0], [0, 1, 0]]), np.array([[0, 1, 2]], np.int32))
    other = TriangleMesh(one.vertices + np.array([0, 0, 0.1]), one.faces[:, ::-1])
    pose = look_along((0, 0, 0.5), (0, 0, -1))
    true = MeshScene([one, other]).depth(pose, LENS, (70, 50, 20, 20))
    assert np.allclose(true.depth_m, 0.4) and (true.face == 1).all()
    assert np.allclose(MeshScene(one).depth(pose, LENS, (70, 50, 20, 20)).depth_m, 0.5)


@pytest.mark.parametrize("shape", [(40, 60), (1, 1), (5, 90)])
def test_the_filters_are_those_of_scipy(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    field = rng.standard_normal(shape, np.float32)
    ours = kernels.smooth(field, _gaussian(3.0))
    theirs = gaussian_filter(field.astype(float), 3.0) * 2.0 * np.sqrt(np.pi) * 3.0
    assert np.allclose(ours, theirs, atol=1e-5)
    depth = np.where(rng.random(shape) < 0.2, np.inf, rng.uniform(0.2, 0.3, shape))
    far = np.where(np.isfinite(depth), depth, 10.0)
    steps = maximum_filter(far, 3) - minimum_filter(far, 3) > 0.05
    assert np.array_equal(kernels.beside_step(depth, 0.05), steps)


def test_the_smooth_part_has_the_deviation_asked_for() -> None:
    plate = TriangleMesh(np.array([[-1.0, -1, 0], [3, -1, 0], [-1, 3, 0]]), np.array([[0, 1, 2]], np.int32))
    noise = CameraNoise(**{**CameraNoise.none().__dict__, "correlated_m": 1e-4})
    pose = look_along((0, 0, noise.reference_m), (0, 0, -1))
    camera = DepthCamera(LENS, 0, noise)
    images = [camera.render(pose, MeshScene(plate), (1,), n) - noise.reference_m for n in range(20)]
    assert np.std(images) == pytest.approx(1e-4, rel=0.05)
    beside = np.mean([np.corrcoef(i[:, :-3].ravel(), i[:, 3:].ravel())[0, 1] for i in images])
    assert beside == pytest.approx(np.exp(-0.25), abs=0.05), "three pixels apart, one sigma of the filter"


def test_what_cannot_be_drawn_is_named() -> None:
    corners = np.zeros((3, 3))
    with pytest.raises(ValueError, match="at least one mesh"):
        MeshScene([])
    scene = MeshScene(TriangleMesh(corners, np.array([[0, 1, 2]], np.int32)))
    for pose in (np.eye(3), np.full((4, 4), np.nan)):
        with pytest.raises(ValueError, match=r"\(4, 4\) pose"):
            scene.depth(pose, LENS, WHOLE)
    assert not np.isfinite(scene.depth(np.eye(4), LENS, WHOLE).depth_m).any(), "a face of no area is not seen"
