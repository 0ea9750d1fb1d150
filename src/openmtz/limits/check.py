"""The check of a plan against the absolute limits.

The planner runs it on its result, and the safety monitor on its own copy of the plan before it accepts an
approval: no plugin and no parameter gets past it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import pose_from_vector
from openmtz.limits.absolute import HOST_ENVELOPE_VERSION, LIMITS
from openmtz.limits.beams import beams_of
from openmtz.limits.density import check_density
from openmtz.limits.interval import check_interval
from openmtz.limits.left_out import check_left_out
from openmtz.limits.refusal import refusal
from openmtz.limits.sites import on_the_sites, rules_of_header, strictest
from openmtz.optics import FieldCalibration, HandpieceProfile, ProfileError
from openmtz.plan import Finding, TreatmentPlan


def check_plan(plan: TreatmentPlan, calibration: FieldCalibration | None = None) -> list[Finding]:
    """Return what in the plan exceeds the limits; empty if nothing does. Never raises on a valid plan.

    `calibration` is that of the scan head's field, where focus does not lie in a plane; spots beyond the
    calibrated part of the field are refused.
    """
    found: list[Finding] = []
    version = plan.header.get("host_envelope_version")
    if str(version) != HOST_ENVELOPE_VERSION:
        found.append(refusal("envelope-version", f"the plan was made against envelope {version!r}, this is"
                              f" {HOST_ENVELOPE_VERSION!r}", "plan again with this software"))  # fmt: skip
    try:
        profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
    except (ProfileError, TypeError, ValueError) as error:
        return [*found, refusal("profile-invalid", str(error), "plan again with a complete profile")]
    if len(plan) == 0:
        return [*found, refusal("no-spots", "the plan has no spots", "choose another region")]
    if len(plan) > LIMITS["spots"].value:
        text = f"{len(plan)} spots, the limit is {LIMITS['spots'].value:.0f}"
        return [*found, refusal("too-many-spots", text, "treat a smaller region", len(plan))]
    found += check_interval(plan)
    found += check_left_out(plan)
    found += _check_pulses(plan, profile)
    found += check_density(plan, profile)
    found += _check_aim(plan, profile, calibration)
    return found


def _check_pulses(plan: TreatmentPlan, profile: HandpieceProfile) -> list[Finding]:
    energy = plan.energy_uj.astype(np.float64) * 1e-3
    pulse = plan.pulse_us.astype(np.float64)
    power = energy * 1e3 / pulse
    rules = rules_of_header(plan.header)
    top, passes = strictest("energy_mj", rules), strictest("passes", rules)
    where = on_the_sites(rules)
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
            return [refusal("station-pose-invalid", f"station {station}: {error}", "plan again", len(rows))]
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
    return [refusal(code, text, fix, int(mask.sum()))] if mask.any() else []
