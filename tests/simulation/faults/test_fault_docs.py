"""docs/faults.md shows the present catalogue, and names what nobody guards against yet."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from openmtz.simulation.faults import FAULTS


@pytest.fixture(scope="module")
def tool(root: Path) -> ModuleType:
    path = root / "tools" / "generate_fault_docs.py"
    spec = importlib.util.spec_from_file_location("generate_fault_docs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_fault_docs"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_present_catalogue(tool: ModuleType) -> None:
    assert not tool.stale(), "run python tools/generate_fault_docs.py"


def test_a_page_that_shows_another_catalogue_is_stale(tool: ModuleType, tmp_path: Path) -> None:
    before = tool.PAGE
    copy = tmp_path / "faults.md"
    copy.write_text(before.read_text(encoding="utf-8").replace("`door_open`", "`window_open`"), "utf-8")
    tool.PAGE = copy
    try:
        assert tool.stale()
    finally:
        tool.PAGE = before


def test_what_nobody_guards_against_is_listed_by_name(tool: ModuleType) -> None:
    text = tool.PAGE.read_text(encoding="utf-8")
    listed = text.split("## Without a guard yet")[1].split("\n## ")[0]
    for name, fault in FAULTS.items():
        assert (f"\n| `{name}` |" in listed) == (fault.kind == "unguarded"), name
