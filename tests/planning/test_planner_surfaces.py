"""On phantoms and the real head: one station per spot, no-fire kept, seams even, same hash."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))
from surfaces import even_manager

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.hooks import Region
from openmtz.plan import Severity
from openmtz.planning import plan_treatment
from openmtz.records.plan_pictures import density_error
from openmtz.safety import check_on_skin

RADIUS_M = 0.016


@pytest.fixture(scope="module", params=["cheek", "forearm", "abdomen", "head"])
def skin(request) -> tuple[SkinSurface, np.ndarray]:
    """Return a surface in the world and the middle of the region."""
    if request.param != "head":
        from openmtz.simulation.patient.phantoms import make_phantom

        patient = make_phantom(request.param, "none", seed=2)
        mesh = patient.mesh
        return SkinSurface.from_arrays(mesh.vertices, mesh.faces), np.asarray(patient.target_m)
    from openmtz.cli.plan_surface import read_surface, refined

    file = request.getfixturevalue("shared_data") / "lps_head" / "LeePerrySmith.glb"
    placed = read_surface(file, 0.05, None, False)
    middle = np.array([0.5, 0.0, 0.05])
    return refined(placed.surface, middle, RADIUS_M), middle


@pytest.fixture(scope="module")
def planned(skin):
    surface, middle = skin
    eye = middle + np.array([0.006, 0.004, 0.0])
    volume = {"kind": "sphere", "center_m": eye.tolist(), "radius_m": 0.003}
    overrides = {"no_fire": [volume], "no_fire_margin_m": 0.001}

    def make():
        return plan_treatment(
            surface, "even", {}, 7, even_manager(), Region(tuple(middle), RADIUS_M), overrides
        )

    return surface, make(), eye, make


def test_the_safety_monitor_finds_the_plan_on_the_skin_and_its_beams_free(planned):
    """Two ways of looking, each with its own code, agree."""
    surface, result, _, _ = planned
    assert check_on_skin(result.plan, surface.mesh) == []
    lower = TriangleMesh(surface.mesh.vertices - [0.0, 0.0, 0.002], surface.mesh.faces)
    assert {f.code for f in check_on_skin(result.plan, lower)} == {"spots-off-skin"}


def test_every_spot_once_and_none_within_no_fire(planned):
    surface, result, eye, _ = planned
    plan = result.plan
    assert len(np.unique(plan.position_nm, axis=0)) == len(plan) > 1500
    assert set(plan.station.tolist()) == set(range(len(plan.station_pose)))
    assert np.linalg.norm(plan.positions_m - eye, axis=1).min() >= 0.004
    keys = [(g.station, g.pass_index) for g in plan.groups()]
    assert len(keys) == len(set(keys))
    refused = sum(plan.header["refused"].values())
    inside = (result.density_per_cm2[surface.mesh.faces] > 0).all(axis=1)
    per_face = result.density_per_cm2[surface.mesh.faces].mean(axis=1) * surface.mesh.face_areas() * 1e4
    assert len(plan) + refused == pytest.approx(per_face[inside].sum(), abs=2)
    assert not [f for f in result.findings if f.severity == Severity.REFUSAL and f.count > 0.01 * len(plan)]


def test_seams_are_even(planned):
    surface, result, eye, _ = planned
    plan = result.plan
    pairs = cKDTree(plan.positions_m).query_pairs(0.001, output_type="ndarray")
    across = pairs[plan.station[pairs[:, 0]] != plan.station[pairs[:, 1]]]
    error, inner = density_error(plan, surface, result.density_per_cm2, 0.005)
    inner &= (
        np.linalg.norm(plan.positions_m - eye, axis=1) > 0.0095
    )  # the ball would reach the no-fire volume
    seam = np.zeros(len(plan), bool)
    seam[across.ravel()] = True
    seam &= inner
    assert len(plan.station_pose) > 1 and len(across)
    if seam.any():
        assert np.abs(error[seam]).max() <= 0.08


def test_same_seed_same_hash(planned):
    _, result, _, make = planned
    assert make().plan.sha256 == result.plan.sha256
