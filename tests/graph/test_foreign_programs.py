"""A graph file starts programs of the installation, others only when that is wanted; what moves interlock
lines stays in the simulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from openmtz.graph import GraphError, load_graph


def written(folder: Path, process: str) -> Path:
    path = folder / "graph.yaml"
    path.write_text(f"version: 1\nprocesses:\n  - name: one\n    {process}\n")
    return path


@pytest.mark.parametrize(
    "program",
    ["http.server", "os", "openmtz_evil", "openmtz", "openmtz..x", "openmtz.x;y", "-c", "./openmtz.x", ""],
)
def test_a_foreign_program_is_refused_unless_wanted(tmp_path: Path, program: str) -> None:
    path = written(tmp_path, f"program: '{program}'")
    with pytest.raises(
        GraphError, match="allow-foreign-programs" if program else "either `nodes` or a `program`"
    ):
        load_graph(path)
    if program:
        assert load_graph(path, allow_foreign_programs=True).processes[0].program == program


def test_a_program_of_the_installation_starts(tmp_path: Path) -> None:
    path = written(tmp_path, "program: openmtz.simulation.scan_head_device\n    only: simulation")
    assert load_graph(path).processes[0].own
    assert all(process.own for process in load_graph().processes)


@pytest.mark.parametrize("process", ["nodes: [simulation]", "program: openmtz.simulation.scan_head_device"])
@pytest.mark.parametrize("only", ["", "\n    only: hardware"])
def test_the_simulation_s_services_are_not_on_hardware(tmp_path: Path, process: str, only: str) -> None:
    with pytest.raises(GraphError, match="only: simulation"):
        load_graph(written(tmp_path, process + only), allow_foreign_programs=True)
    assert all(p.simulated is (p.only == "simulation") for p in load_graph().processes)
