"""What the operator's client saw becomes the proof of delivery: judged on the patient, not in the room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from openmtz.cli.result import fired_spots, truth_shots
from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.hooks import Region
from openmtz.plan import TreatmentPlan
from openmtz.planning import plan_treatment
from openmtz.records import verify
from openmtz.simulation.patient.motion import PatientMotion, SuddenMove
from openmtz.simulation.patient.phantoms import make_phantom
from openmtz.simulation.truth.skin import TrueSkin

MOVED_M = 0.003
BATCH = 60


@pytest.fixture(scope="module")
def skin_and_plan() -> tuple[TriangleMesh, TreatmentPlan]:
    mesh = make_phantom("forearm", "none", 0).mesh
    near = np.linalg.norm(mesh.vertices - [0.5, 0.0, 0.05], axis=1) < 0.04
    part, _ = mesh.submesh(near[mesh.faces].all(axis=1))
    surface = SkinSurface.from_arrays(part.vertices, part.faces, voxel_m=0.001)
    return mesh, plan_treatment(surface, "ladd", region=Region((0.5, 0.0, 0.05), 0.004), seed=0).plan


def observed(mesh: TriangleMesh, plan: TreatmentPlan, move_at: int | None) -> Any:
    """What comes of a beam through every planned place in the room; the patient moves before `move_at`."""
    count = len(plan)
    parts = [] if move_at is None else [SuddenMove(move_at - 0.9, (0.0, MOVED_M, 0.0), duration_s=0.4)]
    skin = TrueSkin(mesh, PatientMotion.of(parts))
    times = np.arange(count, dtype=np.float64)
    up = np.array([0.0, 0.0, 1.0])
    hits = skin.cast(plan.positions_m + 0.05 * up, np.tile(-up, (count, 1)), times)
    energy = np.asarray(plan.energy_uj, np.float64) * 1e-3
    columns = {
        "spot_index": np.arange(count, dtype=np.uint32),
        "hit": hits.hit,
        "position_m": hits.position_m.ravel(),
        "rest_position_m": hits.rest_position_m.ravel(),
        "incidence_rad": np.zeros(count, np.float32),
        "defocus_mm": np.zeros(count, np.float32),
        "energy_mj": energy.astype(np.float32),
        "fluence_j_cm2": np.ones(count, np.float32),
        "time_s": times,
    }
    truth = {
        name: [values[: BATCH * len(values) // count], values[BATCH * len(values) // count :]]
        for name, values in columns.items()
    }
    return SimpleNamespace(
        fired_index=[np.arange(count)],
        fired_tick_us=[np.arange(count) * 10_000],
        fired_energy_uj=[energy * 1e3],
        truth=truth,
    )


def test_a_patient_who_lies_still_gets_what_was_planned(skin_and_plan: Any) -> None:
    mesh, plan = skin_and_plan
    seen = observed(mesh, plan, None)
    result = verify(plan, fired_spots(seen), truth_shots(seen))
    assert result.ok, [f.text for f in result.findings]


def test_a_patient_who_moves_while_firing_fails_the_verification(skin_and_plan: Any) -> None:
    """Every shot meets its planned place in the room. On the patient those after the move are 3 mm off."""
    mesh, plan = skin_and_plan
    seen = observed(mesh, plan, move_at=50)
    result = verify(plan, fired_spots(seen), truth_shots(seen))
    assert not result.ok
    assert result.misplaced == len(plan) - 50 and result.delivered == 50
    assert np.nanmax(result.miss_m) == pytest.approx(MOVED_M, rel=0.05)
    in_the_room = np.concatenate(seen.truth["position_m"]).reshape(-1, 3)
    assert np.linalg.norm((in_the_room - plan.positions_m)[:, :2], axis=1).max() < 1e-4


def test_nothing_fired_is_an_empty_truth() -> None:
    seen = SimpleNamespace(truth={})
    assert truth_shots(seen).position_m.shape == (0, 3)
