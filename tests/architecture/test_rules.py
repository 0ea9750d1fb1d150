"""Each rule finds what breaks it, in small houses made for that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from needs import needs

from tools.import_contracts import rules
from tools.import_contracts.house import House

ROOT = Path(__file__).resolve().parents[2]
LAZY = "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n"
ROOMS = {
    "h/__init__.py": "",
    "h/a/__init__.py": LAZY,
    "h/a/__init__.pyi": "from .one import ONE as ONE\nfrom . import space as space\n",
    "h/a/one.py": "import math\nONE = 1\n",
    "h/a/space.py": "",
    "h/a/own.py": "from h.a.one import ONE\n",
    "h/b/__init__.py": LAZY,
    "h/b/__init__.pyi": "from .two import TWO as TWO\nfrom .inner import DEEP as DEEP\n",
    "h/b/two.py": "TWO = 2\n",
    "h/b/shared.py": "",
    "h/b/inner/__init__.py": LAZY,
    "h/b/inner/__init__.pyi": "from .deep import DEEP as DEEP\n",
    "h/b/inner/deep.py": "from h.b import shared\nDEEP = 3\n",
    "h/free/__init__.py": "",
    "h/free/node.py": "",
}


def build(folder: Path, **more: str) -> House:
    """Return the house of ROOMS, with other files in place of some or beside them (`a_one` is h/a/one.py)."""
    files = ROOMS | {f"h/{name.replace('__', '/')}.py": text for name, text in more.items()}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return House(folder / "h", "h")


def steps_of(house: House, module: str) -> set[str]:
    return set(house.graph[module])


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("from h.a import ONE\n", {"h.a.one"}),
        ("from ..a import ONE\n", {"h.a.one"}),
        ("from h.a import space\n", {"h.a.space"}),
        ("from h import a\nx = a.ONE\n", {"h.a", "h.a.one"}),
        ("import h.a as rooms\nx = rooms.ONE\n", {"h.a", "h.a.one"}),
        ("from h import a\nf(a)\n", {"h.a", "h.a.one", "h.a.space"}),
        ("import h.a\n", {"h.a", "h.a.one", "h.a.space"}),
        ("from h.b import DEEP\n", {"h.b.inner.deep"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from h.a import ONE\n", {"h.a.one"}),
        ("def f():\n    from h.a import ONE\n", {"h.a.one"}),
        ("import math\nfrom h.free import node\n", {"h.free.node"}),
    ],
)
def test_a_name_on_a_face_is_an_import_of_its_module(tmp_path: Path, text: str, reached: set[str]) -> None:
    assert steps_of(build(tmp_path, free__user=text), "h.free.user") == reached


@pytest.mark.parametrize(
    ("module", "text", "past"),
    [
        ("b__two", "from h.a.one import ONE\n", True),
        ("b__two", "import h.a.one\n", True),
        ("b__two", "from h.a import own\n", True),
        ("b__two", "def f():\n    from h.a.one import ONE\n", True),
        ("free__node", "from h.b.inner.deep import DEEP\n", True),
        ("b__two", "from h.b.inner.deep import DEEP\n", True),
        ("b__two", "from h.a import ONE, space\n", False),
        ("b__two", "from h.b.inner import DEEP\n", False),
        ("b__inner__deep", "from h.b.shared import X\n", False),
        ("a__own", "from h.free.node import x\n", False),
    ],
)
def test_past_a_face(tmp_path: Path, module: str, text: str, past: bool) -> None:
    assert bool(rules.past_faces(build(tmp_path, **{module: text}))) is past


def test_an_underscore_module_is_found_behind_its_face_too(tmp_path: Path) -> None:
    more = {"a___hidden": "X = 1\n", "b__two": "from h.a import X\n", "a__own": "from h.a._hidden import X\n"}
    build(tmp_path, **more)
    face = tmp_path / "h/a/__init__.pyi"
    face.write_text(face.read_text() + "from ._hidden import X as X\n")
    found = rules.underscores(House(tmp_path / "h", "h"))
    assert [each.importer for each in found] == ["h.b.two"]


def test_circles_go_through_faces_and_type_checking(tmp_path: Path) -> None:
    late = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from h.b import TWO\n"
    house = build(tmp_path, a__one=late, b__two="from h.a import ONE\n")
    found = rules.circles(house, ["h"])
    assert found == ["h.a.one -> h.b.two -> h.a.one", "h.a -> h.b -> h.a"]
    assert rules.circles(house, ["h"], ["h.a.one -> h.b.two", "h.b -> h.a"]) == []


def test_rooms_can_go_in_circles_where_modules_do_not(tmp_path: Path) -> None:
    house = build(tmp_path, a__own="from h.b import TWO\n", b__shared="from h.a import ONE\n")
    assert rules.circles(house, ["h"]) == ["h.a -> h.b -> h.a"]


def test_what_a_room_stands_on_is_followed_to_the_end(tmp_path: Path) -> None:
    house = build(tmp_path, a__own="from h.free import node\n", free__node="from h.b import TWO\n")
    assert rules.reached_outside(house, "h.a", ["h.free"]) == ["h.a.own -> h.free.node -> h.b.two"]
    assert rules.reached_outside(house, "h.a", ["h.free", "h.b"]) == []


CONTRACTS = """
[tool.importlinter]
root_packages = ["h"]
include_external_packages = true
contract_types = [
    "circles: tools.import_contracts.contracts.CirclesContract",
    "faces: tools.import_contracts.contracts.FacesContract",
    "forbidden_through_faces: tools.import_contracts.through_faces.ForbiddenThroughFaces",
    "layers_through_faces: tools.import_contracts.through_faces.LayersThroughFaces",
    "rooms_exist: tools.import_contracts.contracts.RoomsExistContract",
    "siblings: tools.import_contracts.contracts.SiblingsContract",
    "stands_on: tools.import_contracts.contracts.StandsOnContract",
    "underscores: tools.import_contracts.contracts.UnderscoresContract",
]
[[tool.importlinter.contracts]]
name = "the one"
"""
USES_A = {"b__two": "from h.a import ONE\n"}
HEAVY = {"a__one": "import numba\nONE = 1\n", "b__two": "from h.a import ONE\n"}
FORBIDDEN = 'type = "forbidden_through_faces"\nsource_modules = ["h.b"]\nforbidden_modules = ["numba"]'
LAYERS = 'type = "layers_through_faces"\ncontainers = ["h"]\nexhaustive = true\nlayers = '
SIBLINGS = 'type = "siblings"\ncontainer = "h"\nabove = ["free"]\nallowed = '
CIRCLE = {"a__one": "from h.b import TWO\n", "b__two": "from h.a import ONE\n"}


@pytest.mark.parametrize(
    ("contract", "more", "said"),
    [
        ('type = "faces"', {"b__two": "import h.a.one\n"}, "h.b.two:1 -> h.a.one"),
        ('type = "faces"', USES_A, ""),
        (FORBIDDEN, HEAVY, "h.b is not allowed to import numba"),
        (FORBIDDEN, USES_A, ""),
        (LAYERS + '["free", "a", "b"]', USES_A, "h.b is not allowed to import h.a"),
        (LAYERS + '["free", "a | b"]', USES_A, "h.b is not allowed to import h.a"),
        (LAYERS + '["free", "b"]', {}, "h.a"),
        (LAYERS + '["free", "b", "a"]', USES_A, ""),
        (SIBLINGS + "[]", USES_A, "b -> a: h.b.two:1"),
        (SIBLINGS + '["b -> a: for its one"]', USES_A, ""),
        (SIBLINGS + '["b -> a"]', USES_A, 'is not "importer -> imported: why"'),
        (SIBLINGS + '["b -> a: for its one"]', {}, "strike out the line"),
        ('type = "circles"\ncontainers = ["h"]', CIRCLE, "h.a.one -> h.b.two -> h.a.one"),
        ('type = "circles"\ncontainers = ["h"]\nallowed = ["h.a -> h.b: so"]', {}, "strike out the line"),
        ('type = "stands_on"\nroom = "h.b"\non = ["h.free"]', USES_A, "h.b.two -> h.a.one"),
        ('type = "rooms_exist"', {}, ""),
    ],
)
def test_import_linter_says_so(tmp_path: Path, contract: str, more: dict[str, str], said: str) -> None:
    build(tmp_path, **more)
    assert_said(tmp_path, CONTRACTS + contract, said)


@pytest.mark.parametrize(
    "other",
    [
        LAYERS + '["free", "(gone)", "a | b"]',
        'type = "stands_on"\nroom = "h.b"\non = ["h.gone"]',
        'type = "siblings"\ncontainer = "h"\nground = ["gone"]',
    ],
)
def test_a_room_that_does_not_exist_is_named(tmp_path: Path, other: str) -> None:
    build(tmp_path)
    second = '\n[[tool.importlinter.contracts]]\nname = "exist"\ntype = "rooms_exist"\n'
    assert_said(tmp_path, CONTRACTS + other + second, "h.gone")


def assert_said(folder: Path, text: str, said: str) -> None:
    """Run import-linter in `folder`: it keeps all contracts where `said` is empty, else it breaks with it."""
    needs("importlinter")
    (folder / "pyproject.toml").write_text(text)
    (folder / "tools").symlink_to(ROOT / "tools")
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True
    )
    printed = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode == 0) is (said == ""), printed
    assert said in printed
