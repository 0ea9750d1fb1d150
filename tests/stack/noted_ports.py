"""Ports that only note what they were told, for the work loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openmtz.devices import Event, Select, Status


class NotedLine:
    """A line to a scan head; `happened` is heard by the next turn."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.happened: list[Event] = []
        self.status: Status | None = None
        self.connected = True
        self.work_count = 0

    def events(self) -> list[Event]:
        out, self.happened = self.happened, []
        for event in out:
            if isinstance(event, Status):
                self.status = event
        return out

    def begin_selection(self, select: Select) -> None:
        self.calls.append(("begin_selection", select))

    def load(self, first: int, records: bytes) -> None:
        self.calls.append(("load", first, records))

    def relay_permit(self, frame: bytes) -> None:
        self.calls.append(("relay_permit", frame))

    def show_plan(self, plan_sha256: bytes) -> None:
        self.calls.append(("show_plan", plan_sha256))

    def close_gate(self) -> None:
        self.calls.append(("close_gate",))

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class NotedClients:
    """Processes that never answer by themselves: `asked` holds what was asked, with its callbacks."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.busy = False

    def work(self, now: float) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.asked.append((name, *arguments))

    def last(self, name: str) -> tuple[Any, ...]:
        return next(call for call in reversed(self.asked) if call[0] == name)[1:]
