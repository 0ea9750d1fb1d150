"""Stand-ins for what a node talks to beside ROS: the scan head's line, the capture worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar


class FakeLink:
    """A scan head's line that only notes what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.status = None
        self.connected = True
        self.work_count = 0
        self.happened: list[Any] = []

    def events(self) -> list[Any]:
        out, self.happened = self.happened, []
        return out

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **_: self.calls.append((name, *arguments))


class FakeWorker:
    """A capture worker that may die."""

    made: ClassVar[list[FakeWorker]] = []

    def __init__(self) -> None:
        self.dead = False
        self.error = ""
        self.fused = 0
        self.active = False
        FakeWorker.made.append(self)

    def _check(self) -> None:
        from openmtz.capture import WorkerDied

        if self.dead:
            raise WorkerDied("the capture worker ended by itself", "start again")

    def progress(self) -> Any:
        self._check()
        return SimpleNamespace(ready=True, fused=self.fused, error=self.error)

    def start(self, _settings: Any) -> None:
        self._check()
        self.active = True

    def cancel(self) -> None:
        if self.active:
            self._check()
        self.active = False

    def submit(self, *_: Any) -> None:
        self._check()

    def close(self) -> None:
        pass
