"""Levelling: errors of the density over tens of pitches go, the pattern stays."""

from __future__ import annotations

import numpy as np
import pytest
from placement_surfaces import FLAT, SURFACES
from scipy.spatial import cKDTree

from openmtz.planning import _evening, hexagonal_pitch_m, placement

SIDE_M = 0.02
DENSITY = 884.0


def amplitude(x: np.ndarray, waves: int) -> float:
    """Return the relative density wave with `waves` periods along the side."""
    return float(2.0 * np.cos(2.0 * np.pi * waves * x / SIDE_M).mean())


@pytest.mark.parametrize("waves", [2, 3])
@pytest.mark.parametrize("name", ["flat", "two triangles"])
def test_a_wave_of_the_density_is_levelled(name, waves):
    vertices, faces = SURFACES[name]()
    ground = placement.prepare(vertices, faces, DENSITY, 1e-4)
    spots = ground.skin.lay_out(ground.total, np.random.default_rng(0))
    ground.skin.relax(spots, np.zeros(ground.total, np.int32))
    number = 2.0 * np.pi * waves / SIDE_M
    x = spots.state[:, 0] + SIDE_M / 2
    x -= 0.03 / number * np.sin(number * x)
    face = spots.owner
    for i, (px, py) in enumerate(zip(x, spots.state[:, 1] + SIDE_M / 2, strict=True)):
        found = _locate(vertices, ground.corners, px, py)
        face[i], spots.inside[i] = found[0], found[1:]
        spots.state[i, :2] = px - SIDE_M / 2, py - SIDE_M / 2
    before = amplitude(spots.state[:, 0] + SIDE_M / 2, waves)
    least = cKDTree(spots.state[:, :3]).query(spots.state[:, :3], k=2)[0][:, 1].min()
    ground.skin.level(spots)
    after = amplitude(spots.state[:, 0] + SIDE_M / 2, waves)
    assert before == pytest.approx(0.03, abs=0.006)
    assert abs(after) < 0.35 * before
    spacing = cKDTree(spots.state[:, :3]).query(spots.state[:, :3], k=2)[0][:, 1].min()
    assert spacing > least - 0.03 * hexagonal_pitch_m(DENSITY)


def _locate(vertices, corners, x: float, y: float) -> tuple[int, float, float]:
    a, b, c = (vertices[corners[:, k], :2] for k in range(3))
    u, v, p = b - a, c - a, np.array([x, y]) - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    s = (p[:, 0] * v[:, 1] - p[:, 1] * v[:, 0]) / area
    t = (u[:, 0] * p[:, 1] - u[:, 1] * p[:, 0]) / area
    at = int(np.argmax(np.minimum(np.minimum(s, t), 1.0 - s - t)))
    return at, float(s[at]), float(t[at])


@pytest.mark.parametrize(("name", "density"), [("flat", 100.0), ("flat", 884.0), ("nose", 442.0)])
def test_the_samples_stand_for_the_prescribed_density(name, density):
    vertices, faces = SURFACES[name]()
    field = density * (0.5 + vertices[:, 0] / SIDE_M)
    skin = placement.prepare(vertices, faces, field, 1e-4).skin
    points, weight, owner = _evening.quadrature(skin.mass, skin.frame, skin.corner_density, 2.0)
    assert weight.sum() == pytest.approx(skin.mass.sum(), rel=1e-5)
    assert weight.max() < 2.0 * 2.0  # a part of a triangle twice as dense on one side
    centre = skin.frame[:, :3] + (skin.frame[:, 3:6] + skin.frame[:, 6:9]) / 3.0
    assert np.abs(points - centre[owner]).max() < 3e-3
    mean = (centre * skin.mass[:, None]).sum(axis=0) / skin.mass.sum()
    assert np.abs((points * weight[:, None]).sum(axis=0) / weight.sum() - mean).max() < 2e-4


def test_too_few_spots_to_measure_are_left_alone():
    ground = placement.prepare(*FLAT, 3.0, 1e-4)
    spots = ground.skin.lay_out(ground.total, np.random.default_rng(0))
    came = spots.state.copy()
    ground.skin.level(spots)
    assert np.array_equal(came, spots.state)
