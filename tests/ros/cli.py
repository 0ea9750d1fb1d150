"""The command line as a person uses it: a process, its output, what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from stack import SharedStack

from openmtz.graph import load_graph
from openmtz.graph.description import share_folder

MARK = "OPENMTZ_TEST_MARK"


def quick_graph(folder: Path) -> Path:
    """The graph with a scan of three views and a quick arm: the same stages in less time."""
    text = (share_folder() / "config" / "graph.yaml").read_text()
    assert "  treatment: {}" in text
    path = folder / "quick_graph.yaml"
    quick = "  treatment: {views: 3, frames_per_view: 4, speed_fraction: 1.0}"
    path.write_text(text.replace("  treatment: {}", quick))
    return path


def part_of_graph(folder: Path, *processes: str) -> Path:
    """These processes of the graph and no others: for what one of them must say before it is ready.

    Judged from outside it is the same: command, supervisor, process and its last words. What it leaves
    out is the start of neighbours that are ended again before they have loaded.
    """
    graph = load_graph()
    chosen = [p.model_dump(mode="json") for p in graph.processes if p.name in processes]
    assert len(chosen) == len(processes), f"the graph has {[p.name for p in graph.processes]}"
    nodes = {node for process in chosen for node in process["nodes"]}
    parameters = {node: values for node, values in graph.parameters.items() if node in nodes}
    path = folder / "part_of_graph.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "processes": chosen, "parameters": parameters}))
    return path


@dataclass
class Run:
    """One call of `openmtz`; `start` it, then `finish`."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)
    """The user's state, where simulated devices are kept: one of this run alone."""

    def start(self) -> subprocess.Popen[str]:
        SharedStack.end()
        environment = {
            **os.environ,
            "COLUMNS": "200",
            "XDG_STATE_HOME": self.state.name,
            MARK: self.mark,
            **self.environment,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "openmtz.cli", *self.arguments],
            env=environment,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, timeout_s: float = 150.0) -> tuple[int, str]:
        """Run to the end; returns exit code and everything printed."""
        process = self.start()
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise AssertionError(f"not done after {timeout_s} s:\n{output}") from None
        return process.returncode, output

    def left_running(self) -> list[str]:
        """Command lines of processes that carry this run's mark and still run."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if f"{MARK}={self.mark}".encode() in environment and state != "Z":
                found.append(command)
        return found
