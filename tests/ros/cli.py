"""The command line as a person uses it: a process, its output, what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from stack import SharedStack

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


@dataclass
class Run:
    """One call of `openmtz`; `start` it, then `finish`."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self) -> subprocess.Popen[str]:
        SharedStack.end()
        environment = {
            **os.environ,
            "COLUMNS": "200",
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
