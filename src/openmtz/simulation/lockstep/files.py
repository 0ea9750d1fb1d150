"""What a lockstep run leaves behind: event log, device log, truth, plan, report and summary in one folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from openmtz.plan import Finding, Severity, save_plan
from openmtz.records import (
    RunData,
    RunSummary,
    SafetyEvent,
    TimelineEvent,
    delivery_fields,
    write_report,
    write_summary as write_summary_file,
)
from openmtz.safety import cause_text
from openmtz.simulation.lockstep.run import SimulationResult, truth_of

_TIMELINE = {"stage": "stage", "safety": "safety", "withheld": "withheld", "fault": "event"}


def summary_of(result: SimulationResult) -> RunSummary:
    """Return the run's summary, as a run of the graph has one; the harms stand in its details."""
    plan, verdict = result.plan, result.verification
    ok = result.outcome == "done" and verdict is not None and verdict.ok
    surface_id = result.surface.surface_id if result.surface is not None else ""
    return RunSummary(
        ok=ok,
        outcome="failed" if result.outcome == "done" and not ok else result.outcome,
        reason=result.reason or ("" if ok else "The delivery is not what was planned."),
        indication=result.scenario.indication,
        seed=result.seed,
        **delivery_fields(plan, surface_id, verdict),
        safety_events=[
            SafetyEvent(t_s=e["t"], state=e["name"], cause=e["cause"], detail=e["text"])
            for e in result.log.of("safety")
        ],
        details={
            "scenario": result.scenario.name,
            "harms": [
                asdict(h) | {"first_s": None if np.isnan(h.first_s) else h.first_s} for h in result.harms
            ],
            "as_expected": result.as_expected,
            "log_sha256": result.log.sha256,
            "virtual_s": round(result.sim_s, 3),
        },
    )  # fmt: skip


def write_result(folder: Path, result: SimulationResult, device_log: list[dict[str, object]]) -> Path:
    """Write everything to `folder` (which exists); return the report's path.

    Raises:
        OSError: it cannot be written.
    """
    (folder / "events.jsonl").write_text(result.log.lines(), encoding="utf-8")
    lines = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in device_log)
    (folder / "device.jsonl").write_text(lines, encoding="utf-8")
    np.savez_compressed(folder / "truth.npz", allow_pickle=False, **result.truth)
    if result.plan is not None:
        save_plan(result.plan, result.findings, folder / "plan")
    summary = summary_of(result)
    report = write_report(folder, _run_data(result, summary))
    write_summary_file(folder, summary)
    return report


def _run_data(result: SimulationResult, summary: RunSummary) -> RunData:
    timeline = []
    for entry in result.log.entries:
        kind = _TIMELINE.get(entry["kind"])
        if kind is not None:
            detail = str(entry.get("text") or entry.get("parameters") or "")
            if kind == "withheld":
                detail = " ".join(cause_text(code) for code in entry["name"].split(", ") if code)
            timeline.append(TimelineEvent(entry["t"], kind, entry["name"], detail))
    return RunData(
        indication=result.scenario.indication,
        seed=result.seed,
        outcome=summary.outcome,
        reason=summary.reason,
        patient="; ".join(
            (f"{result.patient.name} (scenario {result.scenario.name}, lockstep)", *result.patient.notes)
        ),
        simulated=True,
        surface=result.surface,
        plan=result.plan,
        findings=[*_harms(result), *result.findings],
        fired=result.fired,
        truth=truth_of(result.truth) if result.plan is not None else None,
        verification=result.verification,
        timeline=timeline,
        shot_times_s=result.truth["time_s"],
        summary=summary.model_dump(),
    )


def _harms(result: SimulationResult) -> list[Finding]:
    """The harms as findings, so that the report's reader sees them first."""
    return [
        Finding(
            Severity.REFUSAL,
            "ground truth",
            found.name,
            f"harm: {found.name}, worst {found.worst:.3g} {found.unit} (limit {found.limit:g})",
            count=found.count,
        )
        for found in result.harms
    ]
