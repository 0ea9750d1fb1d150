"""From what was seen to what is written: verification, report data, summary."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz import __version__, planning, records

if TYPE_CHECKING:
    from openmtz.cli.request import RunNote
    from openmtz.nodes.observation import Observed

_PACKAGES = ("rclpy", "numpy", "open3d-cpu", "mujoco", "pin", "ruckig", "pluggy", "pyserial", "mcap")


class Ending(NamedTuple):
    """How a run ended: `outcome` done, stopped or failed, the `reason` for a person, seconds by stage."""

    outcome: str
    reason: str
    stage_seconds: dict[str, float]


def build_result(
    note: RunNote, folder: Path, observed: Observed, ending: Ending
) -> tuple[records.RunData, records.RunSummary]:
    """Verify the delivery against the simulation's truth and gather report data and summary.

    The same whether the run was watched or read from its record.
    """
    verification = judged(observed)
    outcome, reason = ending.outcome, ending.reason
    if verification is not None and outcome == "done" and not verification.ok:
        outcome, reason = "failed", reason or why_not(verification)
    times = RunTimes.of(observed)
    summary = _summary(note, observed, verification, Ending(outcome, reason, ending.stage_seconds), times)
    fields = planning.load_fields(folder / "plan")
    data = records.RunData(
        indication=note.indication,
        seed=note.seed,
        outcome=outcome,
        reason=reason,
        started_utc=note.started_utc,
        patient=note.patient,
        assumed=note.assumed,
        surface=observed.surface,
        severity=fields.get("severity"),
        deficit_depth_m=fields.get("deficit_depth_m"),
        density_per_cm2=fields.get("density_per_cm2"),
        untreated_cause=fields.get("untreated_cause"),
        plan=observed.plan,
        findings=observed.findings,
        fired=fired_spots(observed),
        truth=_truth_known(observed),
        verification=verification,
        timeline=times.events,
        permit_times_s=times.permits,
        shot_times_s=times.shots,
        capture=quality_facts(observed.capture_quality),
        environment=environment(),
        summary=summary.model_dump(),
    )
    return data, summary


def judged(observed: Observed) -> records.Verification | None:
    """Return the verdict on what was observed, None without a plan."""
    plan = observed.plan
    if plan is None:
        return None
    executed = observed.executed.get(plan.sha256)
    return records.verify(plan, fired_spots(observed), _truth_known(observed), executed=executed)


def _truth_known(observed: Observed) -> records.TruthShots | None:
    """Return the truth of all shots; None where shots were reported and nobody told the truth of any, as in a
    cell that is not simulated."""
    if observed.fired_index and not observed.truth:
        return None
    return truth_shots(observed)


def why_not(verification: records.Verification) -> str:
    """Say why a treatment that ran to its end is not as planned."""
    if verification.unverified and not verification.missing:
        return "evidence is missing: what was delivered is not proven"
    return "the delivery is not what was planned"


def _summary(
    note: RunNote,
    observed: Observed,
    verification: records.Verification | None,
    ending: Ending,
    times: RunTimes,
) -> records.RunSummary:
    surface_id = observed.surface.surface_id if observed.surface is not None else ""
    return records.RunSummary(
        ok=ending.outcome == "done" and verification is not None and verification.ok,
        outcome=ending.outcome,
        reason=ending.reason,
        indication=note.indication,
        seed=note.seed,
        **records.delivery_fields(observed.plan, surface_id, verification),
        safety_events=[
            records.SafetyEvent(t_s=t - times.begin, state=state, cause=cause, detail=detail)
            for t, state, cause, detail in observed.safety_events
        ],
        stage_seconds=ending.stage_seconds,
        details={"permits_granted": observed.permits, "patient": note.patient_request},
    )


class RunTimes(NamedTuple):
    """Times of a run [s] counted from when the treatment was asked for, at `begin` on the observer's clock:
    what happened, `permits` `(K,)` granted, `shots` `(M,)` fired; None where they were not looked at."""

    begin: float
    events: list[records.TimelineEvent]
    permits: NDArray[np.float64] | None
    shots: NDArray[np.float64] | None

    @classmethod
    def of(cls, observed: Observed) -> RunTimes:
        """Return them. Of what was before the treatment only the state it began in is told."""
        asked = [t for t, kind, name, _ in observed.events if kind == "stage" and name != "idle"]
        begin = min(asked) if asked else min((t for t, *_ in observed.events), default=0.0)
        before: dict[str, records.TimelineEvent] = {}
        later = []
        for t, kind, name, detail in observed.events:
            event = records.TimelineEvent(max(t - begin, 0.0), kind, name, detail)
            if t < begin:
                before[kind] = event
            else:
                later.append(event)
        permits = np.asarray(observed.permit_times, np.float64) - begin
        shots = np.concatenate(observed.shot_times) - begin if observed.shot_times else np.empty(0)
        return cls(
            begin,
            [*before.values(), *later],
            permits if len(permits) else None,
            shots if len(shots) else None,
        )


def fired_spots(observed: Observed) -> records.FiredSpots:
    """Return the device's report of all shots."""
    if not observed.fired_index:
        return records.FiredSpots(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return records.FiredSpots(
        np.concatenate(observed.fired_index),
        np.concatenate(observed.fired_tick_us),
        np.concatenate(observed.fired_energy_uj),
    )


def truth_shots(observed: Observed) -> records.TruthShots:
    """Return the simulation's truth of all shots; empty if nothing was fired.

    Places are those on the skin at rest: a plan is of the skin. Where the patient has moved, a shot at the
    planned place in the room is not at the planned place on the skin.
    """

    def column(name: str) -> Any:
        parts = observed.truth.get(name, [])
        return np.concatenate(parts) if parts else np.empty(0)

    return records.TruthShots(
        spot_index=column("spot_index").astype(np.int64),
        hit=column("hit").astype(bool),
        position_m=column("rest_position_m").reshape(-1, 3),
        incidence_rad=column("incidence_rad"),
        defocus_m=column("defocus_mm") * 1e-3,
        energy_mj=column("energy_mj"),
        fluence_j_cm2=column("fluence_j_cm2"),
        time_s=column("time_s"),
    )


def quality_facts(quality: Any) -> dict[str, Any]:
    """Return CaptureQuality as plain facts."""
    if quality is None:
        return {}
    return {name: getattr(quality, name) for name in quality.get_fields_and_field_types()}


def environment() -> dict[str, str]:
    """Return versions and machine, for the report."""
    versions = {
        "OpenMTZ": __version__,
        "Python": platform.python_version(),
        "system": platform.platform(terse=True),
    }
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
