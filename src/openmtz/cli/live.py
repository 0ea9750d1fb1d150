"""What a person sees while a treatment runs: stages, spots, safety state. Plain lines without a terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

STAGES = ("start", "capture", "plan", "approve", "treat", "verify", "report")
_COLOURS = {
    "FIRING": "bold red",
    "READY": "yellow",
    "ARMING": "yellow",
    "HOLD": "magenta",
    "FAULT": "bold white on red",
}


class LiveView:
    """Shows a run. `stage`, `status` and `note` may be called at any rate; drawing is bounded."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stage_seconds: dict[str, float] = {}
        self._stage = ""
        self._since = time.monotonic()
        self._detail = ""
        self._result = ""
        self._safety = "OFF"
        self._permits = 0
        self._spots = Progress(
            TextColumn("  spots"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._spot_task = self._spots.add_task("spots", total=None, visible=False)
        self._live = (
            Live(console=console, refresh_per_second=5, get_renderable=self._render)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> LiveView:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_stage(broken=kind is not None)
        if self._live:
            self._live.__exit__(kind, value, trace)

    def stage(self, name: str) -> None:
        """Enter a stage; the one before is closed and its time kept."""
        if name == self._stage:
            return
        self._close_stage()
        self._stage, self._since, self._detail, self._result = name, time.monotonic(), "", ""

    def _close_stage(self, broken: bool = False) -> None:
        name, self._stage = self._stage, ""
        if name:
            took = time.monotonic() - self._since
            self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + took
            word = "[red]left[/]" if broken else "[green]done[/]"
            self.console.print(f"{word} {name:<8} {took:6.1f} s  [dim]{self._result}[/]", highlight=False)

    def status(self, detail: str, safety: str, permits: int, done: int, total: int) -> None:
        """Show what the treatment and the safety monitor say."""
        self._detail = detail or self._detail
        self._safety, self._permits = safety or self._safety, permits
        if total:
            self._spots.update(self._spot_task, completed=done, total=total, visible=True)

    def result(self, text: str) -> None:
        """Say what the present stage has come to; it stands behind its time when it is done."""
        self._result = text or self._result

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self.console.print(f"     [dim]{escape(text)}[/]", highlight=False)

    def _render(self) -> Any:
        table = Table.grid(padding=(0, 1))
        row = Text()
        for name in STAGES:
            done = name in self.stage_seconds
            style = "bold cyan" if name == self._stage else ("green" if done else "dim")
            row.append(f" {name} ", style=style)
        table.add_row(row)
        state = Text("  safety ")
        state.append(f" {self._safety} ", style=_COLOURS.get(self._safety, "dim"))
        state.append(f"  permits {self._permits}   {self._detail}", style="dim")
        table.add_row(state)
        if self._spots.tasks[0].visible:
            table.add_row(self._spots)
        return table
