"""Where do these galvo counts land, from where the arm really is, and with what energy?

The check at the last transformation (design, section 5.3): recomputed from the monitor's own copy of
the plan, the measured pose and the records sent to the device; nothing of the planner's or the scan
head's own arithmetic is trusted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import FieldCalibration, HandpieceProfile, angles_to_ray, counts_to_angles
from openmtz.plan import TreatmentPlan
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import LoadedSpots

MAX_POWER_W = 300.0
"""More than any source here, 25-240 W (domain facts 7): a pulse shorter than this is a wrong record."""


@dataclass(frozen=True)
class AimResult:
    """Spots below `ok_until` (global index) passed; `reasons` say why that one did not."""

    ok_until: int
    reasons: tuple[str, ...]


def check_aim(
    plan: TreatmentPlan,
    loaded: LoadedSpots,
    scan_head_pose: NDArray[np.float64],
    profile: HandpieceProfile,
    limits: SafetyConfig,
    start: int | None = None,
    end: int | None = None,
) -> AimResult:
    """Check the loaded spots `[start, end)` (global indices; default: all of them) in firing order.

    `scan_head_pose` is the measured `(4, 4)` world pose of `scan_head`. A spot passes if its ray meets
    the planned position within `aim_miss_m`, within the depth of focus times `aim_defocus_factor` and
    below the incidence limit, and energy, pulse, station, pass and earliest time are the plan's. The
    earliest times are relative to the first spot of the selection, so their differences are compared.
    Where counts point to is told by `limits.calibration`; a spot outside the calibrated field does not pass.
    """
    start = loaded.first if start is None else start
    end = loaded.first + len(loaded) if end is None else end
    if start < loaded.first or end > min(loaded.first + len(loaded), len(plan)) or start >= end:
        return AimResult(start, (f"spots {start} to {end} are not all loaded and planned",))
    if not np.isfinite(scan_head_pose).all():
        return AimResult(start, ("the measured pose is not finite",))
    window = slice(start - loaded.first, end - loaded.first)
    angles, shift = _angles(loaded.counts[window], profile, limits.calibration)
    miss, defocus, cosine = _geometry(plan, angles, shift, scan_head_pose, profile, start, end)
    focus_limit = limits.aim_defocus_factor * profile.depth_of_focus_m
    incidence_limit = min(limits.aim_incidence_rad, profile.incidence_limit_rad)
    energy = loaded.energy_uj[window].astype(np.int64)
    pulse = loaded.pulse_us[window].astype(np.int64)
    earliest = plan.not_before_us[start:end].astype(np.int64) - int(plan.not_before_us[loaded.first])
    given = loaded.not_before_us[window].astype(np.int64) - int(loaded.not_before_us[0])
    good = {
        "lands beside the planned point": miss <= limits.aim_miss_m,
        "out of focus": np.abs(defocus) <= focus_limit,
        "incidence too steep": cosine >= math.cos(incidence_limit) - 1e-12,
        "energy differs from the plan": energy == plan.energy_uj[start:end],
        "pulse differs from the plan": pulse == plan.pulse_us[start:end],
        "pulse is not possible": energy <= pulse * MAX_POWER_W,
        "earlier than the plan allows": given >= np.maximum(earliest, 0),
        "another station or pass": (plan.station[start:end] == loaded.station)
        & (plan.pass_index[start:end] == loaded.pass_index),
    }
    ok = np.logical_and.reduce(list(good.values()))
    if ok.all():
        return AimResult(end, ())
    k = int(np.argmin(ok))
    reasons = [f"spot {start + k}: {name}" for name, mask in good.items() if not mask[k]]
    reasons.append(
        f"miss {miss[k] * 1e3:.3f} mm, defocus {defocus[k] * 1e3:.3f} mm,"
        f" incidence {math.degrees(math.acos(float(np.clip(cosine[k], -1.0, 1.0)))):.1f} deg"
    )
    return AimResult(start + k, tuple(reasons))


def _angles(
    counts: NDArray[np.int16], profile: HandpieceProfile, calibration: FieldCalibration | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return optical angles `(n, 2)` [rad] and how far beyond the flat focal plane focus lies `(n,)` [m]."""
    if calibration is None:
        return counts_to_angles(counts, profile.full_scale_rad), np.zeros(len(counts))
    return calibration.at_counts(counts)


def _geometry(
    plan: TreatmentPlan,
    angles: NDArray[np.float64],
    focus_shift_m: NDArray[np.float64],
    pose: NDArray[np.float64],
    profile: HandpieceProfile,
    start: int,
    end: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return lateral miss [m], defocus along the beam [m] and cosine of incidence, `(n,)` each."""
    origins, directions = angles_to_ray(angles, profile.mirror_separation_m)
    # In the head's frame: three matrix products less than bringing the rays to the world.
    points = (plan.position_nm[start:end] * 1e-9 - pose[:3, 3]) @ pose[:3, :3]
    normals = (plan.normal_e9[start:end] * 1e-9) @ pose[:3, :3]
    to_point = points - origins
    along = np.einsum("ij,ij->i", to_point, directions)
    aside = to_point - along[:, None] * directions
    miss = np.sqrt(np.einsum("ij,ij->i", aside, aside))
    defocus = along - (profile.focus_distance_m - origins[:, 2]) / directions[:, 2] - focus_shift_m
    return miss, defocus, -np.einsum("ij,ij->i", directions, normals)
