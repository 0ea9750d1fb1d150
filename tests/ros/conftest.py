"""The stack that tests share, and treatments in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stack import SharedStack, Stack
from treatment import QUICK, Treatment

PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(scope="session")
def raising_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from, with a plugin in it whose indication `raising` fails when it assesses."""
    site = tmp_path_factory.mktemp("site")
    info = site / "raising_plugin-0.1.dist-info"
    info.mkdir(parents=True)
    (site / "raising_plugin.py").write_text(
        "from openmtz.hooks import Indication, hookimpl\n\n\n"
        "@hookimpl\n"
        "def indications():\n"
        "    return [Indication('raising', 'Raising', 'raises when it assesses')]\n\n\n"
        "@hookimpl\n"
        "def assess(surface, area, indication, facts):\n"
        "    raise ZeroDivisionError('no such curvature')\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: raising_plugin\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[openmtz]\nraising = raising_plugin\n")
    return site


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, raising_plugin: Path) -> Iterator[Any]:
    """Give the shared stack, started if need be: a scan of two views, a plugin that raises installed."""

    def make() -> Stack:
        with pytest.MonkeyPatch.context() as patch:
            path = [str(raising_plugin), os.environ.get("PYTHONPATH", "")]
            patch.setenv("PYTHONPATH", os.pathsep.join(path))
            return Stack(tmp_path_factory.mktemp("shared"), overrides=QUICK).__enter__()

    yield lambda: SharedStack.get(make)
    SharedStack.end()


@pytest.fixture
def stack(shared: Any, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The shared stack, in standby; after a test that failed nobody knows how it stands, and it ends."""
    yield shared()
    if not request.node.stash.get(PASSED, False):
        SharedStack.end()


@pytest.fixture
def treatment(stack: Stack) -> Iterator[Treatment]:
    """An operator at the shared stack, for one treatment; afterwards it is ended and all is in standby."""
    treatment = Treatment(stack)
    yield treatment
    treatment.close()
