"""Each reader of what a user or plugin hands in keeps to a limit and says so in its own error."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openmtz.cli.errors import UserError
from openmtz.graph import GraphError, load_graph
from openmtz.optics import CalibrationError, FieldCalibration
from openmtz.plan import PlanError, load_plan
from openmtz.plan.codec import MAGIC
from openmtz.plan.files import JSON_FILE, MOST_MB, PLAN_FILE
from openmtz.plan.reading import plan_from_bytes
from openmtz.planning.fields_file import FIELDS_FILE, FieldsFileError, load_fields
from openmtz.planning.skin import SurfaceFileError, load_surface
from openmtz.robot.urdf_check import UrdfInvalid, validate_urdf

DEEP = "[" * 100_000


def bomb(path: Path, name: str) -> None:
    """An NPZ of a few kB whose array would have 2 GB."""
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{name}.npy", b"\x93NUMPY")
    # The size stated for it, in the central directory (offset 24 of its entry).
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2_000_000_000).to_bytes(4, "little")
    path.write_bytes(bytes(data))


def sparse(path: Path, megabytes: float) -> None:
    with open(path, "wb") as file:
        file.truncate(int(megabytes * 1e6) + 1)


def a_bomb_of_fields(folder: Path) -> None:
    bomb(folder / FIELDS_FILE, "region")
    load_fields(folder)


def a_bomb_of_a_surface(folder: Path) -> None:
    bomb(folder / "surface.npz", "faces")
    load_surface(folder / "surface.npz")


def a_pickle_as_surface(folder: Path) -> None:
    np.savez(folder / "surface.npz", format_version=1, surface_id=np.array([{}], object))
    load_surface(folder / "surface.npz")


def a_surface_of_words(folder: Path) -> None:
    other = dict.fromkeys(("voxel_m", "vertices_m", "faces", "normals", "quality"), 1.0)
    np.savez(folder / "s.npz", format_version=np.array([1, 2]), surface_id="a", **other)
    load_surface(folder / "s.npz")


def a_huge_plan(folder: Path) -> None:
    sparse(folder / PLAN_FILE, MOST_MB[PLAN_FILE])
    load_plan(folder)


def a_huge_plan_text(folder: Path) -> None:
    (folder / PLAN_FILE).write_bytes(MAGIC)
    sparse(folder / JSON_FILE, MOST_MB[JSON_FILE])
    load_plan(folder)


def a_deep_plan_text(folder: Path) -> None:
    (folder / PLAN_FILE).write_bytes(MAGIC)
    (folder / JSON_FILE).write_text(DEEP)
    load_plan(folder)


def a_deep_header(_: Path) -> None:
    plan_from_bytes(MAGIC + len(DEEP).to_bytes(4, "little") + DEEP.encode())


def a_huge_calibration(folder: Path) -> None:
    sparse(folder / "c.json", 5)
    FieldCalibration.load(folder / "c.json")


def a_deep_calibration(folder: Path) -> None:
    (folder / "c.json").write_text(DEEP)
    FieldCalibration.load(folder / "c.json")


def an_arm_of_entities(folder: Path) -> None:
    (folder / "a.urdf").write_text('<!DOCTYPE a [<!ENTITY b "c">]><robot name="&b;"/>')
    validate_urdf(folder / "a.urdf")


def a_huge_arm(folder: Path) -> None:
    sparse(folder / "a.urdf", 20)
    validate_urdf(folder / "a.urdf")


def a_graph_of_aliases(folder: Path) -> None:
    (folder / "g.yaml").write_text("a: &a [1]\nb: [" + ", ".join(["*a"] * 101) + "]\n")
    load_graph(folder / "g.yaml")


def a_graph_without_end(_: Path) -> None:
    load_graph(Path("/dev/zero"))


def a_deep_request(folder: Path) -> None:
    from openmtz.cli.plan_run import _read_json

    (folder / "r.json").write_text(DEEP)
    _read_json(folder / "r.json", "--request")


def a_huge_request(folder: Path) -> None:
    from openmtz.cli.plan_run import _read_json

    (folder / "r.json").write_text(json.dumps("x" * 10_000_001))
    _read_json(folder / "r.json", "--request")


@pytest.mark.parametrize(
    ("read", "error", "says"),
    [
        (a_bomb_of_fields, FieldsFileError, "would unpack to 2000 MB; 1000 MB are the most"),
        (a_bomb_of_a_surface, SurfaceFileError, "would unpack to 2000 MB; 1000 MB are the most"),
        (a_pickle_as_surface, SurfaceFileError, "Python objects"),
        (a_surface_of_words, SurfaceFileError, "no surface file"),
        (a_huge_plan, PlanError, "larger than 300 MB"),
        (a_huge_plan_text, PlanError, "larger than 50 MB"),
        (a_deep_plan_text, PlanError, "cannot be read as a plan folder"),
        (a_deep_header, PlanError, "truncated or damaged"),
        (a_huge_calibration, CalibrationError, "larger than 5 MB"),
        (a_deep_calibration, CalibrationError, "no calibration file"),
        (an_arm_of_entities, UrdfInvalid, "document type"),
        (a_huge_arm, UrdfInvalid, "larger than 20 MB"),
        (a_graph_of_aliases, GraphError, "more than 100 aliases"),
        (a_graph_without_end, GraphError, "a device or a pipe"),
        (a_deep_request, UserError, "no JSON"),
        (a_huge_request, UserError, "larger than 10 MB"),
    ],
)
def test_a_reader_refuses_with_its_own_error(
    tmp_path: Path, read: Callable[[Path], None], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        read(tmp_path)


def test_no_reader_goes_around_the_limits() -> None:
    """Who reads arrays, YAML or pickles of others goes through `openmtz.files`."""
    source = Path(__file__).resolve().parents[2] / "src" / "openmtz"
    # pickles between a process and its own child, through a pipe; an archive that is written, never read
    allowed = {"capture/process.py", "planning/skin/surface_file.py"}
    ways = ("np.load(", "np.fromfile(", "np.loadtxt(", "np.genfromtxt(", "yaml.load(", "yaml.safe_load(",
            "pickle.load", "tarfile.", "gzip.", "zipfile.ZipFile(")  # fmt: skip
    found = [
        f"{file.relative_to(source)}: {way}"
        for file in sorted(source.rglob("*.py"))
        for way in ways
        if file.parent.name != "files"
        and str(file.relative_to(source)) not in allowed
        and way in file.read_text()
    ]
    assert not found
