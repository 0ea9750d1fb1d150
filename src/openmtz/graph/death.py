"""A process that ended unasked: how, and what it said last."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessDied:
    """A process that ended unasked: name, exit code (negative: signal), its last log lines."""

    name: str
    nodes: tuple[str, ...]
    returncode: int
    last_lines: tuple[str, ...]
    monotonic_s: float

    @property
    def how(self) -> str:
        """How it ended, for a person."""
        if self.returncode < 0:
            return f"was killed by {signal.Signals(-self.returncode).name}"
        return f"ended with exit code {self.returncode}"

    @property
    def cause(self) -> str:
        """The line that says why, if the process said so (`error: ...`), else the last line."""
        for line in reversed(self.last_lines):
            if "error: " in line:
                return line.split("error: ", 1)[1]
        return self.last_lines[-1] if self.last_lines else "it printed nothing"


def describe_death(died: ProcessDied) -> str:
    """Return what a person needs to know of a process that ended unasked."""
    nodes = f" (nodes {', '.join(died.nodes)})" if died.nodes and died.nodes != (died.name,) else ""
    return f"{died.name}{nodes} {died.how}: {died.cause}"


def last_lines(path: Path, count: int = 12) -> list[str]:
    """Return the last lines of a log file that are not empty."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]
