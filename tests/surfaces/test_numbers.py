"""Unused vertices count for nothing; numbers coarser than 10 um are refused with their step and a way out;
hints come from what is skin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skin_shapes import ball, patch, together, write_mesh, write_ply

from openmtz.geometry import TriangleMesh
from openmtz.surfaces import SurfaceError, load_skin


@pytest.mark.parametrize("stray", [[9.0, 9.0, 9.0], [np.nan, 0.0, 0.0], [1e30, 0.0, 0.0], [np.inf] * 3])
def test_a_vertex_that_nothing_uses_counts_for_nothing(tmp_path: Path, stray: list[float]) -> None:
    skin = patch()
    made = load_skin(write_ply(tmp_path / "a.ply", np.vstack([skin.vertices, stray]), skin.faces), 1.0)
    assert np.array_equal(made.mesh.vertices, skin.vertices)
    assert [note.code for note in made.notes] == ["surface-unused"]
    with pytest.raises(SurfaceError, match=r"measures 78 m across; a scale of 0.001 metres per unit"):
        load_skin(write_ply(tmp_path / "b.ply", np.vstack([skin.vertices * 1000, stray]), skin.faces), 1.0)


def test_debris_far_away_neither_sets_the_size_nor_stays(tmp_path: Path) -> None:
    skin = patch()
    crumb = TriangleMesh(
        np.array([[9.0, 9, 9], [9.001, 9, 9], [9, 9.001, 9]]), np.array([[0, 1, 2]], np.int32)
    )
    made = load_skin(write_mesh(tmp_path / "a.ply", together(skin, crumb)), 1.0)
    assert len(made.mesh.faces) == len(skin.faces) and made.notes[0].code == "surface-debris"


@pytest.mark.parametrize(
    ("offset", "scale", "step"),
    [(4e5, 1.0, "31.25 mm"), (1e4, 1.0, "976.6 um"), (200.0, 1.0, "15.26 um"), (4e5, 0.001, "31.25 um")],
)
def test_32_bit_numbers_far_from_the_origin_name_their_step(
    tmp_path: Path, offset: float, scale: float, step: str
) -> None:
    skin = patch()
    moved = skin.vertices / scale + offset
    with pytest.raises(SurfaceError, match=rf"32-bit floats.*step is {step}.*subtract the offset"):
        load_skin(write_ply(tmp_path / "a.ply", moved, skin.faces, number="float"), scale)
    made = load_skin(write_ply(tmp_path / "b.ply", moved, skin.faces), scale)
    assert np.abs(made.mesh.vertices - offset * scale - skin.vertices).max() < 1e-8
    once = moved.astype(np.float32).astype(np.float64)
    with pytest.raises(SurfaceError, match=r"written from 32-bit floats.*|step is"):
        load_skin(write_ply(tmp_path / "c.ply", once, skin.faces), scale)


def test_32_bit_numbers_near_the_origin_are_fine(tmp_path: Path) -> None:
    skin = patch()
    load_skin(write_ply(tmp_path / "a.ply", skin.vertices + 100.0, skin.faces, number="float"), 1.0)


def obj(path: Path, mesh: TriangleMesh, form: str) -> Path:
    lines = [f"v {form % x} {form % y} {form % z}" for x, y, z in mesh.vertices]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in mesh.faces]
    path.write_text("\n".join(lines))
    return path


def test_text_of_few_digits_is_refused_and_a_regular_grid_is_not(tmp_path: Path) -> None:
    skin = ball()
    with pytest.raises(SurfaceError, match=r"rounded to 0.0001 .*more decimals"):
        load_skin(obj(tmp_path / "a.obj", skin, "%.4f"), 1.0)
    load_skin(obj(tmp_path / "b.obj", skin, "%.5f"), 1.0)
    load_skin(obj(tmp_path / "c.obj", skin, "%.6g"), 1.0)
    far = TriangleMesh(skin.vertices + 400_000.0, skin.faces)
    with pytest.raises(SurfaceError, match=r"rounded to 0.01 .*subtract the offset"):
        load_skin(obj(tmp_path / "d.obj", far, "%.2f"), 1.0)
    load_skin(obj(tmp_path / "e.obj", patch(step=0.001, bend=5.0), "%.7f"), 1.0)
    load_skin(obj(tmp_path / "f.obj", TriangleMesh(patch().vertices * [1, 1, 0], patch().faces), "%.3f"), 1.0)


def test_whole_numbers_are_as_coarse_as_their_unit(tmp_path: Path) -> None:
    skin = ball()
    file = write_ply(tmp_path / "mm.ply", np.rint(skin.vertices * 1e3), skin.faces, number="int")
    with pytest.raises(SurfaceError, match=r"whole numbers.*step is 1 mm"):
        load_skin(file, 1e-3)
    load_skin(write_ply(tmp_path / "um.ply", np.rint(skin.vertices * 1e6), skin.faces, number="int"), 1e-6)


@pytest.mark.parametrize("true_scale", [0.001, 0.01, 0.0254])
def test_a_hint_names_every_usual_unit_that_could_be(tmp_path: Path, true_scale: float) -> None:
    skin = patch()
    file = write_mesh(tmp_path / "a.ply", TriangleMesh(skin.vertices / true_scale, skin.faces))
    if true_scale == 0.0254:  # 3.1 units: as large as a person in metres
        load_skin(file, true_scale)
        return
    with pytest.raises(
        SurfaceError, match=rf"{true_scale:g}( metres per unit would make it)? 0.08 m"
    ) as caught:
        load_skin(file, 1.0)
    assert "compare with the body part" in caught.value.fix
