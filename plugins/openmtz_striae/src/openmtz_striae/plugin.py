"""Hooks: find elongated shallow bands, treat them and nothing else; red or white is the operator's word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import (
    Assessment,
    Indication,
    PatientFacts,
    Prescription,
    Refused,
    density_per_cm2,
    fitzpatrick_multiplier,
    hookimpl,
    refuse_neck,
)
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity
from openmtz.planning.skin import fit_course, lesions_of, spread_out

NAME = "striae"
PROFILE = "co2_120um_low_energy"
LEAST_DEPTH_M = 0.0001
LEAST_AREA_CM2 = 0.02
LEAST_ASPECT = 2.2
"""Length over width from which a deficit counts as a band [M]."""
FULL_SEVERITY_M = 0.0004
MARGIN_M = 0.0012
DOSES = {
    "alba": (10.0, 10.0, "10 mJ at 10 %, one session (Lee 2010 [V]); deeper and sparser settings exist [M]"),
    "rubrae": (5.0, 8.0, "vascular laser first; CO2 conservative [M]"),
}
"""Stage: percent, energy [mJ], source."""


@hookimpl
def indications() -> list[Indication]:
    """Return striae distensae."""
    return [
        Indication(
            NAME,
            "Striae distensae",
            "Finds elongated shallow bands and treats them alone; dose by stage (rubrae, alba).",
            sources=("Lee 2010 [V]",),
        )
    ]


@hookimpl
def assess(surface: SkinSurface, area: NDArray[np.bool_]) -> Assessment:
    """Return severity along bands: connected deficits at least 2.2 times as long as wide."""
    course = fit_course(surface, area)
    threshold = max(LEAST_DEPTH_M, 3.0 * course.noise_m)
    found = lesions_of(surface, course, course.deficit_m > threshold, LEAST_AREA_CM2)
    bands = [b for b in found if b.length_m >= LEAST_ASPECT * max(b.width_m, 1e-6)]
    severity = np.zeros(len(area))
    for band in bands:
        severity[band.vertices] = np.clip(course.deficit_m[band.vertices] / FULL_SEVERITY_M, 0.1, 1.0)
    if bands:
        total = sum(b.area_cm2 for b in bands)
        text = (
            f"{len(bands)} bands, {total:.2f} cm2, up to {max(b.length_m for b in bands) * 1e3:.0f} mm long"
            f" and {max(b.depth_m for b in bands) * 1e3:.2f} mm deep"
        )
        finding = Finding(Severity.INFO, NAME, "bands-found", text, count=len(bands))
    else:
        text = f"no elongated band deeper than {threshold * 1e3:.2f} mm among {len(found)} deficits"
        finding = Finding(
            Severity.WARNING, NAME, "no-bands-found", text, "check the region, or capture closer"
        )
    return Assessment(severity, course.deficit_m, (finding,), len(bands))


@hookimpl
def prescribe(
    surface: SkinSurface,
    region: NDArray[np.bool_],
    facts: PatientFacts,
    assessment: Assessment,
    profiles: dict[str, HandpieceProfile],
) -> Prescription:
    """Treat the bands with a margin of 1.2 mm; nothing between them."""
    refuse_neck(
        facts, "striae settings have no source on the neck, where fractional CO2 scarred (Avram 2009)"
    )
    findings: list[Finding] = []
    stage = facts.striae_stage
    if stage is None:
        stage = "rubrae"
        text = "stage not stated: the more cautious dose for striae rubrae is used"
        findings.append(
            Finding(Severity.WARNING, NAME, "stage-not-stated", text, "state striae_stage: rubrae or alba")
        )
    if stage == "rubrae":
        text = "striae rubrae: a vascular laser comes first; CO2 conservative"
        findings.append(Finding(Severity.WARNING, NAME, "vascular-laser-first", text, DOSES["rubrae"][2]))
    percent, energy, source = DOSES[stage]
    if facts.fitzpatrick is None or facts.fitzpatrick >= 4:
        text = "darker skin: pigmentation after striae treatment is common; consider a test spot"
        findings.append(Finding(Severity.WARNING, NAME, "pigmentation-risk", text, "set a test spot"))
    factor, told = fitzpatrick_multiplier(facts, NAME)
    findings += told
    bands = spread_out(surface, assessment.severity, MARGIN_M, region) > 0.0
    if not (bands & region).any():
        raise Refused(
            "no striae in the region: nothing to treat", code="no-bands-in-region",
            fix="give a region with striae, or capture closer",
        )  # fmt: skip
    density = np.where(
        bands & region, percent * factor * density_per_cm2(1.0, profiles[PROFILE].spot_um), 0.0
    )
    rationale = (
        f"striae {stage}: {energy:g} mJ at {percent:g} %, {source}; bands only, margin {MARGIN_M * 1e3:g} mm"
    )
    return Prescription(density, np.full(len(region), energy), PROFILE, rationale, findings=tuple(findings))
