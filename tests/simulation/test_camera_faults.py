"""Each camera fault shows in the picture or the stream as specified, and none shows when it is off."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from openmtz.capture import CameraIntrinsics
from openmtz.geometry import TriangleMesh, look_along
from openmtz.simulation.camera.camera import CameraNoise, DepthCamera
from openmtz.simulation.camera.faults import CameraFaults, FrameStream
from openmtz.simulation.camera.mesh_scene import MeshScene
from openmtz.simulation.camera.worker import CameraFrame, CameraWorker, FrameRequest
from openmtz.simulation.patient.motion import Breathing, Drift, PatientMotion
from openmtz.simulation.patient.phantoms import make_phantom
from openmtz.simulation.truth.skin import TrueSkin

SMALL = CameraIntrinsics(160, 120, 200.0, 200.0, 79.5, 59.5)
ABOVE = look_along((0, 0, 0.3), (0, 0, -1))
CLEAN = CameraNoise.none()


def plate(half_m: float = 0.5) -> TriangleMesh:
    corners = half_m * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0.0]])
    return TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


SCENE = MeshScene(plate())


def picture(
    noise: CameraNoise | None = CLEAN, seed: int = 0, n: int = 0, scene: MeshScene = SCENE, **faults: object
) -> np.ndarray:
    given = CameraFaults(**faults) if faults else None  # type: ignore[arg-type]
    return DepthCamera(SMALL, seed, noise).render(ABOVE, scene, (1,), n, given)


def test_faults_that_are_off_change_no_bit() -> None:
    for noise in (None, CLEAN):
        plain = picture(noise)
        camera = DepthCamera(SMALL, 0, noise)
        assert plain.tobytes() == camera.render(ABOVE, SCENE, (1,), 0, CameraFaults.none()).tobytes()
        assert plain.tobytes() == picture(noise, bias_wavelength_px=20.0, hand_range_m=0.1, seed=0).tobytes()


def test_bias_is_smooth_fixed_in_the_picture_and_grows_with_range_squared() -> None:
    bias = picture(bias_m=0.001) - 0.3
    assert 0.1e-3 < bias.std() < 0.5e-3 and np.abs(bias).max() <= 1.001e-3
    slope = max(np.abs(np.diff(bias, axis=0)).max(), np.abs(np.diff(bias, axis=1)).max())
    assert slope < 0.001 * 2 * np.pi / 160.0
    assert np.array_equal(bias, picture(bias_m=0.001, n=7) - 0.3), "the same in every frame"
    assert not np.allclose(bias, picture(bias_m=0.001, seed=1) - 0.3, atol=1e-5)
    further = DepthCamera(SMALL, 0, CLEAN).render(
        look_along((0, 0, 0.45), (0, 0, -1)), MeshScene(plate()), (1,), 0, CameraFaults(bias_m=0.001)
    )
    assert np.allclose(further - 0.45, 2.25 * bias, atol=2e-7)
    # A window of the picture sees the same field.
    window = DepthCamera(SMALL, 0, CLEAN).render(
        ABOVE, SCENE, (1,), 0, CameraFaults(bias_m=0.001), (40, 30, 50, 20)
    )
    assert np.array_equal(window - 0.3, bias[30:50, 40:90])


def test_each_view_has_an_error_of_its_own() -> None:
    camera = DepthCamera(SMALL, 0, CLEAN)
    faults = CameraFaults(view_bias_m=0.001)
    views = [camera.render(ABOVE, SCENE, (key,), n, faults) - 0.3 for key, n in ((1, 0), (1, 5), (2, 0))]
    assert np.array_equal(views[0], views[1]), "the same as long as the camera rests"
    assert np.std(views[0] - views[2]) > 1e-4 and np.abs(views[0]).max() <= 1.001e-3
    assert np.array_equal(views[0], DepthCamera(SMALL, 0, CLEAN).render(ABOVE, SCENE, (1,), 3, faults) - 0.3)


def test_the_camera_as_it_comes_has_a_little_of_both_and_some_glare() -> None:
    """The default: 0.1 mm each, and holes of 1.5 degrees; a quarter of the amplitude root mean square."""
    quiet = {"white_m": 0.0, "correlated_m": 0.0, "quantum_m": 0.0, "dropout": 0.0, "edge_dropout": 0.0}
    seen = DepthCamera(SMALL, 0, replace(CameraNoise(), **quiet)).render(ABOVE, SCENE, (1,), 0)
    assert 1 <= (seen == 0).sum() < 100
    assert 1e-5 < np.std(seen[seen > 0]) < 1e-4 and np.abs(seen[seen > 0] - 0.3).max() <= 2.001e-4


def test_glare_lies_where_the_projector_is_mirrored() -> None:
    seen = picture(gloss_rad=0.03)
    rows, columns = np.nonzero(seen == 0)
    # On a plate facing the camera the mirror point lies half-way to the projector, 27 mm along x.
    assert columns.mean() == pytest.approx(79.5 + 0.0135 / 0.3 * 200.0, abs=0.5)
    assert rows.mean() == pytest.approx(59.5, abs=0.5)
    assert (rows.max() - rows.min()) / 2 == pytest.approx(np.tan(0.03) * 200.0, abs=1.0)
    ball = make_phantom("cheek", "none", 0).mesh
    face = MeshScene(TriangleMesh(ball.vertices - [0.5, 0.0, 0.05], ball.faces))
    holes = picture(scene=face, gloss_rad=np.deg2rad(3.0)) == 0
    # On a ball of radius 73 mm normal and view turn together: x / 0.073 + x / 0.3 = 3 degrees at x = 3.1 mm.
    area = np.pi * (0.0031 / 0.3 * 200.0) ** 2
    assert (holes & (picture(scene=face) > 0)).sum() == pytest.approx(area, rel=0.5)


def test_scale_and_noise_are_multiplied() -> None:
    plain, wrong = picture(None), picture(None, depth_scale=1.03)
    assert np.array_equal(plain * np.float32(1.03), wrong)
    noisy = picture(None, noise_factor=4.0)
    spread = [np.std(image[image > 0] - 0.3) for image in (plain, noisy)]
    assert spread[1] == pytest.approx(4.0 * spread[0], rel=0.1)


def test_a_wrong_mounting_is_the_picture_of_another_pose() -> None:
    mesh = make_phantom("cheek", "none", 0).mesh
    scene = MeshScene(TriangleMesh(mesh.vertices - [0.5, 0.0, 0.05], mesh.faces))
    error = CameraFaults(hand_eye=(0.002, -0.001, 0.003, 0.0, 0.01, -0.02))
    seen = DepthCamera(SMALL, 0, CLEAN).render(ABOVE, scene, (1,), 0, error)
    there = DepthCamera(SMALL, 0, CLEAN).render(ABOVE @ error.hand_eye_pose(), scene, (1,), 0)
    assert np.array_equal(seen, there)
    assert np.median(np.abs(seen - picture(scene=scene))[60, 70:90]) > 0.001
    assert np.allclose(error.hand_eye_pose()[:3, 3], (0.002, -0.001, 0.003))


def test_a_hand_in_view_hides_the_skin_behind_it() -> None:
    seen = picture(hand_share=0.6, hand_range_m=0.2)
    hidden = seen < 0.25
    assert 0.05 < hidden.mean() < 0.5
    assert seen[hidden].min() >= 0.2 - 0.0151 and seen[hidden].max() <= 0.2
    assert np.allclose(seen[~hidden], 0.3, atol=1e-6)
    columns = np.nonzero(hidden.any(axis=0))[0]
    assert columns[0] == 0 and columns[-1] == pytest.approx(0.6 * 160, abs=2)
    assert picture(hand_share=0.9, hand_range_m=0.2).min() < 0.25
    assert (picture(hand_share=0.3, hand_range_m=0.2) < 0.25).sum() < hidden.sum()
    # A hand behind the skin is not seen.
    assert np.array_equal(picture(hand_share=0.6, hand_range_m=0.4), picture())


def test_the_stream_loses_freezes_and_misdates() -> None:
    stream = FrameStream()
    faults = CameraFaults(drop_share=0.3, seed=4)
    lost = [stream.is_lost(faults, [n]) for n in range(1000)]
    assert 250 < sum(lost) < 350 and lost == [stream.is_lost(faults, [n]) for n in range(1000)]
    assert not any(stream.is_lost(CameraFaults.none(), [n]) for n in range(100))
    images = [np.full((4, 4), v, np.float32) for v in (1.0, 2.0, 3.0)]
    held = [stream.held(CameraFaults(frozen=True), i)[0, 0] for i in images]
    assert held == [1.0, 1.0, 1.0]
    assert stream.held(CameraFaults.none(), images[2])[0, 0] == 3.0
    assert stream.held(CameraFaults(frozen=True), images[1])[0, 0] == 2.0, "thawed: the next freezes"
    assert stream.stamp(CameraFaults.none(), 12.5, [0]) == 12.5
    assert stream.stamp(CameraFaults(stamp_offset_s=-0.04, stamp_drift=1e-3), 10.0, [0]) == 10.0 - 0.04 + 0.01
    jitter = CameraFaults(stamp_jitter_s=0.01)
    errors = np.array([stream.stamp(jitter, 5.0, [n]) - 5.0 for n in range(500)])
    assert errors.std() == pytest.approx(0.01, rel=0.1) and abs(errors.mean()) < 0.002
    assert stream.stamp(jitter, 5.0, [3]) == 5.0 + errors[3]


def collect(worker: CameraWorker, count: int) -> list[CameraFrame]:
    frames: list[CameraFrame] = []
    end = time.monotonic() + 60.0
    while len(frames) + worker.lost < count and time.monotonic() < end:
        frames += worker.wait(0.5)
    return frames


def test_the_worker_shows_a_moving_patient_a_window_and_faults_in_the_order_given() -> None:
    mesh = make_phantom("abdomen", "none", 1).mesh
    motion = PatientMotion.of([Breathing(amplitude_m=0.01, radius_m=0.1)])
    view = look_along((0.5, 0.0, 0.35), (0, 0, -1))
    worker = CameraWorker(mesh, SMALL, noise=CLEAN, motion=motion)
    try:
        worker.submit(FrameRequest(7.0, view, (1,), 0, time_s=1.6))
        worker.submit(FrameRequest(1.6, view, (1,), 0, window=(60, 40, 30, 20)))
        worker.submit(FrameRequest(4.0, view, (1,), 0))
        worker.set_faults(CameraFaults(depth_scale=1.1, stamp_offset_s=0.5))
        worker.submit(FrameRequest(4.0, view, (1,), 0))
        worker.set_faults(CameraFaults(drop_share=1.0))
        worker.submit(FrameRequest(4.0, view, (1,), 0))
        worker.set_faults(CameraFaults.none())
        worker.set_motion(PatientMotion.of([Drift(0.01, (0.0, 0.0, 1.0), limit_m=0.02)]))
        worker.submit(FrameRequest(9.0, view, (1,), 0))
        full, part, rest, scaled, moved = collect(worker, 6)
        assert worker.lost == 1 and worker.pending == 0
    finally:
        worker.close()
    here = DepthCamera(SMALL, 0, CLEAN)
    skin = TrueSkin(mesh, motion)
    assert np.array_equal(full.depth, here.render(view, MeshScene(skin.mesh_at(1.6)), (1,), 0))
    assert np.array_equal(part.depth, full.depth[40:60, 60:90]) and part.request.window == (60, 40, 30, 20)
    assert np.array_equal(rest.depth, here.render(view, MeshScene(mesh), (1,), 0))
    assert rest.depth[60, 80] - full.depth[60, 80] == pytest.approx(0.01, abs=1e-5)
    assert scaled.stamp_s == 4.5 and scaled.request.stamp_s == rest.stamp_s == 4.0
    assert np.array_equal(scaled.depth, rest.depth * np.float32(1.1))
    assert rest.depth[60, 80] - moved.depth[60, 80] == pytest.approx(0.02, abs=1e-6)


@pytest.mark.parametrize("window", [(0, 0, 161, 10), (-1, 0, 10, 10), (0, 0, 0, 10), (150, 110, 10, 11)])
def test_a_window_must_lie_in_the_picture(window: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="160x120"):
        DepthCamera(SMALL).render(ABOVE, SCENE, (1,), 0, None, window)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bias_m": -1.0}, "bias_m must be 0 to 0.05"),
        ({"bias_m": math.nan}, "bias_m"),
        ({"depth_scale": 0.0}, "depth_scale"),
        ({"drop_share": 1.5}, "drop_share"),
        ({"hand_eye": (0, 0, 0)}, "hand_eye must be x, y, z"),
        ({"hand_eye": (3.0, 0, 0, 0, 0, 0)}, "within 1"),
        ({"sunlight": 1.0}, "no camera fault 'sunlight'; there are: bias_m"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CameraFaults.none().with_changes(**changes)
