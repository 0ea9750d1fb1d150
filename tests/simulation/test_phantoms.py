"""Phantoms: known shape at the target, lesions of known depth, same seed same patient."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.capture.cleaning import rim_edges
from openmtz.simulation.patients import PATIENT_TARGET_M
from openmtz.simulation.phantoms import SHAPES, make_phantom
from openmtz.simulation.refine import refine_near


@pytest.mark.parametrize("kind", sorted(SHAPES))
@pytest.mark.parametrize("lesions", ["atrophic_scar", "striae", "none"])
def test_phantom_lies_at_the_target_facing_up(kind: str, lesions: str) -> None:
    patient = make_phantom(kind, lesions, seed=1)  # type: ignore[arg-type]
    vertices, radius = patient.mesh.vertices, patient.region_radius_m
    healthy = vertices + [0, 0, 1] * patient.lesion_depth_m[:, None]
    near = np.linalg.norm(vertices[:, :2] - PATIENT_TARGET_M[:2], axis=1) < 0.002
    assert np.abs(healthy[near, 2] - PATIENT_TARGET_M[2]).max() < 2e-4
    assert patient.mesh.face_normals()[:, 2].mean() > 0.5
    assert vertices[:, 2].min() > -0.35, "nothing lies below the bed"
    assert radius is not None and 3.0 < np.pi * (radius * 100) ** 2 < 5.0
    region = np.linalg.norm(vertices - PATIENT_TARGET_M, axis=1) < radius
    edges = vertices[patient.mesh.faces[region[patient.mesh.faces].all(axis=1)]]
    assert np.percentile(np.linalg.norm(np.diff(edges, axis=1), axis=2), 90) < 1e-3
    assert patient.synthetic_lesions == (lesions != "none") and kind in patient.name
    assert "synthetic" in patient.name or lesions == "none"


@pytest.mark.parametrize("seed", range(5))
def test_lesions_have_the_depth_they_say(seed: int) -> None:
    scars = make_phantom("cheek", "atrophic_scar", seed)
    striae = make_phantom("cheek", "striae", seed)
    healthy = make_phantom("cheek", "none", seed)
    assert not healthy.lesion_mask.any() and healthy.lesion_depth_m.max() == 0
    for patient, low, high in ((scars, 0.6e-3, 2.0e-3), (striae, 0.2e-3, 0.5e-3)):
        assert low <= patient.lesion_depth_m.max() <= high
        moved = np.linalg.norm(patient.mesh.vertices - healthy.mesh.vertices, axis=1)
        assert np.allclose(moved, patient.lesion_depth_m, atol=1e-9)
        area = float((patient.mesh.vertex_areas() * patient.lesion_mask).sum() * 1e4)
        assert 0.4 < area < 3.5
        where = patient.mesh.vertices[patient.lesion_mask] - PATIENT_TARGET_M
        assert np.linalg.norm(where[:, :2], axis=1).max() < 1.6 * patient.region_radius_m


def test_curvature_is_the_one_named() -> None:
    mesh = make_phantom("cheek", "none", 0).mesh
    relative = mesh.vertices - PATIENT_TARGET_M
    near = np.linalg.norm(relative[:, :2], axis=1) < 0.02
    x, y, z = relative[near].T
    terms = np.stack([x * x, y * y, x * y, x, y, np.ones_like(x)], axis=1)
    fit = np.linalg.lstsq(terms, z, rcond=None)[0]
    assert -0.5 / fit[0] == pytest.approx(0.070, rel=0.35)
    assert -0.5 / fit[1] == pytest.approx(0.080, rel=0.35)


def test_same_seed_same_patient_other_seed_another() -> None:
    a, b, c = (make_phantom("forearm", "atrophic_scar", seed) for seed in (4, 4, 5))
    assert np.array_equal(a.mesh.vertices, b.mesh.vertices) and np.array_equal(a.lesion_mask, b.lesion_mask)
    assert not np.array_equal(a.mesh.vertices, c.mesh.vertices)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="abdomen"):
        make_phantom("knee")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="striae"):
        make_phantom("cheek", "warts")  # type: ignore[arg-type]


def test_refinement_opens_no_cracks_and_lifts_onto_a_sphere() -> None:
    import trimesh

    from openmtz.geometry import TriangleMesh

    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.08)
    mesh = TriangleMesh(np.asarray(ball.vertices), np.asarray(ball.faces, np.int32))
    fine = refine_near(mesh, (0, 0, 0.08), 0.02, 0.001)
    assert len(rim_edges(fine.faces)) == 0
    near = np.linalg.norm(fine.vertices - [0, 0, 0.08], axis=1) < 0.019
    edges = fine.vertices[fine.faces[near[fine.faces].all(axis=1)]]
    assert np.linalg.norm(np.diff(edges, axis=1), axis=2).max() <= 0.001
    error = np.abs(np.linalg.norm(fine.vertices[near], axis=1) - 0.08)
    assert error.max() < 0.2e-3, "facets of 23 mm edges stood 0.8 mm off"
    far = np.linalg.norm(mesh.vertices - [0, 0, 0.08], axis=1) > 0.06
    assert np.isin(mesh.vertices[far], fine.vertices).all()
