"""`report`: the verdict on a run computed again from its record, and its report written anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from openmtz import records
from openmtz.cli.errors import UserError
from openmtz.cli.request import RunNote, read_note
from openmtz.cli.result import Ending, build_result
from openmtz.plan import PlanError, load_plan

if TYPE_CHECKING:
    from openmtz.nodes.observation import Observed

FINAL = ("done", "stopped", "failed")


def report(
    run_dir: Path = typer.Argument(..., help="Folder of a run, with its record.mcap."),
    open_report: bool = typer.Option(False, "--open", help="Open the report in a browser at the end."),
) -> int:
    """Judge a run again from its record and write report.html and summary.json anew.

    The record holds every report of the device, every state of the safety monitor and, in simulation, the
    ground truth of every shot: the same record gives the same verdict. Exit code as of the run: 0 only when
    every planned spot was delivered once and nothing outside.
    """
    if not run_dir.is_dir():
        raise UserError(f"{run_dir} is not a folder; give the folder of a run")
    observed = observed_of(run_dir)
    plan_findings(run_dir, observed)
    before = _summary(run_dir)
    note = read_note(run_dir) or _note_of(before, observed)
    data, summary = build_result(note, run_dir, observed, _ending(before, observed))
    try:
        written = records.write_report(run_dir, data)
        records.write_summary(run_dir, summary)
    except OSError as error:
        raise UserError(f"{run_dir} cannot be written: {error.strerror or error}") from error
    print_verdict(Console(), summary, run_dir, written)
    if open_report:
        typer.launch(str(written))
    return 0 if summary.ok else 1


def observed_of(run_dir: Path) -> Observed:
    """Return what the record of a run shows.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from openmtz.nodes.recorded_run import RecordUnreadable, observe_record

    try:
        return observe_record(run_dir / "record.mcap")
    except RecordUnreadable as error:
        raise UserError(str(error)) from error


def plan_findings(run_dir: Path, observed: Observed) -> None:
    """Take the plan from the folder where the record holds none that can be read."""
    if observed.plan is None and (run_dir / "plan").is_dir():
        try:
            observed.plan, findings = load_plan(run_dir / "plan")
        except PlanError as error:
            raise UserError(str(error)) from error
        observed.findings = list(findings)


def _summary(run_dir: Path) -> records.RunSummary | None:
    try:
        return records.read_summary(run_dir)
    except (OSError, ValidationError, UnicodeDecodeError):
        return None  # a run that was cut off has none; an older one may say it otherwise


def _note_of(before: records.RunSummary | None, observed: Observed) -> RunNote:
    """Return what was asked for as far as summary and plan tell: older runs left no note."""
    header = observed.plan.header if observed.plan is not None else {}
    if before is not None:
        patient = before.details.get("patient")
        known = patient if isinstance(patient, dict) else {}
        return RunNote(indication=before.indication, seed=before.seed, patient_request=known)
    return RunNote(indication=str(header.get("indication", "unknown")), seed=int(header.get("seed", 0)))


def _ending(before: records.RunSummary | None, observed: Observed) -> Ending:
    """Return how the run ended: by the last word of the treatment, else by the summary written then."""
    status = observed.status
    seconds = dict(before.stage_seconds) if before is not None else {}
    if status is not None and status.stage in FINAL:
        return Ending(status.stage, "" if status.stage == "done" else status.detail, seconds)
    if before is not None and before.outcome != "done":
        return Ending(before.outcome, before.reason, seconds)
    stage = status.stage if status is not None else "nothing"
    return Ending("failed", f"the record ends in the stage {stage}: the run was cut off", seconds)


def print_verdict(console: Console, summary: records.RunSummary, folder: Path, report: Path | None) -> None:
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
