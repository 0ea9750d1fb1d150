"""Placement: exact totals, even spacing, on the surface, same seed same spots, bad input named."""

from __future__ import annotations

import doctest
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from placement_surfaces import FLAT, SURFACES, area_cm2
from scipy.spatial import cKDTree

from openmtz.planning import PlacementError, hexagonal_pitch_m, place_spots
from openmtz.planning.spots import placement


@pytest.mark.parametrize("name", SURFACES)
def test_count_spacing_and_surface(name):
    vertices, faces = SURFACES[name]()
    spots = place_spots(vertices, faces, 442.0, seed=4)
    assert len(spots.positions) == round(442.0 * area_cm2(vertices, faces))
    nearest = cKDTree(spots.positions).query(spots.positions, k=2)[0][:, 1]
    assert nearest.min() > 0.75 * hexagonal_pitch_m(442.0)
    corners = vertices[faces[spots.face_index]]
    assert np.allclose((corners * spots.barycentric[:, :, None]).sum(axis=1), spots.positions, atol=1e-12)
    assert (spots.barycentric >= 0).all()
    assert np.allclose(spots.barycentric.sum(axis=1), 1.0)
    assert np.allclose(np.linalg.norm(spots.normals, axis=1), 1.0)


def test_density_is_even_over_5_mm_balls():
    vertices, faces = SURFACES["flat"]()
    spots = place_spots(vertices, faces, 884.0, seed=1)
    rng = np.random.default_rng(0)
    centres = np.c_[rng.uniform(0.005, 0.015, (200, 2)), np.zeros(200)]
    counts = cKDTree(spots.positions).query_ball_point(centres, 0.005, return_length=True)
    error = counts / (884.0 * np.pi * 0.5**2) - 1.0
    assert np.sqrt((error**2).mean()) < 0.01
    assert np.abs(error).max() < 0.03


def test_density_follows_the_field():
    vertices, faces = SURFACES["flat"]()
    density = 200.0 + 700.0 * vertices[:, 0] / 0.02
    spots = place_spots(vertices, faces, density, seed=1)
    assert len(spots.positions) == round(550.0 * 4.0)
    counts, edges = np.histogram(spots.positions[:, 0], bins=5, range=(0, 0.02))
    wanted = (200.0 + 700.0 * (edges[:-1] + 0.002) / 0.02) * 0.8
    assert np.abs(counts / wanted - 1.0).max() < 0.05


def test_nothing_where_density_is_zero():
    vertices, faces = SURFACES["flat"]()
    density = np.where(vertices[:, 0] < 0.0095, 500.0, 0.0)
    spots = place_spots(vertices, faces, density, seed=0)
    assert spots.positions[:, 0].max() <= 0.0101


def test_same_seed_same_bytes_other_seed_other_spots():
    vertices, faces = SURFACES["saddle"]()
    first, again, other = (place_spots(vertices, faces, 300.0, seed=s).positions for s in (7, 7, 8))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)


@settings(max_examples=8, deadline=None)
@given(density=st.floats(1.0, 900.0), seed=st.integers(0, 2**32 - 1))
def test_total_is_exact_for_any_density(density, seed):
    vertices, faces = FLAT[0] * 0.5, FLAT[1]
    assert len(place_spots(vertices, faces, density, seed=seed).positions) == round(density)


def test_one_spot_and_a_sliver_and_a_double_face():
    vertices, faces = FLAT
    assert len(place_spots(vertices, faces, 0.25).positions) == 1
    sliver = np.vstack([faces, [[0, 0, 1], [0, 1, 2]]])
    spots = place_spots(vertices, sliver, 100.0)
    assert len(spots.positions) == 600
    assert np.isfinite(spots.normals).all()


@pytest.mark.parametrize(
    ("density", "words"),
    [
        (-1.0, "negative"),
        (np.nan, "NaN"),
        (0.0, "zero everywhere"),
        (0.01, "less than one"),
        (1e9, "limit"),
        (np.ones(3), r"\(4,\)"),
        (np.array([1, 1, np.inf, 1]), "1 of 4"),
    ],
)
def test_bad_density_is_named(density, words):
    with pytest.raises(PlacementError, match=words):
        place_spots(*FLAT, density)


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (FLAT[0] * np.nan, FLAT[1], "NaN"),
        (FLAT[0], np.zeros((0, 3), int), "at least one triangle"),
        (FLAT[0] * 0.0, FLAT[1], "no area"),
        (FLAT[0], [[0, 1, 9]], "vertex 9"),
    ],
)
def test_bad_mesh_is_named(vertices, faces, words):
    with pytest.raises(PlacementError, match=words):
        place_spots(vertices, faces, 100.0)


def test_the_documented_example_runs():
    assert doctest.testmod(placement).failed == 0


@pytest.mark.parametrize("name", ["cylinder", "saddle", "sphere"])
def test_spacing_is_hexagonal_like_and_follows_a_graded_density(name):
    vertices, faces = SURFACES[name]()
    span = vertices[:, 1].max() - vertices[:, 1].min()
    density = 200.0 + 700.0 * (vertices[:, 1] - vertices[:, 1].min()) / span
    spots = place_spots(vertices, faces, density, seed=3)
    local = (density[faces[spots.face_index]] * spots.barycentric).sum(axis=1)
    pitch = hexagonal_pitch_m(local)
    distance, other = cKDTree(spots.positions).query(spots.positions, k=2)
    assert (distance[:, 1] / (0.5 * (pitch + pitch[other[:, 1]]))).min() > 0.72


def test_vertices_that_are_not_shared_do_not_stop_spots():
    vertices, faces = SURFACES["saddle"]()
    apart = vertices[faces].reshape(-1, 3)
    spots = place_spots(apart, np.arange(len(apart)).reshape(-1, 3), 442.0, seed=4)
    nearest = cKDTree(spots.positions).query(spots.positions, k=2)[0][:, 1]
    assert nearest.min() > 0.75 * hexagonal_pitch_m(442.0)


def test_the_two_sides_of_a_thin_sheet_are_each_covered():
    vertices, faces = FLAT
    both = np.vstack([vertices, vertices - [0.0, 0.0, 1e-4]])
    spots = place_spots(both, np.vstack([faces, faces[:, ::-1] + 4]), 300.0, seed=0)
    upper = spots.face_index < 2
    assert upper.sum() == pytest.approx(1200, abs=2)
    for side in (upper, ~upper):
        points = spots.positions[side]
        nearest = cKDTree(points).query(points, k=2)[0][:, 1]
        assert nearest.min() > 0.72 * hexagonal_pitch_m(300.0)


def test_same_bytes_in_another_process():
    code = (
        "import numpy as np, hashlib; from openmtz.planning import place_spots;"
        "v = np.array([[0, 0, 0], [20, 0, 0], [20, 20, 3], [0, 20, 0]]) * 1e-3;"
        "s = place_spots(v, [[0, 1, 2], [0, 2, 3]], 400.0, seed=5);"
        "print(hashlib.sha256(b''.join(np.ascontiguousarray(a).tobytes() for a in s)).hexdigest())"
    )
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            for _ in range(2)}  # fmt: skip
    assert len(runs) == 1 and len(runs.pop()) > 60
