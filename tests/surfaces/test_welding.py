"""Seams close by distance; what is apart stays apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skin_shapes import patch, together, turned, write_mesh

from openmtz.geometry import TriangleMesh
from openmtz.surfaces import load_skin
from openmtz.surfaces.edges import find_edges
from openmtz.surfaces.pieces import components


def split(gap: float, rng: np.random.Generator | None = None) -> TriangleMesh:
    """Return a patch cut along x = 0 into two sheets whose rims differ by up to `gap` [m] at each vertex."""
    skin = patch(nx=41)
    side = skin.vertices[skin.faces].mean(axis=1)[:, 0] > skin.vertices[20 * 34, 0]
    left, right = skin.submesh(~side)[0], skin.submesh(side)[0]
    noise = np.zeros_like(right.vertices)
    if rng is not None:
        noise = rng.uniform(-1.0, 1.0, noise.shape) * gap / np.sqrt(3.0)
    else:
        noise[:, 0] = gap
    return together(left, TriangleMesh(right.vertices + noise, right.faces))


def pieces(mesh: TriangleMesh) -> int:
    edges = find_edges(mesh.faces.astype(np.int64), len(mesh.vertices))
    return len(np.unique(components(edges.pairs, len(mesh.faces))))


@pytest.mark.parametrize("gap", [0.0, 1e-9, 5e-8, 5e-7, 5e-6, 2e-5])
def test_a_seam_closes_whatever_grid_its_vertices_lie_on(tmp_path: Path, gap: float) -> None:
    for rng in (None, np.random.default_rng(0)):
        file = write_mesh(tmp_path / "seam.ply", split(gap, rng))
        made = load_skin(file, 1.0).mesh
        assert pieces(made) == 1 and len(made.vertices) == 41 * 34


@pytest.mark.parametrize("scale", [1.0, 0.001, 0.0254])
def test_the_distance_is_one_of_the_skin_not_of_the_file(tmp_path: Path, scale: float) -> None:
    mesh = split(5e-6)
    file = write_mesh(tmp_path / "seam.ply", TriangleMesh(mesh.vertices / scale, mesh.faces))
    assert pieces(load_skin(file, scale).mesh) == 1


@pytest.mark.parametrize("gap", [1e-4, 3e-4, 1e-3])
def test_lips_and_lids_stay_apart(tmp_path: Path, gap: float) -> None:
    mesh = split(gap)
    made = load_skin(write_mesh(tmp_path / "lips.ply", mesh), 1.0).mesh
    assert pieces(made) == 2 and len(made.vertices) == len(mesh.vertices)


def test_two_sheets_upon_one_another_are_not_joined_at_their_rims(tmp_path: Path) -> None:
    from openmtz.surfaces.welding import weld_rims

    skin = patch()
    upper = TriangleMesh(skin.vertices + np.array([0.0, 0.0, 1e-5]), skin.faces)
    for lower in (skin, turned(skin)):
        both = together(lower, upper)
        welded = weld_rims(both.vertices, both.faces.astype(np.int64))
        assert welded.joined == 0 and len(welded.faces) == len(both.faces)


def test_fine_triangles_do_not_collapse() -> None:
    from openmtz.surfaces.welding import weld_rims

    skin = patch(nx=30, ny=30, step=1.5e-5)
    welded = weld_rims(skin.vertices, skin.faces.astype(np.int64))
    assert welded.joined == 0 and len(welded.faces) == len(skin.faces)


def test_a_soup_of_triangles_with_noise_is_one_skin(tmp_path: Path) -> None:
    skin = patch()
    rng = np.random.default_rng(2)
    soup = skin.vertices[skin.faces].reshape(-1, 3) + rng.uniform(-1e-7, 1e-7, (skin.faces.size, 3))
    faces = np.arange(len(soup)).reshape(-1, 3).astype(np.int32)
    made = load_skin(write_mesh(tmp_path / "soup.ply", TriangleMesh(soup, faces)), 1.0).mesh
    assert pieces(made) == 1 and len(made.vertices) == len(skin.vertices)


def test_a_seam_between_sheets_wound_otherwise_closes_too(tmp_path: Path) -> None:
    from openmtz.surfaces import SurfaceError

    mesh = split(5e-7)
    faces = mesh.faces.copy()
    half = np.arange(len(faces)) < len(faces) // 2
    faces[half] = faces[half][:, ::-1]
    with pytest.raises(SurfaceError, match="wound against the rest"):
        load_skin(write_mesh(tmp_path / "seam.ply", TriangleMesh(mesh.vertices, faces)), 1.0)
