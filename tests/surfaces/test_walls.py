"""Hollow exports: skin is the sheet that is seen from outside, the others are left out, or it is asked
for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skin_shapes import above, ball, hollow, patch, together, turned, write_mesh

from openmtz.geometry import TriangleMesh
from openmtz.surfaces import SurfaceError, load_skin, parse_outward

THICKNESSES = (0.0005, 0.002, 0.01)


def same(mesh: TriangleMesh, outer: TriangleMesh) -> bool:
    """Say whether a mesh is `outer`, in whatever order, facing as it does."""
    if len(mesh.faces) != len(outer.faces):
        return False
    rows = [
        np.sort(
            np.round(np.c_[m.vertices[m.faces].mean(axis=1), m.face_normals()], 6).view("f8,f8,f8,f8,f8,f8"),
            0,
        )
        for m in (mesh, outer)
    ]
    return bool(all(np.allclose(rows[0][name], rows[1][name], atol=2e-6) for name in rows[0].dtype.names))


@pytest.mark.parametrize("thickness", THICKNESSES)
@pytest.mark.parametrize("joined", [False, True])
def test_a_hollow_body_with_a_hole_is_its_outer_wall(tmp_path: Path, thickness: float, joined: bool) -> None:
    outer = above(ball(), -0.065)
    file = write_mesh(tmp_path / "bottle.ply", hollow(outer, thickness, joined=joined))
    made = load_skin(file, 1.0)
    assert same(made.mesh, outer)
    assert any("not seen from outside" in note.text for note in made.notes)


@pytest.mark.parametrize("depths", [(0.002,), (0.002, 0.004), (0.001, 0.002, 0.003)])
def test_closed_walls_within_one_another_are_the_outermost(tmp_path: Path, depths: tuple[float, ...]) -> None:
    for outer in (ball(), above(ball(), -0.065)):
        made = load_skin(write_mesh(tmp_path / "walls.ply", hollow(outer, *depths)), 1.0)
        assert same(made.mesh, outer)


@pytest.mark.parametrize("bend", [5.0, 0.0, -5.0])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("thickness", THICKNESSES)
def test_two_sides_of_a_patch_ask_and_the_users_side_is_kept(
    tmp_path: Path, bend: float, joined: bool, thickness: float
) -> None:
    outer = patch(bend=bend)
    file = write_mesh(tmp_path / "wall.ply", hollow(outer, thickness, joined=joined))
    with pytest.raises(SurfaceError, match=r"back to back.*--outward"):
        load_skin(file, 1.0)
    assert same(load_skin(file, 1.0, parse_outward("0,0,1")).mesh, outer)
    below = load_skin(file, 1.0, parse_outward("0,0,-1")).mesh
    assert (below.face_normals()[:, 2] < 0).all() and len(below.faces) == len(outer.faces)


def test_a_sheet_under_another_is_left_out(tmp_path: Path) -> None:
    skin = patch()
    lower = TriangleMesh(skin.vertices - [0.0, 0.0, 0.003], skin.faces)
    assert same(load_skin(write_mesh(tmp_path / "a.ply", together(lower, skin)), 1.0).mesh, skin)


def test_sheets_that_face_each_other_ask(tmp_path: Path) -> None:
    skin = patch()
    lower = TriangleMesh(skin.vertices - [0.0, 0.0, 0.003], skin.faces)
    file = write_mesh(tmp_path / "a.ply", together(lower, turned(skin)))
    with pytest.raises(SurfaceError, match="face each other"):
        load_skin(file, 1.0)


def test_what_is_no_wall_stays(tmp_path: Path) -> None:
    """A finger is thin all round; an ear stands near the head; lips face each other: all of it skin."""
    finger = ball(radius=1.0)
    finger = TriangleMesh(finger.vertices * [0.0045, 0.0045, 0.03], finger.faces)
    assert same(load_skin(write_mesh(tmp_path / "finger.ply", finger), 1.0).mesh, finger)
    skin = patch(bend=-5.0)
    hand = ball(subdivisions=3, radius=0.012)
    hand = TriangleMesh(hand.vertices + np.array([0.0, 0.0, 0.03]), hand.faces)
    both = together(skin, hand)
    assert len(load_skin(write_mesh(tmp_path / "both.ply", both), 1.0).mesh.faces) == len(both.faces)


def test_a_piece_inside_a_closed_one_is_left_out(tmp_path: Path) -> None:
    eye = ball(subdivisions=3, radius=0.012)
    made = load_skin(write_mesh(tmp_path / "eye.ply", together(ball(), eye)), 1.0)
    assert same(made.mesh, ball())
