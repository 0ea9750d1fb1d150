"""Was every planned spot delivered once, where it was planned, as strong as planned, and nothing else?

Judged by the simulation's ground truth where there is one, else by the device's own report.
The plan's spots fall into exactly one class each: `planned = delivered + off_energy + misplaced + missing +
unverified`. A spot is missing only where nothing says that it was fired (`evidence`); how the shots met the
true skin is held against the rules of `limits.delivered`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.limits import MetSkin, delivered_focus, delivered_tilt
from openmtz.plan import Finding, TreatmentPlan
from openmtz.records.delivery import FiredSpots, SpotStatus, TruthShots
from openmtz.records.evidence import Evidence, evidence_of
from openmtz.records.verdict_findings import (
    delivery_findings,
    disagreement,
    evidence_findings,
    met_findings,
)

Floats = NDArray[np.float64]
TOLERANCE_M = 0.5e-3
"""Lateral miss still counted as delivered [m]: the aim check's 0.3 mm plus galvo and capture error."""
ENERGY_TOLERANCE = 0.2
"""Output within +-20 % of the set value (design, section 5.7)."""
DEPTH_TOLERANCE_M = 2e-3
"""Along the normal: further off than this the shot hit something else than the captured skin."""


@dataclass(frozen=True, eq=False)
class Verification:
    """The verdict, with what it rests on. Arrays have one row per planned spot, NaN where nothing fired.

    Attributes:
        ok: every planned spot delivered once, nothing repeated, nothing outside, no more shots than a clean
            run has beyond the rules of tilt and focus.
        by_truth: judged by ground truth; False: by the device's report (no positions then).
        spots_planned, delivered, misplaced, off_energy, missing, unverified: the classes, they add up.
        repeated: emissions beyond the first of a spot. outside_plan: emissions that met no planned
            place: an index the plan does not have, off the patient, or misplaced.
        status: `(N,)` uint8 of `SpotStatus`. emissions: `(N,)` how often each spot was fired.
        offset_m: `(N, 3)` hit minus plan: along two tangents and the outward normal [m].
        miss_m: `(N,)` lateral miss [m], of the worst emission. energy_mj: `(N,)` summed over emissions.
        defocus_m, incidence_rad: `(N,)`, of the first emission.
        met: how the shots met the true skin, by the rules of tilt and focus; empty without ground truth.
        evidence: what the verdict rests on.
        findings: what a person should read.
    """

    ok: bool
    by_truth: bool
    tolerance_m: float
    spots_planned: int
    delivered: int
    misplaced: int
    off_energy: int
    missing: int
    unverified: int
    repeated: int
    outside_plan: int
    emissions_total: int
    status: NDArray[np.uint8]
    emissions: NDArray[np.int64]
    offset_m: Floats
    miss_m: Floats
    energy_mj: Floats
    defocus_m: Floats
    incidence_rad: Floats
    met: tuple[MetSkin, ...]
    evidence: Evidence
    findings: tuple[Finding, ...]

    def miss_percentile_m(self, percent: float) -> float:
        """Return a percentile of the lateral miss [m], NaN if nothing was measured."""
        known = self.miss_m[np.isfinite(self.miss_m)]
        return float(np.percentile(known, percent)) if len(known) else float("nan")


def verify(
    plan: TreatmentPlan,
    fired: FiredSpots,
    truth: TruthShots | None = None,
    tolerance_m: float = TOLERANCE_M,
    energy_tolerance: float = ENERGY_TOLERANCE,
    executed: int | None = None,
) -> Verification:
    """Compare what was emitted with the plan, spot by spot.

    Args:
        fired: the device's report; a line reported twice counts once.
        truth: the simulation's ground truth; it decides where given, and is compared with the report.
        tolerance_m: largest lateral miss [m]. energy_tolerance: fraction of the planned energy.
        executed: the device's executed index, the next spot to fire; None where it was not heard.
    """
    reported = fired.unique()
    count = len(plan)
    index = reported.index if truth is None else truth.spot_index
    energy = reported.energy_uj / 1000.0 if truth is None else truth.energy_mj
    inside = (index >= 0) & (index < count)
    foreign = int((~inside).sum())
    spot = index[inside]
    emissions = np.bincount(spot, minlength=count)
    landed = _landed(plan, spot, truth, inside, tolerance_m)
    evidence = evidence_of(count, reported.index, None if truth is None else truth.spot_index, executed)

    total_mj = np.bincount(spot, weights=energy[inside], minlength=count)
    planned_mj = plan.energy_uj / 1000.0
    shot_bad = ~(np.abs(energy[inside] - planned_mj[spot]) <= energy_tolerance * planned_mj[spot])
    status = np.full(count, SpotStatus.MISSING, np.uint8)
    status[: evidence.executed or 0] = SpotStatus.UNVERIFIED
    status[emissions > 0] = SpotStatus.DELIVERED
    status[spot[shot_bad]] = SpotStatus.OFF_ENERGY
    status[spot[landed.stray]] = SpotStatus.MISPLACED
    classes = np.bincount(status, minlength=len(SpotStatus))
    repeated = int(np.maximum(emissions - 1, 0).sum())
    outside = foreign + int(landed.stray.sum())
    met = () if truth is None else _met_skin(plan, landed)
    findings = delivery_findings(plan, classes, repeated, foreign, status, truth is not None, tolerance_m)
    findings += evidence_findings(evidence, int(classes[SpotStatus.UNVERIFIED]))
    findings += met_findings(met)
    unreported = 0
    if truth is not None:
        told, unreported = disagreement(reported, truth)
        findings += told
    delivered = int(classes[SpotStatus.DELIVERED])
    clean = count > 0 and delivered == count and repeated == 0 and outside == 0 and unreported == 0
    return Verification(
        ok=clean and all(rule.ok for rule in met),
        by_truth=truth is not None,
        tolerance_m=tolerance_m,
        spots_planned=count,
        delivered=delivered,
        misplaced=int(classes[SpotStatus.MISPLACED]),
        off_energy=int(classes[SpotStatus.OFF_ENERGY]),
        missing=int(classes[SpotStatus.MISSING]),
        unverified=int(classes[SpotStatus.UNVERIFIED]),
        repeated=repeated,
        outside_plan=outside,
        emissions_total=len(index),
        status=status,
        emissions=emissions,
        offset_m=landed.offset_m,
        miss_m=landed.miss_m,
        energy_mj=np.where(emissions > 0, total_mj, np.nan),
        defocus_m=landed.defocus_m,
        incidence_rad=landed.incidence_rad,
        met=met,
        evidence=evidence,
        findings=tuple(findings),
    )


class _Landed(NamedTuple):
    """Where shots landed, by planned spot as in `Verification`; `stray` `(M,)` bool of the shots that name a
    spot of the plan: off their place, or off the patient."""

    offset_m: Floats
    miss_m: Floats
    defocus_m: Floats
    incidence_rad: Floats
    stray: NDArray[np.bool_]


def _landed(
    plan: TreatmentPlan,
    spot: NDArray[np.int64],
    truth: TruthShots | None,
    inside: NDArray[np.bool_],
    tolerance_m: float,
) -> _Landed:
    """Return where the true shots `inside` the plan landed, `spot` `(M,)` their spots; NaN without truth."""
    count = len(plan)
    offset = np.full((count, 3), np.nan)
    miss, defocus, incidence = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    if truth is None or not len(spot):
        return _Landed(offset, miss, defocus, incidence, np.zeros(len(spot), bool))
    shot_offset = _tangent_offsets(plan, spot, truth.position_m[inside])
    shot_miss = np.hypot(shot_offset[:, 0], shot_offset[:, 1])
    with np.errstate(invalid="ignore"):
        near = (shot_miss <= tolerance_m) & (np.abs(shot_offset[:, 2]) <= DEPTH_TOLERANCE_M)
    stray = ~(truth.hit[inside] & near)
    shot_miss = np.where(truth.hit[inside], shot_miss, np.inf)
    order = np.argsort(shot_miss, kind="stable")  # the worst is written last and stays
    offset[spot[order]], miss[spot[order]] = shot_offset[order], shot_miss[order]
    first = spot[::-1]
    defocus[first], incidence[first] = truth.defocus_m[inside][::-1], truth.incidence_rad[inside][::-1]
    miss[np.isinf(miss)] = np.nan
    return _Landed(offset, miss, defocus, incidence, stray)


def _tangent_offsets(plan: TreatmentPlan, spot: NDArray[np.int64], position_m: Floats) -> Floats:
    """Return `(M, 3)` offsets of hits from their spots [m]: tangent near world x, near y, normal."""
    normal = plan.normals[spot]
    delta = position_m - plan.positions_m[spot]
    hint = np.where(np.abs(normal[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    u = hint - normal * (hint * normal).sum(axis=1, keepdims=True)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normal, u)
    return np.stack([(delta * axis).sum(axis=1) for axis in (u, v, normal)], axis=1)


def _met_skin(plan: TreatmentPlan, landed: _Landed) -> tuple[MetSkin, ...]:
    """Hold tilt and focus of the first emissions against the rules."""
    return (
        delivered_tilt(landed.incidence_rad),
        delivered_focus(landed.defocus_m, plan.header.get("profile")),
    )
