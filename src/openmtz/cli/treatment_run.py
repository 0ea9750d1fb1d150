"""Runs one treatment through a graph of its own and gathers the result: folder, report, summary."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from openmtz import hooks, records
from openmtz.cli.errors import UserError
from openmtz.cli.live import LiveView
from openmtz.cli.report import observed_of, print_verdict
from openmtz.cli.request import RunNote, TreatmentOutcome, TreatmentRequest, note_of, write_note
from openmtz.cli.result import Ending, build_result
from openmtz.graph import (
    GraphError,
    StackLock,
    Supervisor,
    describe_death,
    device_of_run,
    load_graph,
)
from openmtz.plan import Severity, summarise
from openmtz.simulation import patient

if TYPE_CHECKING:
    from openmtz.nodes.observation import Observed
    from openmtz.nodes.operator import OperatorClient

START_TIMEOUT_S = 60.0
"""A start that uses no processor time for so long hangs [s]."""
STANDBY_TIMEOUT_S = 120.0
TREATMENT_TIMEOUT_S = 3600.0
EVIDENCE_TIMEOUT_S = 30.0
"""Reports that are later than this are missing [s]."""


def run_treatment(request: TreatmentRequest, console: Console | None = None) -> TreatmentOutcome:
    """Run the treatment; prints progress and the summary.

    Raises:
        UserError: unknown indication, the graph cannot start, no room for the record.
    """
    console = console or Console()
    _check_indication(request.indication)
    lock = StackLock()
    try:
        lock.acquire()
        description = load_graph(request.graph, allow_foreign_programs=request.allow_foreign_programs)
        folder = records.new_run_folder(request.indication, request.seed, request.out)
    except (GraphError, records.RunFolderError) as error:
        lock.release()
        raise UserError(str(error)) from error
    console.print(
        f"OpenMTZ simulated treatment: [bold]{request.indication}[/], seed {request.seed} -> {folder}"
    )
    note = note_of(request, datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"))
    write_note(folder, note)
    substitutions = {
        "seed": str(request.seed),
        "record_path": str(folder / "record.mcap"),
        "plan_dir": str(folder / "plan"),
    }
    # The patient is new with every run, without any dose; so is the device's memory of it.
    substitutions |= device_of_run(folder / "logs")
    if request.serial_port:
        substitutions["serial_port"] = request.serial_port
    overrides = {"simulation": {"patient_json": json.dumps(request.patient.as_request())}}
    with LiveView(console) as view:
        view.stage("start")
        try:
            supervisor = Supervisor(
                description,
                log_dir=folder / "logs",
                substitutions=substitutions,
                overrides=overrides,
                lock=lock,
            )
        except GraphError as error:
            raise UserError(str(error)) from error
        try:
            with supervisor:
                observed, outcome, reason = _drive(request, supervisor, view)
        except KeyboardInterrupt:
            _write_interrupted(folder, request)
            raise
        view.stage("report")
        result = _conclude(note, folder, observed, outcome, reason, view)
    print_verdict(console, result.summary, folder, result.report)
    return result


def _check_indication(name: str) -> None:
    try:
        hooks.load_plugins().provider(name)
    except (hooks.UnknownIndication, hooks.PluginError) as error:
        raise UserError(str(error)) from error


def _drive(request: TreatmentRequest, supervisor: Supervisor, view: LiveView) -> tuple[Observed, str, str]:
    """Start, ask for the treatment, act as the operator; returns what was seen, outcome and reason."""
    from openmtz.nodes.operator import OperatorClient
    from openmtz.nodes.simulated_operator import SimulatedOperator

    client = OperatorClient()  # before the graph is ready: whoever comes later is found later
    try:
        supervisor.wait_ready(
            START_TIMEOUT_S, lambda missing: view.status("waiting for " + ", ".join(missing), "", 0, 0, 0)
        )
        client.started = time.monotonic()
        operator = SimulatedOperator(client)
        outcome, reason = _treat(request, supervisor, view, client, operator.act)
        _await_evidence(client, supervisor, view)
        return client.observed, outcome, reason
    except GraphError as error:
        raise UserError(str(error)) from error
    finally:
        client.close()


def _await_evidence(client: OperatorClient, supervisor: Supervisor, view: LiveView) -> None:
    """A verdict is due when every report of a shot and its ground truth have arrived, or come no more: after
    a death the others are being ended too."""
    deadline = time.monotonic() + EVIDENCE_TIMEOUT_S
    while time.monotonic() < deadline:
        client.pump(0.4)
        evidence = client.view.evidence()
        if supervisor.died or evidence is None or evidence.complete:
            return
        view.status(f"waits for evidence: {evidence.text}", "", 0, 0, 0)


def _treat(
    request: TreatmentRequest, supervisor: Supervisor, view: LiveView, client: Any, act: Callable[[], str]
) -> tuple[str, str]:
    plan_request: dict[str, Any] = {"facts": request.facts}
    if request.allow_partial:
        plan_request["overrides"] = {"allow_partial": True}
    if request.patient.region is not None:
        # The simulation lays the centre of the region at the patient target, whatever the source's frame.
        center = list(patient.PATIENT_TARGET_M)
        plan_request["region"] = {"center_m": center, "radius_m": request.patient.region[3]}
    deadline = time.monotonic() + TREATMENT_TIMEOUT_S
    try:
        client.wait_for_standby(STANDBY_TIMEOUT_S)
        future = client.start_treatment(request.indication, plan_request, request.seed)
        while not future.done():
            client.pump(0.05)
            if supervisor.died:
                client.pump(0.2)
                for line in supervisor.died.last_lines[-5:]:
                    view.note(f"{supervisor.died.name} | {line}")
                return "failed", describe_death(supervisor.died) + " (laser off, everything else shut down)"
            if time.monotonic() > deadline:
                return "failed", f"no end after {TREATMENT_TIMEOUT_S:.0f} s"
            _show(client.observed, view)
            if request.confirm and _asks_approval(client.observed) and not _confirmed(client.observed, view):
                return "stopped", "the operator did not approve the plan"
            said = act()
            if said:
                view.note(said)
        result = future.result().result
    except (TimeoutError, RuntimeError, ValueError) as error:
        died = supervisor.died
        return "failed", describe_death(died) if died else str(error)
    _show(client.observed, view)
    return ("done", "") if result.success else ("failed", result.reason)


def _show(observed: Observed, view: LiveView) -> None:
    status, safety = observed.status, observed.safety
    if status is not None and status.stage in ("capture", "plan", "approve", "treat", "verify"):
        view.stage(status.stage)
        view.result(_came_to(status.stage, observed))
        state = safety.state_name if safety is not None else ""
        view.status(status.detail, state, observed.permits, status.spots_done, status.spots_total)


def _came_to(stage: str, observed: Observed) -> str:
    """Say in a few words what a stage has come to so far."""
    quality, plan, status = observed.capture_quality, observed.plan, observed.status
    if stage == "capture" and quality is not None:
        return f"{quality.frames_fused} frames, {quality.area_cm2:.0f} cm2 of skin"
    if stage == "approve" and plan is not None:
        area = plan.header.get("area_cm2", 0.0)
        return f"{len(plan)} spots on {area:.2f} cm2, {len(plan.station_pose)} stations"
    if stage == "treat" and status is not None and status.spots_done:
        return f"{status.spots_done} of {status.spots_total} spots"
    return ""


def _asks_approval(observed: Observed) -> bool:
    status, plan = observed.status, observed.plan
    return status is not None and status.waiting_for == "approval" and plan is not None


_answered: set[str] = set()


def _confirmed(observed: Observed, view: LiveView) -> bool:
    """Ask a person; without a terminal nobody can answer, so the answer is no."""
    plan = observed.plan
    assert plan is not None
    if plan.sha256 in _answered:
        return True
    for finding in observed.findings:
        if finding.severity >= Severity.WARNING:
            view.note(f"{finding.severity.name.lower()}: {finding.text}")
    view.console.print(
        f"plan {plan.sha256[:12]}: {escape(summarise(plan).text)}. Approve? [y/N] ",
        highlight=False,
        soft_wrap=True,
    )
    yes = sys.stdin.isatty() and sys.stdin.readline().strip().lower() in ("y", "yes")
    if yes:
        _answered.add(plan.sha256)
    return yes


def _conclude(
    note: RunNote, folder: Path, observed: Observed, outcome: str, reason: str, view: LiveView
) -> TreatmentOutcome:
    """Verify against the truth, write report and summary."""
    ending = Ending(outcome, reason, dict(view.stage_seconds))
    data, summary = build_result(note, folder, _on_record(folder, observed, view), ending)
    report: Path | None = None
    try:
        report = records.write_report(folder, data)
    except OSError as error:
        view.note(f"the report could not be written: {error}")
    records.write_summary(folder, summary)
    return TreatmentOutcome(summary.ok, folder, report, summary)


def _on_record(folder: Path, observed: Observed, view: LiveView) -> Observed:
    """Return what the record holds, which lacks nothing that came late; what was seen live where the record
    cannot be read or holds no plan."""
    try:
        recorded = observed_of(folder)
    except UserError as error:
        view.note(str(error))
        return observed
    return observed if recorded.plan is None and observed.plan is not None else recorded


def _write_interrupted(folder: Path, request: TreatmentRequest) -> None:
    summary = records.RunSummary(
        ok=False,
        outcome="stopped",
        reason="interrupted by the user",
        indication=request.indication,
        seed=request.seed,
    )
    with contextlib.suppress(OSError):
        records.write_summary(folder, summary)
