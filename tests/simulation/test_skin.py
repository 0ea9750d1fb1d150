"""Rays against moving skin give what rays against the displaced mesh of each instant give."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.motion import (
    Breathing,
    Drift,
    MotionError,
    PatientMotion,
    Pulse,
    SuddenMove,
    Tremor,
)
from openmtz.simulation.patient.patients import PATIENT_TARGET_M, Patient
from openmtz.simulation.patient.phantoms import make_phantom
from openmtz.simulation.truth.skin import TrueSkin

TARGET = np.asarray(PATIENT_TARGET_M)
MOTIONS = {
    "still": PatientMotion.none(),
    "tremor": PatientMotion.of([Tremor(amplitude_m=0.002, seed=1)]),
    "turn": PatientMotion.of([SuddenMove(0.5, (0.02, -0.01, 0.004), 0.12, (1.0, 0.3, 0.2)), Drift(0.002)]),
    "breath": PatientMotion.of([Breathing(amplitude_m=0.012, radius_m=0.10)]),
    "all": PatientMotion.of(
        [
            Breathing(amplitude_m=0.008, radius_m=0.12, direction=(0.2, 0.0, 1.0)),
            Pulse(amplitude_m=0.0003, centre_m=(0.51, 0.01, 0.05)),
            Tremor(seed=2),
            SuddenMove(1.0, (0.004, 0.0, 0.0), 0.05),
            Drift(0.001, (0.0, 1.0, 0.0)),
        ]
    ),
}


@pytest.fixture(scope="module")
def patient() -> Patient:
    return make_phantom("cheek", "atrophic_scar", seed=3)


def oblique_rays(count: int, seed: int, spread_m: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Rays `(N, 3)` towards the skin around the target, from all round, up to 35 degrees off."""
    rng = np.random.default_rng(seed)
    aim = TARGET + np.column_stack([rng.uniform(-spread_m, spread_m, (count, 2)), np.zeros(count)])
    tilt, heading = rng.uniform(0.0, np.deg2rad(35.0), count), rng.uniform(0.0, 2.0 * np.pi, count)
    out = np.column_stack([np.sin(tilt) * np.cos(heading), np.sin(tilt) * np.sin(heading), np.cos(tilt)])
    return aim + 0.2 * out, -out


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_every_ray_meets_the_mesh_of_its_own_instant(name: str, patient: Patient) -> None:
    skin = TrueSkin(patient.mesh, MOTIONS[name])
    instants = np.random.default_rng(9).uniform(0.0, 6.0, 8)
    origins, directions = oblique_rays(8 * 250, 4)
    times = np.repeat(instants, 250)
    got = skin.cast(origins, directions, times)
    assert got.hit.mean() > 0.98, "a turned cheek has rims that oblique rays pass"
    for k, instant in enumerate(instants):
        part = slice(250 * k, 250 * (k + 1))
        brute = TrueSkin(skin.mesh_at(instant)).cast(origins[part], directions[part])
        assert np.array_equal(got.hit[part], brute.hit)
        away = np.linalg.norm(got.position_m[part] - brute.position_m, axis=1)
        assert np.nanmax(away) < 1e-6
        assert np.nanmax(np.abs(got.distance_m[part] - brute.distance_m)) < 1e-6
        cosine = (got.normal[part] * brute.normal).sum(axis=1)[brute.hit]
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        assert np.median(angle) < 1e-4 and angle.max() < 0.02
    assert np.abs(np.linalg.norm(got.normal[got.hit], axis=1) - 1.0).max() < 1e-9


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_the_rest_position_moves_to_where_the_ray_hit(name: str, patient: Patient) -> None:
    skin = TrueSkin(patient.mesh, MOTIONS[name])
    origins, directions = oblique_rays(500, 5, spread_m=0.01)
    times = np.random.default_rng(1).uniform(0.0, 6.0, 500)
    hits = skin.cast(origins, directions, times)
    # Between the corners of a triangle the mesh is flat where the true field curves: 0.5 mm edges.
    again = skin.motion.displace(hits.rest_position_m, times)
    assert np.abs(again - hits.position_m).max() < 1e-6
    corners = patient.mesh.vertices[patient.mesh.faces[hits.face]]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    off = np.einsum("ij,ij->i", hits.rest_position_m - corners[:, 0], across)
    assert np.abs(off / np.linalg.norm(across, axis=1)).max() < 1e-7


def test_one_instant_for_all_is_the_same_as_one_each(patient: Patient) -> None:
    skin = TrueSkin(patient.mesh, MOTIONS["all"])
    origins, directions = oblique_rays(50, 6)
    one, each = skin.cast(origins, directions, 1.3), skin.cast(origins, directions, np.full(50, 1.3))
    assert one.position_m.tobytes() == each.position_m.tobytes()
    assert np.array_equal(one.face, each.face)
    with pytest.raises(MotionError, match=r"\(50,\)"):
        skin.cast(origins, directions, np.zeros(49))
    with pytest.raises(MotionError, match="finite"):
        skin.cast(origins, directions, np.nan)


def test_skin_that_moves_into_and_out_of_a_ray() -> None:
    """A block as wide as the ray is off: only the moved one is met, and beside it nothing."""
    corners = np.array([[-0.01, -0.01, 0], [0.01, -0.01, 0], [0.01, 0.01, 0], [-0.01, 0.01, 0.0]])
    plate = TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    ray = [[0.025, 0.0, 0.2]], [[0.0, 0.0, -1.0]]
    drift = TrueSkin(plate, PatientMotion.of([Drift(0.01, (1.0, 0.0, 0.0), limit_m=1.0)]))
    assert [bool(drift.cast(*ray, t).hit[0]) for t in (0.0, 1.4, 1.6, 3.4, 3.6)] == [
        False, False, True, True, False,
    ]  # fmt: skip
    moved = drift.cast(*ray, 2.0)
    assert moved.rest_position_m[0] == pytest.approx((0.005, 0.0, 0.0), abs=1e-9)
    assert moved.position_m[0] == pytest.approx((0.025, 0.0, 0.0), abs=1e-9)
    # The same by a local part: every point of the small plate is displaced almost alike.
    breath = Breathing(amplitude_m=0.03, radius_m=1.0, centre_m=(0, 0, 0), direction=(1, 0, 0), period_s=2.0)
    swing = TrueSkin(plate, PatientMotion.of([breath]))
    for t in np.linspace(0.0, 2.0, 21):
        brute = TrueSkin(swing.mesh_at(t)).cast(*ray)
        assert swing.cast(*ray, t).hit[0] == brute.hit[0]
    assert not swing.cast([[0.0, 0.05, 0.2]], [[0.0, 0.0, -1.0]], 0.8).hit.any()


def test_a_nearer_fold_is_met_first(patient: Patient) -> None:
    low = make_phantom("abdomen", "none", 0).mesh
    fold = TriangleMesh(
        np.array([[-0.02, -0.02, 0.03], [0.02, -0.02, 0.03], [0.02, 0.02, 0.03], [-0.02, 0.02, 0.03]])
        + TARGET,
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    )
    both = TriangleMesh(
        np.concatenate([low.vertices, fold.vertices]),
        np.concatenate([low.faces, fold.faces + len(low.vertices)]),
    )
    skin = TrueSkin(both, MOTIONS["breath"])
    origins, directions = oblique_rays(400, 7)
    got = skin.cast(origins, directions, 1.6)
    brute = TrueSkin(skin.mesh_at(1.6)).cast(origins, directions)
    assert np.array_equal(got.hit, brute.hit)
    differ = np.linalg.norm(got.position_m - brute.position_m, axis=1) > 1e-6
    # Only rays that pass the fold's rim within the change of displacement along the way may differ.
    assert differ.mean() <= 0.01


def test_still_skin_is_its_own_mesh_and_nothing_is_no_hit(patient: Patient) -> None:
    skin = TrueSkin(patient.mesh)
    assert skin.mesh_at(3.0) is patient.mesh
    hits = skin.cast([[0.5, 0.0, 0.3]], [[0.0, 0.0, 1.0]])
    assert not hits.hit.any() and np.isnan(hits.position_m).all() and hits.face.tolist() == [-1]
    assert np.isnan(hits.rest_position_m).all() and np.isnan(hits.normal).all()
    none = skin.cast(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    assert len(none.hit) == 0 and none.position_m.shape == (0, 3)
