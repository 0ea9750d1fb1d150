"""From what was seen to what is written: verification, report data, summary."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmtz import __version__, planning, records

if TYPE_CHECKING:
    from openmtz.cli.request import TreatmentRequest
    from openmtz.nodes.operator_view import Observed

_PACKAGES = ("rclpy", "numpy", "open3d-cpu", "mujoco", "pin", "ruckig", "pluggy", "pyserial", "mcap")


def build_result(
    request: TreatmentRequest,
    folder: Path,
    observed: Observed,
    outcome: str,
    reason: str,
    started_utc: str,
    stage_seconds: dict[str, float],
) -> tuple[records.RunData, records.RunSummary]:
    """Verify the delivery against the simulation's truth and gather report data and summary."""
    fired = fired_spots(observed)
    truth = truth_shots(observed)
    plan = observed.plan
    verification = records.verify(plan, fired, truth) if plan is not None else None
    if verification is not None and outcome == "done" and not verification.ok:
        outcome, reason = "failed", reason or "the delivery is not what was planned"
    fields = planning.load_fields(folder / "plan")
    events = [records.TimelineEvent(*event) for event in observed.events]
    surface_id = observed.surface.surface_id if observed.surface is not None else ""
    summary = records.RunSummary(
        ok=outcome == "done" and verification is not None and verification.ok,
        outcome=outcome,
        reason=reason,
        indication=request.indication,
        seed=request.seed,
        **records.delivery_fields(plan, surface_id, verification),
        safety_events=[
            records.SafetyEvent(t_s=t, state=state, cause=cause, detail=detail)
            for t, state, cause, detail in observed.safety_events
        ],
        stage_seconds=stage_seconds,
        details={"permits_granted": observed.permits, "patient": request.patient.as_request()},
    )
    data = records.RunData(
        indication=request.indication,
        seed=request.seed,
        outcome=outcome,
        reason=reason,
        started_utc=started_utc,
        patient=describe_patient(request),
        surface=observed.surface,
        severity=fields.get("severity"),
        deficit_depth_m=fields.get("deficit_depth_m"),
        density_per_cm2=fields.get("density_per_cm2"),
        plan=plan,
        findings=observed.findings,
        fired=fired,
        truth=truth,
        verification=verification,
        timeline=events,
        capture=quality_facts(observed.capture_quality),
        environment=environment(),
        summary=summary.model_dump(),
    )
    return data, summary


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


def describe_patient(request: TreatmentRequest) -> str:
    """Say where the patient comes from."""
    return request.patient.describe()


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
