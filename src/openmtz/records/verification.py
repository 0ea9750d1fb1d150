"""Was every planned spot delivered once, where it was planned, as strong as planned, and nothing else?

Judged by the simulation's ground truth where there is one, else by the device's own report.
The plan's spots fall into exactly one class each: `planned = delivered + off_energy + misplaced + missing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openmtz.plan import Finding, Severity, TreatmentPlan

Floats = NDArray[np.float64]
SOURCE = "verification"
TOLERANCE_M = 0.5e-3
"""Lateral miss still counted as delivered [m]: the aim check's 0.3 mm plus galvo and capture error."""
ENERGY_TOLERANCE = 0.2
"""Output within +-20 % of the set value (design, section 5.7)."""
DEPTH_TOLERANCE_M = 2e-3
"""Along the normal: further off than this the shot hit something else than the captured skin."""


@dataclass(frozen=True, eq=False)
class FiredSpots:
    """What the device reports, `(M,)` each: `index` into the plan, `tick_us` of its clock, `energy_uj`."""

    index: NDArray[np.int64]
    tick_us: NDArray[np.int64]
    energy_uj: Floats

    def __post_init__(self) -> None:
        for name, dtype in (("index", np.int64), ("tick_us", np.int64), ("energy_uj", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype).ravel())
        if not len(self.index) == len(self.tick_us) == len(self.energy_uj):
            raise ValueError(f"index, tick_us, energy_uj differ in length: {self._lengths()}")

    def _lengths(self) -> str:
        return f"{len(self.index)}, {len(self.tick_us)}, {len(self.energy_uj)}"

    def unique(self) -> FiredSpots:
        """Without lines that were reported twice (same spot, same tick): one emission, not two."""
        pairs = np.stack([self.index, self.tick_us], axis=1)
        _, first = np.unique(pairs, axis=0, return_index=True)
        first.sort()
        return FiredSpots(self.index[first], self.tick_us[first], self.energy_uj[first])


@dataclass(frozen=True, eq=False)
class TruthShots:
    """What every shot really hit, in firing order: the fields of `ShotsTruth.msg`, `M` rows each.

    `spot_index`, `hit` bool, `position_m` `(M, 3)` world, `incidence_rad`, `defocus_m` along the
    beam, `energy_mj` emitted, `fluence_j_cm2` peak, `time_s` simulation time.
    """

    spot_index: NDArray[np.int64]
    hit: NDArray[np.bool_]
    position_m: Floats
    incidence_rad: Floats
    defocus_m: Floats
    energy_mj: Floats
    fluence_j_cm2: Floats
    time_s: Floats

    def __post_init__(self) -> None:
        count = np.size(self.spot_index)
        for name, dtype in (("spot_index", np.int64), ("hit", np.bool_)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype).ravel())
        position = np.asarray(self.position_m, np.float64).reshape(-1, 3)
        object.__setattr__(self, "position_m", position)
        for name in ("incidence_rad", "defocus_m", "energy_mj", "fluence_j_cm2", "time_s"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64).ravel())
        for name, value in vars(self).items():
            if len(value) != count:
                raise ValueError(f"{name} has {len(value)} rows, spot_index {count}")


class SpotStatus(IntEnum):
    """What became of one planned spot."""

    MISSING = 0
    DELIVERED = 1
    MISPLACED = 2
    OFF_ENERGY = 3


@dataclass(frozen=True, eq=False)
class Verification:
    """The verdict, with what it rests on. Arrays have one row per planned spot, NaN where nothing fired.

    Attributes:
        ok: every planned spot delivered once, nothing repeated, nothing outside.
        by_truth: judged by ground truth; False: by the device's report (no positions then).
        spots_planned, delivered, misplaced, off_energy, missing: the classes, they add up.
        repeated: emissions beyond the first of a spot. outside_plan: emissions that met no planned
            place: an index the plan does not have, off the patient, or misplaced.
        status: `(N,)` uint8 of `SpotStatus`. emissions: `(N,)` how often each spot was fired.
        offset_m: `(N, 3)` hit minus plan: along two tangents and the outward normal [m].
        miss_m: `(N,)` lateral miss [m], of the worst emission. energy_mj: `(N,)` summed over emissions.
        defocus_m, incidence_rad: `(N,)`, of the first emission.
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
) -> Verification:
    """Compare what was emitted with the plan, spot by spot.

    Args:
        fired: the device's report; a line reported twice counts once.
        truth: the simulation's ground truth; it decides where given, and is compared with the report.
        tolerance_m: largest lateral miss [m]. energy_tolerance: fraction of the planned energy.
    """
    reported = fired.unique()
    count = len(plan)
    index = reported.index if truth is None else truth.spot_index
    energy = reported.energy_uj / 1000.0 if truth is None else truth.energy_mj
    inside = (index >= 0) & (index < count)
    foreign = int((~inside).sum())
    spot = index[inside]
    emissions = np.bincount(spot, minlength=count)

    offset = np.full((count, 3), np.nan)
    miss = np.full(count, np.nan)
    defocus, incidence = np.full(count, np.nan), np.full(count, np.nan)
    stray = np.zeros(len(spot), bool)
    if truth is not None and len(spot):
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

    total_mj = np.bincount(spot, weights=energy[inside], minlength=count)
    planned_mj = plan.energy_uj / 1000.0
    shot_bad = ~(np.abs(energy[inside] - planned_mj[spot]) <= energy_tolerance * planned_mj[spot])
    status = np.full(count, SpotStatus.MISSING, np.uint8)
    status[emissions > 0] = SpotStatus.DELIVERED
    status[spot[shot_bad]] = SpotStatus.OFF_ENERGY
    status[spot[stray]] = SpotStatus.MISPLACED
    classes = np.bincount(status, minlength=4)
    repeated = int(np.maximum(emissions - 1, 0).sum())
    outside = foreign + int(stray.sum())
    findings = _findings(plan, classes, repeated, foreign, status, truth is not None, tolerance_m)
    unreported = 0
    if truth is not None:
        disagreement, unreported = _compare(reported, truth)
        findings += disagreement
    delivered = int(classes[SpotStatus.DELIVERED])
    ok = count > 0 and delivered == count and repeated == 0 and outside == 0 and unreported == 0
    return Verification(
        ok=ok,
        by_truth=truth is not None,
        tolerance_m=tolerance_m,
        spots_planned=count,
        delivered=delivered,
        misplaced=int(classes[SpotStatus.MISPLACED]),
        off_energy=int(classes[SpotStatus.OFF_ENERGY]),
        missing=int(classes[SpotStatus.MISSING]),
        repeated=repeated,
        outside_plan=outside,
        emissions_total=len(index),
        status=status,
        emissions=emissions,
        offset_m=offset,
        miss_m=miss,
        energy_mj=np.where(emissions > 0, total_mj, np.nan),
        defocus_m=defocus,
        incidence_rad=incidence,
        findings=tuple(findings),
    )


def _tangent_offsets(plan: TreatmentPlan, spot: NDArray[np.int64], position_m: Floats) -> Floats:
    """Return `(M, 3)` offsets of hits from their spots [m]: tangent near world x, near y, normal."""
    normal = plan.normals[spot]
    delta = position_m - plan.positions_m[spot]
    hint = np.where(np.abs(normal[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    u = hint - normal * (hint * normal).sum(axis=1, keepdims=True)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normal, u)
    return np.stack([(delta * axis).sum(axis=1) for axis in (u, v, normal)], axis=1)


def _findings(
    plan: TreatmentPlan,
    classes: NDArray[np.int64],
    repeated: int,
    foreign: int,
    status: NDArray[np.uint8],
    by_truth: bool,
    tolerance_m: float,
) -> list[Finding]:
    found: list[Finding] = []

    def add(count: int, code: str, text: str, fix: str = "", severity: Severity = Severity.REFUSAL) -> None:
        if count:
            found.append(Finding(severity, SOURCE, code, text, fix, int(count)))

    if len(plan) == 0:
        found.append(Finding(Severity.REFUSAL, SOURCE, "empty-plan", "The plan holds no spot."))
    missing = np.flatnonzero(status == SpotStatus.MISSING)
    if len(missing):
        stations = ", ".join(str(s) for s in np.unique(plan.station[missing]))
        where = (
            f"from spot {missing[0]} at station {plan.station[missing[0]]} on; stations concerned: {stations}"
        )
        fix = "Continue the same plan from that spot; do not plan the region again."
        add(len(missing), "missing", f"{len(missing)} planned spots were not delivered, {where}.", fix)
    add(repeated, "repeated", f"{repeated} emissions repeated a spot that had already been fired.")
    add(foreign, "foreign-index", f"{foreign} emissions carried an index this plan does not have.")
    add(
        int(classes[SpotStatus.MISPLACED]),
        "misplaced",
        f"{classes[SpotStatus.MISPLACED]} spots landed over {tolerance_m * 1e3:.2g} mm from their place.",
        "Check calibration and patient motion before anything else is fired.",
    )
    add(
        int(classes[SpotStatus.OFF_ENERGY]),
        "off-energy",
        f"{classes[SpotStatus.OFF_ENERGY]} spots were fired with an energy outside the tolerance.",
        "Check the laser's output with a power meter.",
    )
    if not by_truth:
        text = "Positions were not verified: there is no ground truth, only the device's report."
        found.append(Finding(Severity.INFO, SOURCE, "positions-not-verified", text))
    return found


def _compare(reported: FiredSpots, truth: TruthShots) -> tuple[list[Finding], int]:
    """Compare the device's report with ground truth by how often each spot occurs."""
    size = int(max(reported.index.max(initial=-1), truth.spot_index.max(initial=-1))) + 1
    said = np.bincount(reported.index[reported.index >= 0], minlength=size)
    real = np.bincount(truth.spot_index[truth.spot_index >= 0], minlength=size)
    unreported = int(np.maximum(real - said, 0).sum())
    invented = int(np.maximum(said - real, 0).sum())
    found = []
    if unreported:
        text = f"{unreported} emissions happened that the device's report does not name."
        found.append(Finding(Severity.REFUSAL, SOURCE, "unreported-emission", text, count=unreported))
    if invented:
        text = f"{invented} emissions were reported that ground truth does not have."
        found.append(Finding(Severity.REFUSAL, SOURCE, "reported-not-emitted", text, count=invented))
    return found, unreported
