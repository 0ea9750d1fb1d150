"""Deficits: dents of known depth found in noisy curved skin; smooth skin stays clean."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.hooks import Region
from openmtz.planning.skin.deficit import fit_course, lesions_of
from openmtz.planning.skin.region import RegionError, disc, edge_vertices, middle, smooth_normals


def examined(surface):
    return disc(surface, Region(tuple(middle(surface)), 0.022), keep_edge=True)


def test_depth_of_a_dent_is_measured(skin):
    surface = skin["scars"]
    course = fit_course(surface, examined(surface))
    near = np.linalg.norm(surface.mesh.vertices[:, :2] - [0.5045, -0.003], axis=1) < 0.0008
    assert 0.5e-3 < course.deficit_m[near].mean() < 0.95e-3
    assert course.noise_m < 0.06e-3


def test_smooth_skin_has_no_large_lesion(skin):
    course = fit_course(skin["plain"], examined(skin["plain"]))
    assert not lesions_of(skin["plain"], course, course.deficit_m > 0.00015, 0.02)


def test_bands_are_long(skin):
    course = fit_course(skin["striae"], examined(skin["striae"]))
    found = lesions_of(skin["striae"], course, course.deficit_m > 3 * course.noise_m, 0.05)
    assert len(found) == 3
    assert all(band.length_m > 2.2 * band.width_m for band in found)


def test_too_few_vertices_is_named(skin):
    area = np.zeros(len(skin["plain"].mesh.vertices), bool)
    with pytest.raises(ValueError, match="too few"):
        fit_course(skin["plain"], area)


def test_region_keeps_off_the_rim(skin):
    mesh = skin["plain"].mesh
    corner = Region(tuple(mesh.vertices[0]), 0.008)
    inside = disc(skin["plain"], corner)
    assert not (inside & edge_vertices(mesh)).any()
    with pytest.raises(RegionError, match="mm from the captured skin"):
        disc(skin["plain"], Region((0.0, 0.0, 0.0), 0.01))


def test_normals_are_free_of_noise(skin):
    surface = skin["plain"]
    rows = np.flatnonzero(np.linalg.norm(surface.mesh.vertices - middle(surface), axis=1) < 0.015)
    points = surface.mesh.vertices[rows]
    x, y = (points - [0.5, 0.0, 0.05])[:, 0], (points - [0.5, 0.0, 0.05])[:, 1]
    slope = np.sqrt(0.07**2 - x**2 - 0.6 * y**2)
    true = np.stack([x / slope, 0.6 * y / slope, np.ones(len(x))], axis=1)
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip((smooth_normals(surface.mesh, points) * true).sum(axis=1), -1, 1)))
    assert np.median(angle) < 2.0
    assert angle.max() < 6.0
