"""A running graph for tests: started by the project's own supervisor, in the ROS domain of the tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from openmtz.graph import GraphDescription, ProcessDied, Supervisor, load_graph


class Stack:
    """`with Stack(tmp_path) as stack:` runs the graph; `emissions()` reads the device's own log.

    One at a time: the one that tests share ends when another is made.

    Args:
        folder: for logs, plans and the record.
        alone: this node has a process of its own, the others as few as may be: quicker to start.
        overrides: parameters by node.
        substitutions: for `{...}` in the description.
    """

    def __init__(
        self,
        folder: Path,
        *,
        alone: str | None = None,
        overrides: dict[str, Any] | None = None,
        **substitutions: str,
    ) -> None:
        SharedStack.end()
        self.folder = folder
        self._before = 0
        graph: GraphDescription = load_graph()
        if alone is not None:
            graph = graph.with_alone(alone)
        patient = {"kind": "phantom", "phantom": "forearm", "lesions": "none"}
        given = {"simulation": {"patient_json": json.dumps(patient)}}
        given.update(overrides or {})
        self.supervisor = Supervisor(
            graph,
            log_dir=folder / "logs",
            substitutions={
                "record_path": str(folder / "record.mcap"),
                "plan_dir": str(folder / "plan"),
                **substitutions,
            },
            overrides=given,
        )

    def __enter__(self) -> Stack:
        try:
            self.supervisor.start()
            self.supervisor.wait_ready(90.0)
        except BaseException:
            self.supervisor.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()

    @property
    def died(self) -> ProcessDied | None:
        return self.supervisor.died

    def wait_died(self, timeout_s: float) -> ProcessDied:
        deadline = time.monotonic() + timeout_s
        while self.supervisor.died is None:
            assert time.monotonic() < deadline, f"nothing died within {timeout_s} s"
            time.sleep(0.005)
        return self.supervisor.died

    def begin(self) -> None:
        """From here on a test's own: what the device logged before is another's."""
        self._before += len(self.device_log())

    def device_log(self) -> list[dict[str, Any]]:
        """Lines of the simulated device's own log that are complete."""
        path = self.folder / "logs" / "scan_head_device.jsonl"
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines[self._before :]]

    def emissions(self) -> list[float]:
        """Instants of every pulse on the machine's monotonic clock [s]."""
        return [row["t"] for row in self.device_log() if row["event"] == "emission"]


class SharedStack:
    """The one stack of the tests that leave it as they found it: starting one takes seconds."""

    _running: ClassVar[Stack | None] = None

    @classmethod
    def get(cls, make: Callable[[], Stack]) -> Stack:
        """Return the stack that runs, or make and start one if none does or one of its processes died."""
        if cls._running is not None and cls._running.died is not None:
            cls.end()
        if cls._running is None:
            cls._running = make()
        cls._running.begin()
        return cls._running

    @classmethod
    def end(cls) -> None:
        """Stop it, if it runs."""
        running, cls._running = cls._running, None
        if running is not None:
            running.__exit__()


def children_of(pids: list[int]) -> list[int]:
    """Which of these processes still run (a zombie does not)."""
    alive = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            alive.append(pid)
    return alive
