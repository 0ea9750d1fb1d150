"""Processes that are `last` load beside the others and begin when those are ready."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import openmtz.graph.supervisor as module
from openmtz.graph import GraphDescription, Supervisor, load_graph

FIRST = """
import os, time
time.sleep(0.5)
print("first", time.monotonic(), flush=True)
os.write(int(os.environ["OPENMTZ_READY_FD"]), b"ready")
time.sleep(60)
"""
LAST = """
import os, select, time
select.select([int(os.environ["OPENMTZ_GO_FD"])], [], [])
print("last", time.monotonic(), flush=True)
os.write(int(os.environ["OPENMTZ_READY_FD"]), b"ready")
time.sleep(60)
"""
NEVER = "import time; time.sleep(60)"


def graph() -> GraphDescription:
    rows = [{"name": "later", "nodes": ["scan_head"], "last": True}, {"name": "first", "nodes": ["recorder"]}]
    return GraphDescription.model_validate({"version": 1, "processes": rows})


def scripts(monkeypatch: pytest.MonkeyPatch, **by_name: str) -> None:
    def command(_graph: Any, spec: Any, **_: Any) -> list[str]:
        return [sys.executable, "-c", by_name[spec.name]]

    monkeypatch.setattr(module, "process_command", command)


def said(folder: Path, name: str) -> float:
    return float((folder / f"{name}.log").read_text().split()[1])


def test_they_begin_when_the_others_are_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scripts(monkeypatch, later=LAST, first=FIRST)
    before = len(os.listdir("/proc/self/fd"))
    with Supervisor(graph(), log_dir=tmp_path, substitutions={}) as supervisor:
        supervisor.wait_ready(60.0)
        assert said(tmp_path, "later") > said(tmp_path, "first")
    assert len(os.listdir("/proc/self/fd")) == before


def test_they_begin_without_one_that_takes_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "GO_AFTER_S", 0.3)
    scripts(monkeypatch, later=LAST, first=NEVER)
    with Supervisor(graph(), log_dir=tmp_path, substitutions={}) as supervisor:
        waiting: list[str] = []
        with pytest.raises(Exception, match="not ready after 10 s: first"):
            supervisor.wait_ready(10.0, lambda names: waiting.__setitem__(slice(None), names))
        assert waiting == ["first"]


def test_a_program_cannot_be_last() -> None:
    rows = [{"name": "device", "program": "platform", "last": True}]
    with pytest.raises(ValueError, match="only nodes can be `last`"):
        GraphDescription.model_validate({"version": 1, "processes": rows})


def test_the_safety_monitor_is_last_in_our_graph() -> None:
    last = [p.nodes for p in load_graph().processes if p.last]
    assert last == [("safety_monitor",), ("scan_head",), ("recorder",)]
