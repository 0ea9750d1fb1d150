"""Placement on a real limb (recorded depth frames of a hand and forearm) and on phantoms of limb and face."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh
from openmtz.planning import hexagonal_pitch_m, place_passes, place_spots

INTRINSICS = (476.007, 476.007, 313.683, 242.755)


@cache
def limb(folder: Path) -> TriangleMesh:
    from openmtz.simulation.patient.sources import patient_from_depth

    return patient_from_depth(folder, INTRINSICS, 0.000125).mesh


@cache
def phantom(name: str) -> TriangleMesh:
    from openmtz.simulation.patient.phantoms import make_phantom

    return make_phantom(name, "none", 3).mesh


@pytest.fixture(params=["limb", "forearm", "face"])
def skin(request: pytest.FixtureRequest) -> TriangleMesh:
    """The part of the skin within 30 mm of its middle."""
    if request.param == "limb":
        shared: Path = request.getfixturevalue("shared_data")
        mesh = limb(shared / "sr305_hand_depth" / "20210326-230536")
    else:
        mesh = phantom(request.param)
    middle = mesh.vertices[np.argmin(np.linalg.norm(mesh.vertices - mesh.vertices.mean(axis=0), axis=1))]
    near = np.linalg.norm(mesh.vertices - middle, axis=1) < 0.03
    return mesh.submesh(near[mesh.faces].all(axis=1))[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_total_spacing_surface_and_seed(skin: TriangleMesh, seed: int) -> None:
    spots = place_spots(skin.vertices, skin.faces, 442.0, seed=seed)
    area_cm2 = float(skin.face_areas().sum() * 1e4)
    assert area_cm2 > 3.0
    assert len(spots.positions) + spots.dropped == round(442.0 * area_cm2)
    assert spots.dropped <= 0.001 * len(spots.positions)
    pitch = float(hexagonal_pitch_m(442.0))
    nearest = cKDTree(spots.positions).query(spots.positions, k=2)[0][:, 1]
    assert nearest.min() >= 0.5 * pitch, "guaranteed, folds included"
    assert np.quantile(nearest, 0.01) >= 0.75 * pitch
    corners = skin.vertices[skin.faces[spots.face_index]]
    on_skin = (corners * spots.barycentric[:, :, None]).sum(axis=1)
    assert np.abs(on_skin - spots.positions).max() < 1e-9
    assert (spots.barycentric >= -1e-9).all()
    again = place_spots(skin.vertices, skin.faces, 442.0, seed=seed)
    assert np.array_equal(again.positions, spots.positions)


def test_each_pass_is_spread_by_itself(skin: TriangleMesh) -> None:
    placed = place_passes(skin.vertices, skin.faces, 221.0, 2, seed=1)
    pitch = float(hexagonal_pitch_m(221.0))
    counts = np.bincount(placed.pass_index)
    assert abs(int(counts[0]) - int(counts[1])) <= 1
    for number in (0, 1):
        own = placed.spots.positions[placed.pass_index == number]
        assert np.quantile(cKDTree(own).query(own, k=2)[0][:, 1], 0.01) >= 0.7 * pitch
