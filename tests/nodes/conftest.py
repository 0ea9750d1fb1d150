"""Nodes of the graph one at a time, in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from fakes import FakeLink, FakeWorker
    from in_process import Bench
    from simulated_cell import Cell


@pytest.fixture
def bench() -> Iterator[Bench]:
    from in_process import Bench

    bench = Bench()
    yield bench
    bench.close()


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> FakeLink:
    """The scan head node's line, which only notes what it was told."""
    from fakes import FakeLink

    from openmtz.nodes import scan_head

    fake = FakeLink()
    monkeypatch.setattr(scan_head, "connect", lambda *_: fake)
    return fake


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> type[FakeWorker]:
    """The capture node's worker, without a process of its own."""
    from fakes import FakeWorker

    from openmtz.nodes import surface_capture

    FakeWorker.made = []
    monkeypatch.setattr(surface_capture, "CaptureWorker", FakeWorker)
    return FakeWorker


@pytest.fixture
def cell(bench: Bench, tmp_path: Path) -> Iterator[Cell]:
    """The simulation's node, playing, with a scan head at its wires."""
    from simulated_cell import Cell

    cell = Cell(bench, tmp_path)
    yield cell
    cell.head.socket.close()


@pytest.fixture(scope="session")
def plan() -> Any:
    """A small plan on a flat piece of skin."""
    import numpy as np

    from openmtz.geometry import SkinSurface
    from openmtz.hooks import Region
    from openmtz.planning import plan_treatment
    from openmtz.simulation.patient.phantoms import make_phantom

    mesh = make_phantom("forearm", "none", 0).mesh
    near = np.linalg.norm(mesh.vertices - [0.5, 0.0, 0.05], axis=1) < 0.04
    part, _ = mesh.submesh(near[mesh.faces].all(axis=1))
    surface = SkinSurface.from_arrays(part.vertices, part.faces, voxel_m=0.001)
    result = plan_treatment(surface, "ladd", region=Region((0.5, 0.0, 0.05), 0.004), seed=0)
    return surface, result.plan
