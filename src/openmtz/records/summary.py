"""`summary.json`: the result of a run for programs, small and stable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from openmtz import files
from openmtz.plan import TreatmentPlan
from openmtz.records.verification import Verification

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SafetyEvent(BaseModel):
    """One change of the safety monitor's state."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    t_s: Annotated[float, Field(allow_inf_nan=False, description="[s] since the run began")]
    state: str
    cause: str = ""
    detail: str = ""


class RunSummary(BaseModel):
    """What `summary.json` holds. `ok` may only be true of a complete delivery: checked, not trusted.

    Raises:
        pydantic.ValidationError: a field missing, of the wrong kind, or contradicting another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format_version: int = 1
    ok: bool
    outcome: Annotated[str, Field(description="done, stopped or failed")] = "done"
    reason: Annotated[str, Field(description="why it stopped or failed, for a person")] = ""
    indication: str
    seed: int
    plan_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    surface_id: str = ""
    area_cm2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    stations: Count = 0
    spots_planned: Count = 0
    spots_delivered: Count = 0
    spots_repeated: Count = 0
    spots_missing: Count = 0
    spots_unverified: Annotated[
        int, Field(ge=0, description="executed by the device's count, without a record of the shot")
    ] = 0
    spots_outside_plan: Count = 0
    safety_events: list[SafetyEvent] = []
    stage_seconds: dict[str, Seconds] = {}
    details: Annotated[dict[str, Any], Field(description="anything more, not part of the contract")] = {}

    @model_validator(mode="after")
    def _ok_is_earned(self) -> RunSummary:
        if self.ok and not (
            self.spots_planned > 0
            and self.spots_delivered == self.spots_planned
            and self.spots_repeated == self.spots_outside_plan == 0
            and self.outcome == "done"
            and self.plan_sha256
        ):
            raise ValueError(
                "ok means: every planned spot was delivered once and nothing outside; it was not"
            )
        return self


def delivery_fields(
    plan: TreatmentPlan | None, surface_id: str, verification: Verification | None
) -> dict[str, Any]:
    """Return the fields of `RunSummary` that say what was planned and delivered."""
    v = verification
    return {
        "plan_sha256": plan.sha256 if plan is not None else "",
        "surface_id": surface_id,
        "area_cm2": float(plan.header.get("area_cm2", 0.0)) if plan is not None else 0.0,
        "stations": len(plan.station_pose) if plan is not None else 0,
        "spots_planned": len(plan) if plan is not None else 0,
        "spots_delivered": v.delivered if v is not None else 0,
        "spots_repeated": v.repeated if v is not None else 0,
        "spots_missing": v.missing if v is not None else 0,
        "spots_unverified": v.unverified if v is not None else 0,
        "spots_outside_plan": v.outside_plan if v is not None else 0,
    }


def write_summary(folder: str | os.PathLike[str], summary: RunSummary) -> Path:
    """Write `folder/summary.json` atomically: a reader sees all of it or none. Return its path."""
    path = Path(folder) / "summary.json"
    partial = path.with_name(f".summary.json.{os.getpid()}")
    try:
        with open(partial, "w", encoding="utf-8") as file:
            file.write(summary.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return path


def read_summary(folder: str | os.PathLike[str]) -> RunSummary:
    """Read `folder/summary.json` back, validated."""
    return RunSummary.model_validate_json(files.read_text(Path(folder) / "summary.json", 10.0))
