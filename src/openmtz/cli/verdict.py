"""The last lines of a run: what came of it and where it is written."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from openmtz.records import RunSummary


def print_verdict(console: Console, summary: RunSummary, folder: Path, report: Path | None) -> None:
    """Print the verdict, its reason, and the paths of report and record."""
    verdict = "[bold green]OK[/]" if summary.ok else "[bold red]NOT OK[/]"
    unproven = f", without evidence {summary.spots_unverified}" if summary.spots_unverified else ""
    lines = [
        f"\n{verdict}  {summary.spots_delivered} of {summary.spots_planned} spots delivered"
        f" on {summary.area_cm2:.2f} cm2 from {summary.stations} stations; missing {summary.spots_missing}"
        f"{unproven}, repeated {summary.spots_repeated}, outside the plan {summary.spots_outside_plan}"
    ]
    if summary.plan_sha256:
        lines.append(f"     plan {summary.plan_sha256[:16]}")
    if summary.reason:
        lines.append(f"     [red]{escape(summary.reason)}[/]")
    lines.append(f"     report: {report or 'none'}\n     record: {folder / 'record.mcap'}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
