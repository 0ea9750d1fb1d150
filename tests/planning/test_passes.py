"""Passes: equal totals, each evenly spaced by itself, and all of them together."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from placement_surfaces import FLAT, SURFACES, area_cm2
from scipy.spatial import cKDTree

from openmtz.planning import hexagonal_pitch_m, place_spots
from openmtz.planning.spots import passes
from openmtz.planning.spots.passes import place_passes
from openmtz.planning.spots.placement import PlacementError

SINGLE = 0.80
"""Least spacing [pitches] a single pass keeps on these surfaces."""


def spacing(points: np.ndarray, pitch: np.ndarray) -> float:
    """Return the least distance of two points in the mean of their local pitches `(N,)`."""
    distance, other = cKDTree(points).query(points, k=2)
    return float((distance[:, 1] / (0.5 * (pitch + pitch[other[:, 1]]))).min())


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("name", ["flat", "sphere"])
def test_each_pass_and_the_union_keep_their_spacing(name, count):
    vertices, faces = SURFACES[name]()
    density = 200.0 + 300.0 * (vertices[:, 1] - vertices[:, 1].min()) / np.ptp(vertices[:, 1])
    spots, pass_index = place_passes(vertices, faces, density, count, seed=3)
    assert spots.dropped == 0
    local = (density[faces[spots.face_index]] * spots.barycentric).sum(axis=1)
    assert spacing(spots.positions, hexagonal_pitch_m(local * count)) > 0.9 * SINGLE
    for k in range(count):
        own = pass_index == k
        assert spacing(spots.positions[own], hexagonal_pitch_m(local[own])) > 0.9 * SINGLE


def test_a_random_split_of_the_same_spots_is_far_worse():
    vertices, faces = SURFACES["flat"]()
    spots = place_spots(vertices, faces, 600.0, seed=1)
    own = np.random.default_rng(0).permutation(len(spots.positions)) % 2 == 0
    pitch = hexagonal_pitch_m(np.full(int(own.sum()), 300.0))
    assert spacing(spots.positions[own], pitch) < 0.9 * SINGLE


def test_every_pass_has_the_same_total_and_its_share_everywhere():
    vertices, faces = SURFACES["saddle"]()
    spots, pass_index = place_passes(vertices, faces, 221.0, 4, seed=0)
    assert np.bincount(pass_index).tolist() == [round(221.0 * area_cm2(vertices, faces))] * 4
    for k in range(4):
        quarter = (spots.positions[pass_index == k] > 0.01) @ [1, 2, 4]
        share = np.bincount(quarter & 3, minlength=4) / (pass_index == k).sum()
        assert np.abs(share - 0.25).max() < 0.02


def test_same_seed_same_bytes():
    first, again, other = (place_passes(*FLAT, 150.0, 2, seed=s) for s in (7, 7, 8))
    assert first.spots.positions.tobytes() == again.spots.positions.tobytes()
    assert first.pass_index.tobytes() == again.pass_index.tobytes()
    assert not np.array_equal(first.spots.positions, other.spots.positions)


def test_one_pass_is_a_placement():
    spots, pass_index = place_passes(*FLAT, 150.0, 1, seed=2)
    assert spots.positions.tobytes() == place_spots(*FLAT, 150.0, seed=2).positions.tobytes()
    assert not pass_index.any()


@pytest.mark.parametrize("count", [0, -1, 9, 1.5])
def test_bad_number_of_passes_is_named(count):
    with pytest.raises(PlacementError, match="from 1 to 8"):
        place_passes(*FLAT, 100.0, count)


def test_the_documented_example_runs():
    assert doctest.testmod(passes).failed == 0
