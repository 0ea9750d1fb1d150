"""The launch file starts what `./openmtz up` starts. `launch` is not on PyPI: it is stood in for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from launch_stand_ins import Recorded, filled_in, load_launch_file

from openmtz.graph import load_graph


@pytest.fixture
def launch_file(monkeypatch: pytest.MonkeyPatch) -> Any:
    more = {
        "launch.actions": dict.fromkeys(("EmitEvent", "ExecuteProcess", "RegisterEventHandler"), Recorded),
        "launch.event_handlers": {"OnProcessExit": Recorded},
        "launch.events": {"Shutdown": Recorded},
    }
    return load_launch_file("openmtz.launch.py", monkeypatch, more)


def context(launch_file: Any, tmp_path: Path, **given: str) -> dict[str, str]:
    return filled_in(launch_file, **{"out": str(tmp_path / "run"), **given})


def commands(actions: list[Any]) -> dict[str, list[str]]:
    return {a.kwargs["name"]: a.kwargs["cmd"] for a in actions if type(a).__name__ == "ExecuteProcess"}


@pytest.mark.parametrize("mode", ["simulation", "hardware"])
def test_the_same_processes_as_the_description(launch_file: Any, tmp_path: Path, mode: str) -> None:
    given = context(launch_file, tmp_path, mode=mode, serial_port="/dev/ttyUSB0", seed="7")
    found = commands(launch_file._processes(given))
    specs = load_graph().for_mode(mode == "simulation")
    assert list(found) == [s.name for s in specs]
    for spec in specs:
        command = found[spec.name]
        assert ("--critical" in command) == (spec.critical and not spec.program)
        if spec.nodes:
            assert tuple(command[-len(spec.nodes) :]) == spec.nodes
            assert ("--use-sim-time" in command) == (mode == "simulation")
    head = json.loads(Path(found["scan_head"][found["scan_head"].index("--parameters") + 1]).read_text())
    assert head["scan_head"]["port"] == "/dev/ttyUSB0"


def test_every_process_that_ends_ends_the_launch(launch_file: Any, tmp_path: Path) -> None:
    actions = launch_file._processes(context(launch_file, tmp_path))
    handlers = [a for a in actions if type(a).__name__ == "RegisterEventHandler"]
    assert len(handlers) == len(commands(actions))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mode": "dream"}, "must be simulation or hardware"),
        ({"mode": "hardware"}, "serial_port"),
        ({"plugin": "openmtz_freckles"}, "openmtz_freckles"),
    ],
)
def test_bad_arguments_are_named(launch_file: Any, tmp_path: Path, given: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        launch_file._processes(context(launch_file, tmp_path, **given))


def test_a_record_is_never_overwritten(launch_file: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "record.mcap").write_bytes(b"precious")
    with pytest.raises(ValueError, match="nothing is overwritten"):
        launch_file._processes(context(launch_file, tmp_path))
