"""`./openmtz plan`, `plan show`, `plan diff`: a folder that holds; one clear line where it cannot."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from needs import needs

from openmtz.cli import app
from openmtz.plan.files import load_plan
from openmtz.planning.skin.surface_file import SurfaceFileError, load_surface

trimesh = needs("trimesh")
QUIET = ["--indication", "ladd", "--site", "forearm", "--fitzpatrick", "2", "--no-reach", "--no-pictures"]


def run(monkeypatch, capfd, *arguments: object) -> tuple[int, str, str]:
    """Return exit code, output and errors of one command."""
    monkeypatch.setattr(sys, "argv", ["openmtz", *map(str, arguments)])
    code = app.main()
    out = capfd.readouterr()
    return code, out.out, out.err


@pytest.fixture(scope="module")
def skin_file(tmp_path_factory):
    """A forearm-like mesh in millimetres."""
    folder = tmp_path_factory.mktemp("skin")
    line = np.linspace(-20.0, 20.0, 41)
    x, y = np.meshgrid(line, line, indexing="ij")
    z = np.sqrt(45.0**2 - x**2)
    index = np.arange(41 * 41).reshape(41, 41)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    file = folder / "arm.ply"
    trimesh.Trimesh(np.stack([x, y, z], -1).reshape(-1, 3), faces, process=False).export(file)
    return file


def test_plan_show_diff(skin_file, tmp_path, monkeypatch, capfd):
    base = ["plan", "--surface", skin_file, "--scale", "0.001", "--region", "0,0,0.045,0.006", *QUIET]
    code, out, err = run(monkeypatch, capfd, *base, "--out", tmp_path / "a")
    assert code == 0, err
    plan, _ = load_plan(tmp_path / "a")
    assert f"{len(plan)} in" in out and "choosing stations" in err
    assert {"plan.omtz", "plan.json", "spots.ply", "surface.npz", "fields.npz"} == {
        p.name for p in (tmp_path / "a").iterdir()
    }
    surface = load_surface(tmp_path / "a" / "surface.npz")
    assert surface.surface_id == plan.header["surface_id"]

    saved = ["plan", "--surface", tmp_path / "a" / "surface.npz", "--region", "0.5,0,0.05,0.006", *QUIET]
    assert run(monkeypatch, capfd, *saved, "--out", tmp_path / "b")[0] == 0
    assert load_plan(tmp_path / "b")[0].sha256 == plan.sha256, "the saved surface gives the same plan"
    code, out, _ = run(monkeypatch, capfd, "plan", "diff", tmp_path / "a", tmp_path / "b")
    assert code == 0 and "the same plan" in out

    assert run(monkeypatch, capfd, *saved, "--seed", "4", "--out", tmp_path / "c")[0] == 0
    code, out, _ = run(monkeypatch, capfd, "plan", "diff", tmp_path / "a", tmp_path / "c")
    assert code == 1 and "seed" in out and "only in b" in out

    code, out, _ = run(monkeypatch, capfd, "plan", "show", tmp_path / "a")
    assert code == 0 and "ladd" in out
    for name in ("stations", "order", "heat", "evenness"):
        picture = (tmp_path / "a" / f"{name}.png").read_bytes()
        assert picture[:4] == b"\x89PNG" and len(picture) > 10_000


def test_request_file_and_polygon(skin_file, tmp_path, monkeypatch, capfd):
    request = tmp_path / "request.json"
    no_fire = [{"kind": "sphere", "center_m": [0.5, 0.0, 0.05], "radius_m": 0.002}]
    request.write_text(json.dumps({"facts": {"fitzpatrick": 2}, "overrides": {"no_fire": no_fire}}))
    polygon = tmp_path / "polygon.json"
    corners = [
        [x, y, float(np.sqrt(0.045**2 - x**2))] for x, y in ((-6e-3, -5e-3), (6e-3, -5e-3), (0.0, 7e-3))
    ]
    polygon.write_text(json.dumps(corners))
    out = tmp_path / "p"
    code, _, err = run(
        monkeypatch, capfd, "plan", "--surface", skin_file, "--scale", "0.001", "--request", request,
        "--polygon", polygon, *QUIET, "--out", out,
    )  # fmt: skip
    assert code == 0, err
    plan, _ = load_plan(out)
    assert np.linalg.norm(plan.positions_m - [0.5, 0.0, 0.05], axis=1).min() >= 0.003
    assert plan.header["facts"]["site"] == "forearm" and plan.header["refused"]["no-fire-volume"] > 10


def refusals(folder):
    good = ["--out", folder / "x"]
    text = folder / "text.ply"
    text.write_text("this is no mesh")
    points = folder / "few.ply"
    trimesh.PointCloud(np.zeros((5, 3))).export(points)
    npz = folder / "other.npz"
    np.savez(npz, a=1)
    bad_json = folder / "bad.json"
    bad_json.write_text("{")
    full = folder / "full"
    full.mkdir()
    (full / "something").write_text("x")
    return {
        "no file": (["--surface", folder / "none.ply", *good], "no such file"),
        "no mesh": (["--surface", text, *good], "cannot be read"),
        "few points": (["--surface", points, *good], "few.ply"),
        "not a surface": (["--surface", npz, *good], "no surface file"),
        "no out": (["--surface", text], "--out"),
        "full out": (["--surface", text, "--out", full], "never overwritten"),
        "bad request": (["--surface", text, "--request", bad_json, *good], "no JSON"),
        "bad calibration": (["--surface", text, "--calibration", bad_json, *good], "no calibration file"),
        "two regions": (["--surface", text, "--whole", "--region", "0,0,0,1", *good], "one region only"),
    }


def test_what_cannot_be_says_so_in_one_line(tmp_path, monkeypatch, capfd):
    for name, (arguments, words) in refusals(tmp_path).items():
        code, _, err = run(monkeypatch, capfd, "plan", *arguments)
        assert code == 2, name
        assert words in err and "Traceback" not in err, name
        assert not (tmp_path / "x").exists(), name


def test_wrong_wishes_say_so(skin_file, tmp_path, monkeypatch, capfd):
    base = ["plan", "--surface", skin_file, "--no-reach", "--no-pictures", "--out", tmp_path / "x"]
    for more, words in (
        ([], "metres per unit"),
        (["--scale", "0.001", "--indication", "warts"], "unknown indication"),
        (["--scale", "0.001", "--indication", "ladd", "--region", "1,0,0,0.01"], "from the captured skin"),
        (["--scale", "0.001", "--indication", "ladd", "--density-scale", "nan"], "density_scale"),
        (["--scale", "0.001", "--indication", "ladd", "--density-scale", "0"], "density_scale"),
        (["--scale", "0.001", "--indication", "ladd", "--site", "knee"], "site"),
        (["--scale", "0.001", "--indication", "ladd", "--profile", "none"], "unknown handpiece profile"),
    ):
        code, _, err = run(monkeypatch, capfd, *base, *more)
        assert code == 2 and words in err and "Traceback" not in err, (more, err)
    assert not (tmp_path / "x").exists()


def test_show_and_diff_name_what_is_no_plan(tmp_path, monkeypatch, capfd):
    code, _, err = run(monkeypatch, capfd, "plan", "show", tmp_path)
    assert code == 2 and "is no plan folder" in err
    code, _, err = run(monkeypatch, capfd, "plan", "diff", tmp_path, tmp_path)
    assert code == 2 and "is no plan folder" in err


def test_help_teaches(monkeypatch, capfd):
    code, out, _ = run(monkeypatch, capfd, "plan", "--help")
    assert code == 0 and "Examples" in out and "plan diff" in out


def test_a_changed_surface_file_is_noticed(skin_file, tmp_path):
    from openmtz.geometry import SkinSurface
    from openmtz.planning.skin.surface_file import save_surface

    mesh = trimesh.load(skin_file, process=False)
    surface = SkinSurface.from_arrays(np.asarray(mesh.vertices) * 1e-3, np.asarray(mesh.faces))
    file = save_surface(surface, tmp_path / "s.npz")
    assert load_surface(file).surface_id == surface.surface_id
    with np.load(file) as data:
        values = {key: data[key] for key in data.files}
    values["vertices_m"] = values["vertices_m"] + 1e-5
    np.savez_compressed(file, **values)
    with pytest.raises(SurfaceFileError, match="changed"):
        load_surface(file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(SurfaceFileError, match="damaged"):
        load_surface(file)


def test_a_file_that_does_not_tell_its_outside_asks_for_it(skin_file, tmp_path, monkeypatch, capfd):
    mesh = trimesh.load(skin_file, process=False)
    faces = np.array(mesh.faces)
    faces[: len(faces) // 2] = faces[: len(faces) // 2, ::-1]
    file = tmp_path / "half.ply"
    trimesh.Trimesh(mesh.vertices, faces, process=False).export(file)
    base = ["plan", "--surface", file, "--scale", "0.001", "--region", "0,0,0.045,0.006", *QUIET]
    code, _, err = run(monkeypatch, capfd, *base, "--out", tmp_path / "x")
    assert code == 2 and "--outward x,y,z" in err and not (tmp_path / "x").exists()
    code, out, err = run(monkeypatch, capfd, *base, "--outward", "0,0,1", "--out", tmp_path / "a")
    assert code == 0 and "were turned" in out, err
    assert (load_plan(tmp_path / "a")[0].normals[:, 2] > 0.9).all()
    code, _, err = run(monkeypatch, capfd, *base, "--outward", "up", "--out", tmp_path / "b")
    assert code == 2 and "is not three numbers" in err


def test_skin_of_the_region_beyond_a_crack_is_stated(skin_file, tmp_path, monkeypatch, capfd):
    mesh = trimesh.load(skin_file, process=False)
    right = mesh.vertices[mesh.faces].mean(axis=1)[:, 0] > 2.0
    halves = [mesh.submesh([np.flatnonzero(side)], append=True) for side in (~right, right)]
    halves[1].vertices += [0.4, 0.0, 0.0]
    file = tmp_path / "crack.ply"
    trimesh.util.concatenate(halves).export(file)
    base = ["plan", "--surface", file, "--scale", "0.001", "--region", "0,0,0.045,0.008", *QUIET]
    code, out, err = run(monkeypatch, capfd, *base, "--out", tmp_path / "a")
    assert code == 0, err
    assert "cm2 of the region do not hang together with its middle" in out
