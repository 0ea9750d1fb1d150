"""Real data as patients, sensible regions, and every bad input named with cause and fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from openmtz.geometry import TriangleMesh, apply_pose
from openmtz.simulation.patient.depth_mesh import denoise, depth_to_mesh, fill_small_holes, nearest_part
from openmtz.simulation.patient.frame_fusion import register
from openmtz.simulation.patient.patients import PATIENT_TARGET_M, Patient
from openmtz.simulation.patient.sources import PatientError, patient_from_depth, patient_from_mesh

SR305 = (476.007, 476.007, 313.683, 242.755)
DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
CAMERA = (300.0, 300.0, 79.5, 59.5)


def recorded(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the recorded data {name} is not on this machine")
    return path


def check(patient: Patient, radius_m: float = 0.011) -> None:
    """Assert that the region lies at the target, faces up, is whole, smooth and finely meshed."""
    mesh = patient.mesh
    near = np.linalg.norm(mesh.vertices - PATIENT_TARGET_M, axis=1) < radius_m
    assert near.sum() > 150
    normals = mesh.vertex_normals()[near]
    mean = normals.mean(axis=0) / np.linalg.norm(normals.mean(axis=0))
    assert mean[2] > np.cos(np.deg2rad(4.0))
    assert np.percentile(normals[:, 2], 5) > np.cos(np.deg2rad(25.0))
    area = float(mesh.vertex_areas()[near].sum() * 1e4)
    assert area == pytest.approx(np.pi * (radius_m * 100) ** 2, rel=0.15), "no hole in the region"
    assert mesh.vertices[:, 2].min() > -0.34
    assert np.linalg.norm(mesh.vertices - PATIENT_TARGET_M, axis=1).max() < 0.31
    assert patient.region_radius_m == radius_m and np.allclose(patient.approach, [0, 0, 1])


@pytest.mark.parametrize("folder", ["20210326-230536", "20210326-231615"])
def test_a_recorded_hand_is_a_hand_and_not_the_body_behind_it(folder: str) -> None:
    patient = patient_from_depth(recorded("sr305_hand_depth") / folder, SR305, 0.000125)
    check(patient)
    assert not patient.synthetic_lesions and not patient.lesion_mask.any()
    assert folder in patient.name
    # A palm: 6 to 13 cm wide where it is narrowest, skin out to 2 cm on all sides.
    flat = patient.mesh.vertices[np.abs(patient.mesh.vertices[:, 2] - PATIENT_TARGET_M[2]) < 0.02]
    around = flat[:, :2] - PATIENT_TARGET_M[:2]
    sides = np.arctan2(around[:, 1], around[:, 0])[np.linalg.norm(around, axis=1) > 0.02]
    assert (np.histogram(sides, 8, (-np.pi, np.pi))[0] > 0).all()


def test_a_recorded_mannequin_takes_neighbour_frames_where_they_fit(tmp_path: Path) -> None:
    source = recorded("truedepth_mannequin_face") / "frames"
    for k in range(0, 4):
        (tmp_path / f"{k:03d}.npz").write_bytes((source / f"{k:03d}.npz").read_bytes())
    patient = patient_from_depth(tmp_path, None, 1e-4)
    check(patient)
    assert "merged" in patient.name


def test_a_scanned_head_is_treated_on_its_forehead_or_cheek() -> None:
    path = recorded("lps_head") / "LeePerrySmith.glb"
    patient = patient_from_mesh(path, 0.05)
    check(patient)
    scarred = patient_from_mesh(path, 0.05, lesions="atrophic_scar", seed=1)
    assert scarred.synthetic_lesions and "synthetic" in scarred.name
    assert 0.6e-3 < scarred.lesion_depth_m.max() <= 2.0e-3
    # In the file's own axes (y up, z front) the choice must be face, not neck (below y = -0.02 m).
    from openmtz.simulation.patient.region_choice import choose_region
    from openmtz.surfaces import load_skin

    choice = choose_region(load_skin(path, 0.05).mesh, (0, 0, 1))
    assert choice.center[1] > 0.0 and choice.center[2] > 0.04
    cheek = patient_from_mesh(path, 0.05, region=(0.045, 0.03, 0.08, 0.010))
    assert cheek.region_radius_m == 0.010


def write_png(path: Path, depth_m: np.ndarray, unit: float = 0.001) -> None:
    Image.fromarray(np.rint(depth_m / unit).astype(np.uint16)).save(path)


def ball_depth(radius: float = 0.07, distance: float = 0.35, shift: float = 0.0) -> np.ndarray:
    """Depth `(120, 160)` [m] of a ball before a wall at 0.8 m, seen by CAMERA."""
    u, v = np.meshgrid(np.arange(160), np.arange(120))
    ray = np.stack([(u - 79.5) / 300.0, (v - 59.5) / 300.0, np.ones(u.shape)], axis=-1)
    center = np.array([shift, 0.0, distance + radius])
    a, b, c = (ray**2).sum(-1), ray @ center, center @ center - radius**2
    root = b * b - a * c
    return np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0.8)


@pytest.fixture()
def ball(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    depth = ball_depth() + rng.normal(0, 2e-4, (120, 160))
    depth[60:63, 90:92] = 0.0  # a small hole in the skin
    write_png(tmp_path / "000.png", depth, 0.000125)
    return tmp_path


def test_the_nearest_part_is_taken_denoised_and_filled(ball: Path) -> None:
    patient = patient_from_depth(ball, CAMERA, 0.000125)
    check(patient)
    center = PATIENT_TARGET_M - np.array([0, 0, 0.07])
    error = np.abs(np.linalg.norm(patient.mesh.vertices - center, axis=1) - 0.07)
    near = np.linalg.norm(patient.mesh.vertices - PATIENT_TARGET_M, axis=1) < 0.03
    assert np.median(error[near]) < 0.3e-3
    assert patient.mesh.vertices[:, 2].min() > -0.05, "the wall is not part of the patient"


def test_a_region_can_be_given_and_must_lie_on_the_skin(ball: Path) -> None:
    patient = patient_from_depth(ball, CAMERA, 0.000125, region=(0.02, 0.0, 0.355, 0.008))
    check(patient, 0.008)
    for region, cause in (
        ((0.3, 0.0, 0.35, 0.01), "from the nearest skin"),
        ((0.0, 0.0, float("nan"), 0.01), "not three finite numbers"),
        ((0.0, 0.0, 0.35, -0.01), "radius"),
    ):
        with pytest.raises(PatientError, match=cause):
            patient_from_depth(ball, CAMERA, 0.000125, region=region)


def test_the_same_folder_gives_the_same_patient(ball: Path) -> None:
    a, b = (patient_from_depth(ball, CAMERA, 0.000125, lesions="striae", seed=2) for _ in range(2))
    assert np.array_equal(a.mesh.vertices, b.mesh.vertices) and a.lesion_mask.any()


def test_frames_register_where_rigid_and_not_where_the_shape_changed() -> None:
    def mesh(depth: np.ndarray) -> TriangleMesh:
        from openmtz.capture import CameraIntrinsics

        k = CameraIntrinsics(160, 120, *CAMERA)
        part = nearest_part(depth, k)
        filled, part = fill_small_holes(depth, part)
        return depth_to_mesh(denoise(filled, part), part, k)

    reference = mesh(ball_depth())
    moved = mesh(ball_depth(shift=0.006)).vertices
    shifted = register(moved, reference)
    # A ball may turn about itself unseen: its surface must coincide, not its pose.
    there = apply_pose(shifted.pose, moved) - [0.0, 0.0, 0.42]
    assert shifted.fits and np.median(np.abs(np.linalg.norm(there, axis=1) - 0.07)) < 0.3e-3
    assert not register(mesh(ball_depth(radius=0.045)).vertices, reference).fits


def no_setup(_: Path) -> None: ...


def an_8_bit_picture(path: Path) -> None:
    Image.fromarray(np.full((120, 160), 90, np.uint8)).save(path / "0.png")


def a_broken_png(path: Path) -> None:
    (path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"garbage" * 10)


def all_zero(path: Path) -> None:
    write_png(path / "0.png", np.zeros((120, 160)))


def only_text(path: Path) -> None:
    (path / "readme.txt").write_text("hello")


def npz_without_depth(path: Path) -> None:
    np.savez(path / "0.npz", image=np.zeros((120, 160)))


def a_broken_npz(path: Path) -> None:
    (path / "0.npz").write_bytes(b"PK\x03\x04 cut off")


def npz_without_k(path: Path) -> None:
    np.savez(path / "0.npz", depth=np.full((120, 160), 400, np.uint16))


def good(path: Path) -> None:
    write_png(path / "0.png", ball_depth())


def contradicting_k(path: Path) -> None:
    k = np.array([[600.0, 0, 79.5], [0, 600.0, 59.5], [0, 0, 1]])
    np.savez(path / "0.npz", depth=(ball_depth() * 1000).astype(np.uint16), K=k)


@pytest.mark.parametrize(
    ("setup", "camera", "unit", "cause"),
    [
        (no_setup, CAMERA, 0.001, "it is empty"),
        (only_text, CAMERA, 0.001, "it holds .txt"),
        (an_8_bit_picture, CAMERA, 0.001, "8-bit"),
        (a_broken_png, CAMERA, 0.001, "cannot be read as PNG"),
        (all_zero, CAMERA, 0.001, "all zero"),
        (npz_without_depth, CAMERA, 0.001, "no array 'depth'"),
        (a_broken_npz, CAMERA, 0.001, "cannot be read"),
        (npz_without_k, None, 0.001, "no camera matrix K"),
        (contradicting_k, CAMERA, 0.001, "contradict K"),
        (good, (float("nan"), 300.0, 79.5, 59.5), 0.001, "finite"),
        (good, (300.0, 300.0, 400.0, 59.5), 0.001, "outside the image"),
        (good, (79.5, 59.5, 300.0, 300.0), 0.001, "fx,fy,cx,cy"),
        (good, (1500.0, 1500.0, 79.5, 59.5), 0.001, "field of view"),
        (good, (0.3, 0.3, 79.5, 59.5), 0.001, "field of view"),
        (good, (300.0, 300.0), 0.001, "four numbers"),
        (good, CAMERA, 1.0, "a unit of 0.001 m would give"),
        (good, CAMERA, 1e-6, "a unit of 0.001 m would give"),
        (good, CAMERA, 0.0, "positive number of metres"),
        (good, CAMERA, float("nan"), "positive number of metres"),
    ],
)
def test_bad_frames_are_named(
    tmp_path: Path, setup: Callable[[Path], None], camera: tuple | None, unit: float, cause: str
) -> None:
    setup(tmp_path)
    with pytest.raises(PatientError, match=cause) as caught:
        patient_from_depth(tmp_path, camera, unit)
    assert caught.value.cause and caught.value.fix


def test_a_folder_or_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PatientError, match="there is no"):
        patient_from_depth(tmp_path / "nowhere", CAMERA, 0.001)
    with pytest.raises(PatientError, match="there is no file"):
        patient_from_mesh(tmp_path / "nothing.ply")


@pytest.mark.parametrize("suffix", ["ply", "obj", "stl", "glb"])
def test_every_mesh_format_also_inside_out(tmp_path: Path, suffix: str) -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=80.0)
    ball.faces = ball.faces[:, ::-1]
    file = tmp_path / f"ball.{suffix}"
    ball.export(file)
    patient = patient_from_mesh(file, 0.001)
    check(patient)
    assert patient.mesh.vertices[:, 2].max() < PATIENT_TARGET_M[2] + 1e-3


def test_a_point_cloud_becomes_skin(tmp_path: Path) -> None:
    """A ball of points in millimetres, with noise, is a ball of skin, the same each time."""
    rng = np.random.default_rng(3)
    out = rng.normal(size=(30_000, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    trimesh.PointCloud(80.0 * out + rng.normal(0.0, 0.05, out.shape)).export(tmp_path / "cloud.ply")
    patient = patient_from_mesh(tmp_path / "cloud.ply", 0.001, lesions="rolling", seed=1)
    check(patient)
    assert "synthetic rolling lesions" in patient.name and "cloud" in patient.name
    near = np.linalg.norm(patient.mesh.vertices - PATIENT_TARGET_M, axis=1) < 0.02
    healthy = near & (patient.lesion_depth_m == 0.0)
    away = np.linalg.norm(patient.mesh.vertices - PATIENT_TARGET_M + [0.0, 0.0, 0.08], axis=1) - 0.08
    assert np.abs(np.median(away[healthy])) < 3e-4 and np.percentile(np.abs(away[healthy]), 95) < 5e-4
    again = patient_from_mesh(tmp_path / "cloud.ply", 0.001, lesions="rolling", seed=1)
    assert again.mesh.vertices.tobytes() == patient.mesh.vertices.tobytes()


def test_a_scanned_head_as_points_is_the_head(tmp_path: Path) -> None:
    from openmtz.simulation.truth.skin import TrueSkin
    from openmtz.surfaces import load_skin

    mesh = load_skin(recorded("lps_head") / "LeePerrySmith.glb", 0.05).mesh
    rng = np.random.default_rng(0)
    face = rng.choice(len(mesh.faces), 60_000, p=mesh.face_areas() / mesh.face_areas().sum())
    weights = rng.dirichlet(np.ones(3), len(face))
    trimesh.PointCloud(np.einsum("nk,nkj->nj", weights, mesh.vertices[mesh.faces[face]])).export(
        tmp_path / "head.ply"
    )
    made = load_skin(tmp_path / "head.ply", 1.0).mesh
    front = np.argsort(made.vertices[:, 2])[-4000:]
    out = made.vertex_normals()[front]
    hits = TrueSkin(mesh).cast(made.vertices[front] + 0.003 * out, -out)
    # Points lie 1.6 mm apart, on nose, lips and brows: a tenth of that, and facing outwards.
    assert np.median(np.abs(hits.distance_m - 0.003)) < 1.6e-4


def test_huge_files_are_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openmtz.simulation.patient.recordings import reading
    from openmtz.surfaces import skin_file

    file = tmp_path / "ball.ply"
    trimesh.creation.icosphere(subdivisions=3, radius=0.08).export(file)
    monkeypatch.setattr(skin_file, "MOST", 100)
    with pytest.raises(PatientError, match=r"ball.ply has 642 points; 100 can be handled: thin it out"):
        patient_from_mesh(file)
    monkeypatch.setattr(skin_file, "MOST_MEGABYTES", 0.001)
    with pytest.raises(PatientError, match="MB; 0 can be read"):
        patient_from_mesh(file)
    monkeypatch.setattr(reading, "MOST_PIXELS", 1000)
    write_png(tmp_path / "0.png", ball_depth())
    with pytest.raises(PatientError, match="160x120 pixels"):
        patient_from_depth(tmp_path / "0.png", CAMERA, 0.001)


def test_a_long_recording_is_read_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from openmtz.simulation.patient import depth_folder

    monkeypatch.setattr(depth_folder, "MOST_FRAMES", 4)
    for k in range(10):
        write_png(tmp_path / f"{k}.png", ball_depth(shift=0.001 * k))
    recording = depth_folder.load_depth_folder(tmp_path, CAMERA, 0.001)
    assert [frame.name for frame in recording.frames] == ["0", "3", "6", "9"]
    assert "4 of 10 frames are read, evenly spread over the recording" in recording.notes


def test_a_part_of_absurd_size_is_refused(tmp_path: Path) -> None:
    """Intrinsics of another resolution: the picture is possible, the body part is not."""
    depth = np.full((120, 160), 4.5)
    write_png(tmp_path / "0.png", depth)
    with pytest.raises(PatientError, match="mm across") as caught:
        patient_from_depth(tmp_path, (100.0, 100.0, 79.5, 59.5), 0.001)
    assert "check fx,fy" in caught.value.fix
