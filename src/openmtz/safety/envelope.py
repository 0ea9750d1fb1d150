"""Host envelope: absolute limits no plugin, profile or parameter can exceed, each with its source.

`check_plan` is run by the planner on its result and by the safety monitor, on its own copy of the plan,
before it accepts an approval. Marks [V] [M] [D] are those of the domain facts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import pose_from_vector
from openmtz.optics import FieldCalibration, HandpieceProfile, ProfileError
from openmtz.plan import Finding, Severity, TreatmentPlan
from openmtz.safety.beams import beams_of

HOST_ENVELOPE_VERSION = "1"
"""Stands in every plan's header; a plan made against another version is refused."""
SOURCE = "host-envelope"
_DISC_M = math.sqrt(1e-4 / math.pi)
CELLS_PER_RADIUS = 5.0
"""The bound is 1.8 times the density of even spots; at 8 it is 1.5, at six times the pairs (computed)."""
ROUNDING = 1e-9
"""Bounds nearer to a limit than this share of it settle nothing: sums round."""


@dataclass(frozen=True)
class Limit:
    """One absolute limit: `value` in `unit`, and where it comes from."""

    name: str
    value: float
    unit: str
    source: str


LIMITS: dict[str, Limit] = {
    limit.name: limit
    for limit in (
        Limit("energy_mj", 200.0, "mJ",
              "above 160 mJ at 120 um (eCO2 in vivo [V]) and the device's own limit; 380 mJ in pigs [V]"),
        Limit("pulse_us", 10_000.0, "us", "sources 0.1-3 ms [V]/[M]; the device's own limit is 10 ms"),
        Limit("power_w", 300.0, "W", "up to 240 W peak [V]/[M]"),
        Limit("coverage", 0.30, "nominal beam area / skin area per pass",
              "30 mJ/25 % and 20 mJ/30 % scarred the neck (Avram 2009 [V]); clinical 5-20 % [V]"),
        Limit("dose_j_cm2", 45.0, "J/cm2 per pass",
              "engineering default: 80 mJ at 5 % and 20 mJ at 20 % are 35 J/cm2 [D]"),
        Limit("passes", 2.0, "passes", "1-2 passes in the ranges of domain facts 4 [M]"),
        Limit("spots", 200_000.0, "spots", "engineering default: 200 cm2 at 884/cm2 in one pass"),
        Limit("spot_distance", 0.5, "spot diameters within a pass",
              "stacking on one site chars [V]; distance is an engineering default"),
        Limit("neck_energy_mj", 15.0, "mJ", "neck: at most 10-15 mJ [M] after Avram 2009 [V]"),
        Limit("neck_coverage", 0.10, "nominal beam area / skin area per pass", "neck: 10 % [M]"),
        Limit("neck_passes", 1.0, "passes", "neck: one pass [M]"),
        Limit("session_interval_days", 28.0, "days since the site was last treated",
              "ablative zones are closed at day 28 (J Clin Aesthet Dermatol 2022;15(9):25 [V abstract]);"
              " sessions 4-7 weeks apart in the sources of domain facts 4"),
        Limit("incidence_deg", 30.0, "deg", "refuse at 30 deg (domain facts 6 [D])"),
        Limit("defocus_factor", 1.25, "depths of focus",
              "+10 % diameter at one (domain facts 6 [D]), +15 % here; the planner keeps within one"),
    )
}  # fmt: skip


def check_plan(plan: TreatmentPlan, calibration: FieldCalibration | None = None) -> list[Finding]:
    """Return what in the plan exceeds the envelope; empty if nothing does. Never raises on a valid plan.

    `calibration`: of the scan head's field, where focus does not lie in a plane; spots off it are refused.
    """
    found: list[Finding] = []
    version = plan.header.get("host_envelope_version")
    if str(version) != HOST_ENVELOPE_VERSION:
        found.append(_refusal("envelope-version", f"the plan was made against envelope {version!r}, this is"
                              f" {HOST_ENVELOPE_VERSION!r}", "plan again with this software"))  # fmt: skip
    try:
        profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
    except (ProfileError, TypeError, ValueError) as error:
        return [*found, _refusal("profile-invalid", str(error), "plan again with a complete profile")]
    if len(plan) == 0:
        return [*found, _refusal("no-spots", "the plan has no spots", "choose another region")]
    if len(plan) > LIMITS["spots"].value:
        text = f"{len(plan)} spots, the limit is {LIMITS['spots'].value:.0f}"
        return [*found, _refusal("too-many-spots", text, "treat a smaller region", len(plan))]
    found += _check_interval(plan)
    found += _check_pulses(plan, profile)
    found += _check_density(plan, profile)
    found += _check_aim(plan, profile, calibration)
    return found


def is_neck(plan: TreatmentPlan) -> bool:
    """True if the header names the neck as site: `site`, or `site` within `facts` or `patient`."""
    header = plan.header
    values = [header.get("site")]
    values += [part.get("site") for key in ("facts", "patient") if isinstance(part := header.get(key), dict)]
    return any("neck" in str(value).lower() for value in values if value)


def _check_interval(plan: TreatmentPlan) -> list[Finding]:
    """Refuse a site whose zones of the last session are not closed yet; nothing where it was not stated."""
    facts = plan.header.get("facts")
    days = facts.get("days_since_last_session") if isinstance(facts, dict) else None
    if days is None:
        return []
    least = LIMITS["session_interval_days"].value
    fix = f"wait until {least:g} days have passed since the last session"
    if isinstance(days, bool) or not isinstance(days, (int, float)):
        return [_refusal("session-interval-invalid", f"days since the last session: {days!r}", fix)]
    if days >= least:
        return []
    text = f"the site was treated {days:g} days ago, the least interval is {least:g} days"
    return [_refusal("session-too-soon", text, fix)]


def _check_pulses(plan: TreatmentPlan, profile: HandpieceProfile) -> list[Finding]:
    energy = plan.energy_uj.astype(np.float64) * 1e-3
    pulse = plan.pulse_us.astype(np.float64)
    power = energy * 1e3 / pulse
    neck = is_neck(plan)
    top = min(LIMITS["energy_mj"].value, LIMITS["neck_energy_mj"].value if neck else math.inf)
    passes = LIMITS["neck_passes" if neck else "passes"].value
    where = " on the neck" if neck else ""
    return [
        *_over("energy-over-limit", energy > top, f"energy {energy.max():.1f} mJ, limit {top:g} mJ{where}",
               "lower the energy"),
        *_over("energy-outside-profile",
               (energy > profile.energy_max_mj + 1e-3) | (energy < profile.energy_min_mj - 1e-3),
               f"energy {energy.min():.1f} to {energy.max():.1f} mJ; {profile.name} has"
               f" {profile.energy_min_mj:g} to {profile.energy_max_mj:g} mJ", "choose another profile"),
        *_over("pulse-over-limit", pulse > LIMITS["pulse_us"].value,
               f"pulse {pulse.max():.0f} us, limit {LIMITS['pulse_us'].value:.0f} us", "lower the energy"),
        *_over("power-over-limit", power > LIMITS["power_w"].value,
               f"pulse power {power.max():.0f} W, limit {LIMITS['power_w'].value:.0f} W",
               "lengthen the pulse"),
        *_over("power-not-the-profile's", np.abs(power / profile.power_w - 1.0) > 0.20,
               f"pulse power {power.min():.1f} to {power.max():.1f} W, {profile.name} emits"
               f" {profile.power_w:g} W", "compute pulses with the profile's power"),
        *_over("too-many-passes", plan.pass_index >= passes,
               f"{int(plan.pass_index.max()) + 1} passes, limit {passes:.0f}{where}", "plan fewer passes"),
    ]  # fmt: skip


def _check_density(plan: TreatmentPlan, profile: HandpieceProfile) -> list[Finding]:
    """Densest disc of 1 cm2 around any spot; and over the whole area, for regions smaller than that."""
    neck = is_neck(plan)
    most = LIMITS["neck_coverage" if neck else "coverage"].value
    spot_cm2 = math.pi * (profile.spot_um * 0.5e-4) ** 2
    area = float(plan.header.get("area_cm2") or math.inf)
    found: list[Finding] = []
    for k in np.unique(plan.pass_index):
        rows = np.flatnonzero(plan.pass_index == k)
        points, energy = plan.positions_m[rows], plan.energy_uj[rows].astype(np.float64) * 1e-6
        tree = cKDTree(points)
        count, dose = len(rows) / area, float(energy.sum()) / area
        top = LIMITS["dose_j_cm2"].value * (1.0 - ROUNDING)
        most_count, most_dose = _at_most(points, energy)
        if most_count * spot_cm2 > most * (1.0 - ROUNDING) or most_dose > top:
            densest = _densest(tree, points, energy, top)
            count, dose = max(count, densest[0]), max(dose, densest[1])
        if count * spot_cm2 > most:
            text = f"pass {k}: {count:.0f} spots/cm2 cover {count * spot_cm2:.1%}, limit {most:.0%}"
            found.append(_refusal("coverage-over-limit", text + (" on the neck" if neck else ""),
                                  "lower the density", len(rows)))  # fmt: skip
        if dose > LIMITS["dose_j_cm2"].value:
            text = f"pass {k}: {dose:.1f} J/cm2, limit {LIMITS['dose_j_cm2'].value:g} J/cm2"
            found.append(_refusal("dose-over-limit", text, "lower density or energy", len(rows)))
        near = LIMITS["spot_distance"].value * profile.spot_um * 1e-6
        pairs = tree.query_pairs(near, output_type="ndarray")
        if len(pairs):
            text = f"pass {k}: {len(pairs)} pairs of spots nearer than {near * 1e6:.0f} um"
            found.append(_refusal("spots-stacked", text, "place spots farther apart", len(pairs)))
    return found


def _at_most(points: NDArray[np.float64], energy_j: NDArray[np.float64]) -> tuple[float, float]:
    """Return spots/cm2 and J/cm2 that no ball of 1 cm2 cross-section around any spot exceeds.

    By cells a fifth of the ball's radius wide, which is much quicker than looking at every ball: most plans
    are so far below the limits that this settles it.
    """
    side = _DISC_M / CELLS_PER_RADIUS
    cells, cell = np.unique(np.floor(points / side).astype(np.int64), axis=0, return_inverse=True)
    own = np.stack([np.bincount(cell.ravel()), np.bincount(cell.ravel(), energy_j)])
    # a spot is at most half a diagonal from its cell's middle, and so is what it has in its ball
    pairs = cKDTree(cells * side).query_pairs(_DISC_M + math.sqrt(3.0) * side + 1e-9, output_type="ndarray")
    total = own.copy()
    for here, there in (pairs.T, pairs.T[::-1]):
        for values, result in zip(own, total, strict=True):
            result += np.bincount(here, values[there], len(cells))
    return float(total[0].max()), float(total[1].max())


def _densest(
    tree: cKDTree, points: NDArray[np.float64], energy_j: NDArray[np.float64], least_j: float = 0.0
) -> tuple[float, float]:
    """Return the largest spots/cm2 and J/cm2 in a ball of 1 cm2 cross-section around any spot; up to
    `least_j` a bound of the latter will do."""
    count = float(tree.query_ball_point(points, _DISC_M, return_length=True).max())
    bound = count * float(energy_j.max())
    if float(np.ptp(energy_j)) == 0.0 or bound <= least_j:
        return count, bound
    # The heaviest disc need not be the densest one; 2000 centres are closer together than a disc is wide.
    return count, _heaviest(tree, points, energy_j)


def _heaviest(tree: cKDTree, points: NDArray[np.float64], energy_j: NDArray[np.float64]) -> float:
    centres = points[:: max(1, len(points) // 2000)]
    return max(float(energy_j[rows].sum()) for rows in tree.query_ball_point(centres, _DISC_M))


def _check_aim(
    plan: TreatmentPlan, profile: HandpieceProfile, calibration: FieldCalibration | None
) -> list[Finding]:
    """Every spot within field, focus and incidence of its station's pose, as planned."""
    field = np.zeros(len(plan), bool)
    focus = np.zeros(len(plan))
    incidence = np.zeros(len(plan))
    for station in np.unique(plan.station):
        rows = np.flatnonzero(plan.station == station)
        try:
            pose = pose_from_vector(plan.station_pose[station])
        except ValueError as error:
            return [_refusal("station-pose-invalid", f"station {station}: {error}", "plan again", len(rows))]
        beams = beams_of(plan, rows, pose, profile)
        half = math.atan(profile.field_half_m / profile.focus_distance_m) * 1.02
        most = min(half, profile.full_scale_rad)
        field[rows] = (np.abs(beams.angles) > most).any(axis=1) | (beams.spots[:, 2] <= 0)
        to_focus = profile.focus_distance_m / np.maximum(beams.directions[:, 2], 1e-6)
        if calibration is not None:
            shift = calibration.focus_shift(beams.angles)
            field[rows] |= np.isnan(shift)
            to_focus = to_focus + np.nan_to_num(shift)
        focus[rows] = np.abs(beams.lengths - to_focus)
        cosine = -np.einsum("ij,ij->i", beams.directions, plan.normals[rows] @ pose[:3, :3])
        incidence[rows] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    depth = profile.depth_of_focus_m * LIMITS["defocus_factor"].value
    steep = min(LIMITS["incidence_deg"].value, math.degrees(profile.incidence_limit_rad))
    return [
        *_over("outside-field", field, "spots beyond the galvo's field", "add a station"),
        *_over("out-of-focus", focus > depth + 1e-6,
               f"up to {focus.max() * 1e3:.2f} mm out of focus, limit {depth * 1e3:.2f} mm", "add a station"),
        *_over("incidence-over-limit", incidence > steep + 1e-3,
               f"incidence up to {incidence.max():.1f} deg, limit {steep:.0f} deg", "add a station"),
    ]  # fmt: skip


def _over(code: str, mask: NDArray[np.bool_], text: str, fix: str) -> list[Finding]:
    return [_refusal(code, text, fix, int(mask.sum()))] if mask.any() else []


def _refusal(code: str, text: str, fix: str, count: int = 0) -> Finding:
    return Finding(Severity.REFUSAL, SOURCE, code, text, fix, count)
