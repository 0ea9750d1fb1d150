"""Where the outside is: an open piece keeps its winding, a closed one its volume, and where nothing tells it
is asked for. Nothing is ever planned from inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skin_shapes import above, ball, patch, together, turned, write_mesh, write_ply

from openmtz.geometry import TriangleMesh
from openmtz.surfaces import SurfaceError, load_skin, parse_outward

UP = np.array([0.0, 0.0, 1.0])


def facing(mesh: TriangleMesh) -> np.ndarray:
    total = mesh.face_cross().sum(axis=0)
    return total / np.linalg.norm(total)


@pytest.mark.parametrize("bend", [6.0, 0.0, -6.0], ids=["hollow", "flat", "hill"])
def test_an_open_piece_keeps_its_winding(tmp_path: Path, bend: float) -> None:
    skin = load_skin(write_mesh(tmp_path / "a.ply", patch(bend=bend)), 1.0)
    assert facing(skin.mesh) @ UP > 0.99 and not skin.notes
    down = load_skin(write_mesh(tmp_path / "b.ply", turned(patch(bend=bend))), 1.0)
    assert facing(down.mesh) @ UP < -0.99


def test_normals_that_agree_are_a_second_word_and_others_ask(tmp_path: Path) -> None:
    skin = patch()
    normals = skin.vertex_normals()
    file = write_mesh(tmp_path / "a.ply", skin, normals=normals)
    assert facing(load_skin(file, 1.0).mesh) @ UP > 0.99
    for against in (-normals, np.where(np.arange(len(normals))[:, None] % 2, normals, -normals)):
        file = write_mesh(tmp_path / "b.ply", skin, normals=against)
        with pytest.raises(SurfaceError, match=r"normals in the file.*--outward"):
            load_skin(file, 1.0)
        assert facing(load_skin(file, 1.0, parse_outward("0,0,1")).mesh) @ UP > 0.99


def test_zero_normals_say_nothing(tmp_path: Path) -> None:
    skin = patch()
    file = write_mesh(tmp_path / "a.ply", skin, normals=np.zeros_like(skin.vertices))
    assert facing(load_skin(file, 1.0).mesh) @ UP > 0.99


def half_turned() -> TriangleMesh:
    skin = patch()
    faces = skin.faces.copy()
    half = skin.vertices[faces].mean(axis=1)[:, 0] > 0
    faces[half] = faces[half][:, ::-1]
    return TriangleMesh(skin.vertices, faces)


def test_half_a_sheet_wound_otherwise_is_oriented_by_its_neighbours_then_asked_for(tmp_path: Path) -> None:
    skin = half_turned()
    file = write_mesh(tmp_path / "half.ply", skin)
    with pytest.raises(SurfaceError, match=r"wound against the rest.*--outward"):
        load_skin(file, 1.0)
    for word, way in (("0,0,1", 1.0), ("0,0.3,-1", -1.0)):
        made = load_skin(file, 1.0, parse_outward(word))
        assert facing(made.mesh) @ UP * way > 0.99 and len(made.mesh.faces) == len(skin.faces)
    normals = patch().vertex_normals()
    told = load_skin(write_mesh(tmp_path / "told.ply", skin, normals=normals), 1.0)
    assert facing(told.mesh) @ UP > 0.99, "the normals decide where the winding cannot"


def test_a_few_turned_triangles_follow_the_rest(tmp_path: Path) -> None:
    skin = patch()
    faces = skin.faces.copy()
    faces[100:105] = faces[100:105][:, ::-1]
    made = load_skin(write_mesh(tmp_path / "few.ply", TriangleMesh(skin.vertices, faces)), 1.0)
    assert (made.mesh.face_normals()[:, 2] > 0).all()
    assert any("were turned" in note.text for note in made.notes)


def test_closed_pieces_are_turned_each_by_itself(tmp_path: Path) -> None:
    one, other = ball(), turned(ball())
    other = TriangleMesh(other.vertices + np.array([0.3, 0.0, 0.0]), other.faces)
    made = load_skin(write_mesh(tmp_path / "two.ply", together(one, other)), 1.0)
    for middle in ([0.0, 0.0, 0.0], [0.3, 0.0, 0.0]):
        centres = made.mesh.vertices[made.mesh.faces].mean(axis=1) - middle
        near = np.linalg.norm(centres, axis=1) < 0.1
        assert ((centres * made.mesh.face_normals()).sum(axis=1)[near] > 0).all()


def test_a_head_with_a_hole_at_the_neck_wound_inwards_asks(tmp_path: Path) -> None:
    bag = turned(above(ball(), -0.065))
    file = write_mesh(tmp_path / "bag.ply", bag)
    with pytest.raises(SurfaceError, match="the inside of the body"):
        load_skin(file, 1.0)
    made = load_skin(file, 1.0, parse_outward("0,0,1")).mesh
    centres = made.vertices[made.faces].mean(axis=1)
    assert ((centres * made.face_normals()).sum(axis=1) > 0).all()


def test_both_windings_of_one_sheet_ask(tmp_path: Path) -> None:
    skin = patch()
    both = together(skin, turned(skin))
    file = write_mesh(tmp_path / "both.ply", both)
    with pytest.raises(SurfaceError, match="in both windings"):
        load_skin(file, 1.0)
    made = load_skin(file, 1.0, parse_outward("0,0,1")).mesh
    assert facing(made) @ UP > 0.99 and len(made.faces) == len(skin.faces)


def test_a_band_with_one_side_asks(tmp_path: Path) -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 120, endpoint=False)
    wide = np.linspace(-0.01, 0.01, 6)
    t, w = np.meshgrid(turn, wide, indexing="ij")
    r = 0.05 + w * np.cos(t / 2)
    points = np.stack([r * np.cos(t), r * np.sin(t), w * np.sin(t / 2)], -1).reshape(-1, 3)
    index = np.arange(120 * 6).reshape(120, 6)
    after = np.concatenate([index[1:], index[:1, ::-1]])
    a, b, c, d = (v.ravel() for v in (index[:, :-1], after[:, :-1], after[:, 1:], index[:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    with pytest.raises(SurfaceError, match="one side only"):
        load_skin(write_ply(tmp_path / "band.ply", points, faces), 1.0)


def test_a_word_on_all_pieces_does_not_turn_one_whose_winding_says_otherwise(tmp_path: Path) -> None:
    front = patch(bend=-3.0)
    back = turned(TriangleMesh(front.vertices + np.array([0.1, 0.0, 0.0]), front.faces))
    file = write_mesh(tmp_path / "two.ply", together(front, back))
    assert (
        np.sort(np.sign(load_skin(file, 1.0).mesh.face_normals()[:, 2])) == np.repeat([-1, 1], 2574)
    ).all()
    with pytest.raises(SurfaceError, match="faces the other way by its winding"):
        load_skin(file, 1.0, parse_outward("0,0,1"))
    made = load_skin(file, 1.0, parse_outward("0,0,1@0.1,0,0")).mesh
    assert (made.face_normals()[:, 2] > 0).all()


@pytest.mark.parametrize("text", ["", "1,2", "0,0,0", "a,b,c", "0,0,nan", "0,0,1@1,2", ";"])
def test_a_word_that_is_none_is_named(text: str) -> None:
    with pytest.raises(SurfaceError, match="outward direction"):
        parse_outward(text)


def test_points_alone_ask_and_their_normals_tell(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    xy = rng.uniform(-0.04, 0.04, (9000, 2))
    points = np.column_stack([xy, 5.0 * (xy[:, 0] ** 2)])
    normals = np.column_stack([-10.0 * xy[:, 0], np.zeros(len(xy)), np.ones(len(xy))])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    bare = write_ply(tmp_path / "bare.ply", points)
    with pytest.raises(SurfaceError, match="points without normals"):
        load_skin(bare, 1.0)
    assert facing(load_skin(bare, 1.0, parse_outward("0,0,-1")).mesh) @ UP < -0.99
    for way in (1.0, -1.0):
        made = load_skin(write_ply(tmp_path / "n.ply", points, normals=way * normals), 1.0)
        assert facing(made.mesh) @ UP * way > 0.99
        assert any("a surface was laid through" in note.text for note in made.notes)
    mixed = np.where(rng.random(len(normals))[:, None] < 0.5, normals, -normals)
    with pytest.raises(SurfaceError, match="both sides"):
        load_skin(write_ply(tmp_path / "m.ply", points, normals=mixed), 1.0)
