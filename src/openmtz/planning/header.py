"""The header of a plan: what it was made from, what it does, and what it leaves out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from openmtz.limits import HOST_ENVELOPE_VERSION
from openmtz.plan import PLAN_FORMAT_VERSION
from openmtz.planning.context import PlanningContext
from openmtz.planning.dose import SpotDoses, dose_of
from openmtz.planning.skin import PrescribedDose
from openmtz.planning.spots import PlacedSpots
from openmtz.planning.stations import MetSpots


def plan_header(
    context: PlanningContext,
    prescribed: PrescribedDose,
    spots: PlacedSpots,
    met: MetSpots,
    doses: SpotDoses,
    refused: dict[str, int],
) -> dict[str, Any]:
    """Return the header of a plan, all but what the firing order adds to it. `refused`: spots by cause.

    docs/plan_format.md says what each entry means. The header is part of what is hashed, so it holds no time
    of day and nothing that differs between two runs on the same input.
    """
    calibration = context.setup.calibration
    assert doses.zones is not None, "a plan without spots was refused before"
    dose = dose_of(doses.zones, spots.area_cm2, prescribed.profile)
    return {
        "format_version": PLAN_FORMAT_VERSION,
        "surface_id": context.surface.surface_id,
        "indication": context.indication,
        "profile": prescribed.profile.to_header(),
        "seed": int(context.seed),
        "density_definition": prescribed.prescription.definition,
        "area_cm2": round(spots.area_cm2, 4),
        "plugin_versions": context.manager.versions,
        "calibration_id": calibration.calibration_id if calibration else context.setup.calibration_id,
        "facts": context.facts.model_dump(mode="json"),
        "site": context.facts.site,
        "passes": prescribed.passes,
        "overrides": context.overrides.model_dump(mode="json"),
        "rationale": prescribed.prescription.rationale,
        "dose": {key: float(f"{value:.4g}") for key, value in asdict(dose).items()},
        "refused": refused,
        "optics": _optics(met, doses),
        "host_envelope_version": HOST_ENVELOPE_VERSION,
    }


def _optics(met: MetSpots, doses: SpotDoses) -> dict[str, float]:
    """Return how steeply and how far out of focus the planned spots are met."""
    degrees = np.rad2deg(met.incidence_rad[doses.planned])
    return {
        "incidence_deg_median": round(float(np.median(degrees)), 1),
        "incidence_deg_most": round(float(degrees.max()), 1),
        "incidence_scale_mm": round(met.normals_scale_m * 1e3, 2),
        "defocus_mm_most": round(float(np.abs(met.defocus_m[doses.planned]).max()) * 1e3, 3),
    }
