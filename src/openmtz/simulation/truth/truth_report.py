"""Ground truth beside plan and belief: where the shots went, how deep, what was missed or doubled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.optics import HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.planning.dose import aim_of_plan
from openmtz.records import FiredSpots
from openmtz.simulation.truth.tissue_truth import ShotRecords
from openmtz.tissue import HeatModel, gaps, mid_gap_heat, sample

Array = NDArray[np.float64]
OUTSIDE_M = 1e-3
"""Farther than this from every planned spot is outside the region: engineering default, over two pitches at
5 % (0.51 mm, domain facts, section 6)."""
PROBES = 150
"""Mid-gaps looked at per station, drawn evenly: engineering default."""


class AgainstPlan(NamedTuple):
    """Of `M` shots, NaN where a shot names no planned spot or hit nothing: `miss_m` along the skin, `off_m`
    along the normal (outwards positive), `energy_ratio` emitted over planned, `focus_ratio` fluence over the
    planned one by focus alone, tilt and energy apart, `depth_ratio` of the channel over the planned depth.
    `planned` bool: names a spot of the plan. `away_m`: to the nearest planned spot, whichever is named."""

    planned: NDArray[np.bool_]
    miss_m: Array
    off_m: Array
    energy_ratio: Array
    focus_ratio: Array
    depth_ratio: Array
    away_m: Array


@dataclass(frozen=True)
class TruthReport:
    """A run in numbers; NaN where there is nothing to measure.

    Attributes:
        shots, spots_planned: emissions, and spots of the plan. off_patient: emissions that met no skin.
        missed: planned spots never emitted. doubled: planned spots emitted more than once.
        unplanned: emissions that name no spot of the plan. outside: hits farther than 1 mm from any.
        miss_p50_m, miss_p95_m, miss_worst_m: along the skin.
        depth_error_p5, depth_error_p50, depth_error_p95: single craters, share of the planned depth.
        merged: pairs of craters of different spots that overlap. worst_j_cm2: in any 1 cm2 and 10 s.
        peak_rise_k, omega_p95: between zones, by the heat model, worst station and pass.
        unreported, invented: emissions the belief lacks, or has in excess; 0 where there is no belief.
    """

    shots: int
    spots_planned: int
    off_patient: int
    missed: int
    doubled: int
    unplanned: int
    outside: int
    miss_p50_m: float
    miss_p95_m: float
    miss_worst_m: float
    depth_error_p5: float
    depth_error_p50: float
    depth_error_p95: float
    merged: int
    worst_j_cm2: float
    peak_rise_k: float
    omega_p95: float
    unreported: int
    invented: int


def against_plan(records: ShotRecords, plan: TreatmentPlan) -> AgainstPlan:
    """Return each shot beside the spot it names.

    Raises:
        openmtz.optics.ProfileError: a plan whose header has no handpiece profile.
    """
    shots, count = records.shots, len(records)
    nothing = [np.full(count, np.nan) for _ in range(6)]
    miss, off, energy, focus, depth, away = nothing
    planned = (shots.spot_index >= 0) & (shots.spot_index < len(plan))
    if len(plan):
        profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
        defocus, _, _ = aim_of_plan(plan, profile)
        rows = np.flatnonzero(planned)
        spot = shots.spot_index[rows]
        energy[rows] = shots.energy_mj[rows] / (plan.energy_uj[spot] / 1000.0)
        rows = np.flatnonzero(planned & shots.hit)
        spot = shots.spot_index[rows]
        delta = shots.rest_position_m[rows] - plan.positions_m[spot]
        off[rows] = (delta * plan.normals[spot]).sum(axis=1)
        miss[rows] = np.linalg.norm(delta - off[rows, None] * plan.normals[spot], axis=1)
        meant_um, spot_um = (
            profile.spot_diameter_um(defocus[spot]),
            profile.spot_diameter_um(shots.defocus_m[rows]),
        )
        focus[rows] = (meant_um / spot_um) ** 2
        depth[rows] = records.channel_um[rows] / np.maximum(plan.depth_um[spot], 1)
        met = np.flatnonzero(shots.hit)
        if len(met):
            away[met] = cKDTree(plan.positions_m).query(shots.rest_position_m[met])[0]
    return AgainstPlan(planned, miss, off, energy, focus, depth, away)


def report(
    records: ShotRecords, plan: TreatmentPlan, fired: FiredSpots | None = None, heat: HeatModel | None = None
) -> TruthReport:
    """Compare ground truth with the plan and, where given, with what the device reported.

    Raises:
        openmtz.optics.ProfileError: a plan whose header has no handpiece profile.
    """
    shots, beside = records.shots, against_plan(records, plan)
    times = np.bincount(shots.spot_index[beside.planned], minlength=len(plan))
    near = beside.miss_m[np.isfinite(beside.miss_m)]
    rows = np.flatnonzero(beside.planned & shots.hit)
    meant = np.maximum(plan.depth_um[shots.spot_index[rows]], 1)
    depth_error = records.depth_um[rows] / meant - 1.0
    rise, omega = heat_between(records, plan, heat)
    unreported, invented = _belief(shots.spot_index, fired)
    return TruthReport(
        shots=len(shots),
        spots_planned=len(plan),
        off_patient=int((~shots.hit).sum()),
        missed=int((times == 0).sum()),
        doubled=int((times > 1).sum()),
        unplanned=int((~beside.planned).sum()),
        outside=int((beside.away_m > OUTSIDE_M).sum()),
        miss_p50_m=_percentile(near, 50),
        miss_p95_m=_percentile(near, 95),
        miss_worst_m=_percentile(near, 100),
        depth_error_p5=_percentile(depth_error, 5),
        depth_error_p50=_percentile(depth_error, 50),
        depth_error_p95=_percentile(depth_error, 95),
        merged=int(records.merged.sum()),
        worst_j_cm2=float(np.fmax.reduce(records.disc_j_cm2, initial=0.0)),
        peak_rise_k=rise,
        omega_p95=omega,
        unreported=unreported,
        invented=invented,
    )


def heat_between(
    records: ShotRecords, plan: TreatmentPlan, heat: HeatModel | None = None
) -> tuple[float, float]:
    """Return the 99th percentile of the peak rise [K] and the 95th of Omega between zones, worst station.

    All shots of a station in all passes, in its tangent plane, at their true instants.
    """
    shots = records.shots
    model = heat
    if model is None:
        model = HeatModel()
        if len(plan):
            profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
            model = HeatModel(eta=profile.residual_heat[1], spot_um=profile.spot_um)
    known = shots.hit & (shots.spot_index >= 0) & (shots.spot_index < len(plan)) & (records.depth_um > 0.0)
    peak, omega = 0.0, 0.0
    rows = np.flatnonzero(known)
    station = plan.station[shots.spot_index[rows]]
    for number in np.unique(station):
        here = rows[station == number]
        normal = plan.normals[shots.spot_index[here]].mean(axis=0)
        uv = _flat(shots.rest_position_m[here], normal)
        # Shots on one place have no gap between them.
        probes = sample(gaps(np.unique(np.round(uv, 7), axis=0)).middle, PROBES)
        found = mid_gap_heat(
            uv, shots.time_s[here], shots.energy_mj[here], records.depth_um[here], probes, model
        )
        if len(probes):
            peak = max(peak, found.p99_k)
            omega = max(omega, float(np.percentile(found.omega, 95)))
    return peak, omega


def _flat(position: Array, normal: Array) -> Array:
    """Return positions `(N, 3)` in the plane across `normal`, `(N, 2)` [m]."""
    normal = normal / max(float(np.linalg.norm(normal)), 1e-12)
    hint = np.array([1.0, 0.0, 0.0]) if abs(normal[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    u = np.cross(normal, hint)
    u /= np.linalg.norm(u)
    return np.column_stack([position @ u, position @ np.cross(normal, u)])


def _belief(index: NDArray[np.int64], fired: FiredSpots | None) -> tuple[int, int]:
    """Return emissions the device's report lacks, and those it has in excess."""
    if fired is None:
        return 0, 0
    said = fired.unique().index
    names, which = np.unique(np.concatenate([index, said]), return_inverse=True)
    real = np.bincount(which[: len(index)], minlength=len(names))
    told = np.bincount(which[len(index) :], minlength=len(names))
    return int(np.maximum(real - told, 0).sum()), int(np.maximum(told - real, 0).sum())


def _percentile(values: Array, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")
