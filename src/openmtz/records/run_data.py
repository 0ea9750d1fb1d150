"""`RunData`: all a report is made from. Everything but the outcome may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.plan import Finding, TreatmentPlan
from openmtz.records.delivery import FiredSpots, TruthShots
from openmtz.records.verification import Verification

STAGES = ("capture", "plan", "approve", "treat", "verify")
SAFETY_STATES = ("OFF", "STANDBY", "ARMING", "READY", "FIRING", "HOLD", "FAULT")


@dataclass(frozen=True)
class TimelineEvent:
    """One thing that happened, `t` [s] after the run began.

    Kinds: `stage` (name: a stage, lasting until the next), `safety` (name: a state, lasting until
    the next; detail: cause), `withheld` (name: causes for which no permit is granted, empty when
    granting resumes), `permit` (one permit granted), `motion` (name: what moves, empty when it
    rests), `event` (anything a person should see: emergency stop, fault injected, node lost).
    """

    t: float
    kind: str
    name: str
    detail: str = ""


@dataclass(eq=False)
class RunData:
    """What is known of a run.

    Attributes:
        indication, seed: what was asked for. outcome: `done`, `stopped` or `failed`; reason: why,
            for a person. started_utc: ISO 8601, for the reader only.
        surface: captured skin. severity `(V,)` 0 to 1, deficit_depth_m `(V,)` [m] and
            density_per_cm2 `(V,)` (as prescribed), untreated_cause `(V,)` (why the region gets no spots
            there, empty where it does), all per vertex of the surface.
        plan, findings: the plan and what planning found. fired, truth, verification: the delivery.
        timeline: events in any order. permit_times_s, shot_times_s: `(K,)` [s] on the same clock.
        capture: facts on the capture, e.g. the fields of CaptureQuality.msg.
        environment: versions and machine, name to text. patient: where the patient comes from;
            assumed: names of the facts about it that nobody stated.
        simulated: say so at the top; ground truth implies it.
        summary: the run's `summary.json` as a mapping, shown for programs' readers.
    """

    indication: str
    seed: int
    outcome: str = "done"
    reason: str = ""
    started_utc: str = ""
    patient: str = ""
    assumed: Sequence[str] = ()
    simulated: bool = False
    surface: SkinSurface | None = None
    severity: NDArray[np.floating] | None = None
    deficit_depth_m: NDArray[np.floating] | None = None
    density_per_cm2: NDArray[np.floating] | None = None
    untreated_cause: NDArray[np.str_] | None = None
    plan: TreatmentPlan | None = None
    findings: Sequence[Finding] = ()
    fired: FiredSpots | None = None
    truth: TruthShots | None = None
    verification: Verification | None = None
    timeline: Sequence[TimelineEvent] = ()
    permit_times_s: NDArray[np.floating] | None = None
    shot_times_s: NDArray[np.floating] | None = None
    capture: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """The run ended as it should and every planned spot was delivered once, none outside."""
        return self.outcome == "done" and self.verification is not None and self.verification.ok
