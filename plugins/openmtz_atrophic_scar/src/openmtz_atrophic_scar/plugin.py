"""Hooks: find dents deeper than the noise, tell their kind, dose each kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import (
    Assessment,
    Indication,
    PatientFacts,
    Prescription,
    density_per_cm2,
    fitzpatrick_multiplier,
    hookimpl,
    site_rule,
)
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity
from openmtz.planning.skin import Course, Lesion, fit_course, lesions_of, spread_out
from openmtz_atrophic_scar.classes import DOSES, EDGE_FACTOR, MAX_PERCENT, kind_of

NAME = "atrophic_scar"
PROFILE = "co2_120um_low_energy"
LEAST_DEPTH_M = 0.00015
FULL_SEVERITY_M = 0.001
LEAST_AREA_CM2 = 0.006
MARGIN_M = 0.0008
"""Skin around a scar that is treated like it: its shoulder."""


@hookimpl
def indications() -> list[Indication]:
    """Return atrophic acne scars."""
    return [
        Indication(
            NAME,
            "Atrophic acne scars",
            "Finds dents below the smooth course of the skin; energy and density by kind of scar.",
            sources=("Yuan 2014 [V]", "Xu & Deng 2018 [V]"),
        )
    ]


@hookimpl
def assess(surface: SkinSurface, area: NDArray[np.bool_], facts: PatientFacts) -> Assessment:
    """Return how deep each vertex lies below the course, as severity where it belongs to a scar."""
    course, scars = _scars(surface, area)
    severity = np.zeros(len(area))
    for scar in scars:
        severity[scar.vertices] = np.clip(course.deficit_m[scar.vertices] / FULL_SEVERITY_M, 0.05, 1.0)
    findings = []
    if scars:
        kinds = [kind_of(s) for s in scars]
        counts = ", ".join(f"{kinds.count(k)} {k}" for k in ("rolling", "boxcar", "icepick") if k in kinds)
        deepest = max(s.depth_m for s in scars) * 1e3
        total = sum(s.area_cm2 for s in scars)
        text = f"{len(scars)} scars ({counts}), {total:.2f} cm2, up to {deepest:.2f} mm deep"
        text += f"; healthy skin varies by {course.noise_m * 1e3:.2f} mm"
        findings.append(Finding(Severity.INFO, NAME, "scars-found", text, count=len(scars)))
        if "icepick" in kinds:
            findings.append(
                Finding(
                    Severity.WARNING, NAME, "icepick-needs-more",
                    f"icepick scars ({kinds.count('icepick')}): the laser alone does little (Xu & Deng 2018)",
                    "combine with another method, e.g. focal acid or punch", kinds.count("icepick"),
                )
            )  # fmt: skip
    else:
        text = f"no dent deeper than {_threshold(course) * 1e3:.2f} mm found"
        findings.append(
            Finding(Severity.WARNING, NAME, "no-scars-found", text, "check the region, or capture closer")
        )
    return Assessment(severity, course.deficit_m, tuple(findings), len(scars))


@hookimpl
def prescribe(
    surface: SkinSurface,
    region: NDArray[np.bool_],
    facts: PatientFacts,
    assessment: Assessment,
    profiles: dict[str, HandpieceProfile],
) -> Prescription:
    """Dose each scar by its kind with a margin, the skin around lightly; skin type and neck last."""
    profile = profiles[PROFILE]
    percent = np.where(region, DOSES["around"].percent, 0.0)
    energy = np.full(len(region), DOSES["around"].energy_mj)
    used = {"around"}
    course = Course(assessment.deficit_depth_m, 0.0, _tangent(surface, region))
    for scar in lesions_of(surface, course, assessment.severity > 0.0, 0.0):
        kind = kind_of(scar)
        dose = DOSES[kind]
        inside = np.zeros(len(region))
        inside[scar.vertices] = 1.0
        with_margin = spread_out(surface, inside, MARGIN_M, region) > 0.0
        if not (with_margin & region).any():
            continue
        used.add(kind)
        percent[with_margin] = np.maximum(percent[with_margin], dose.percent)
        energy[with_margin] = np.maximum(energy[with_margin], dose.energy_mj)
        if kind == "boxcar":
            edge = with_margin & (assessment.deficit_depth_m < 0.5 * scar.depth_m)
            percent[edge] = np.minimum(np.maximum(percent[edge], dose.percent * EDGE_FACTOR), MAX_PERCENT)
    percent = np.where(region, percent, 0.0)
    factor, findings = fitzpatrick_multiplier(facts, NAME)
    percent = percent * factor
    if used == {"around"}:
        text = "no scar in the region: only the light dose for the skin around scars is planned"
        fix = "give a region with scars, or capture closer"
        findings.append(Finding(Severity.WARNING, NAME, "no-scars-in-region", text, fix))
    rationale = "; ".join(
        f"{kind}: {dose.energy_mj:g} mJ at {dose.percent:g} %, {dose.source}"
        for kind, dose in DOSES.items()
        if kind in used
    )
    if rule := site_rule(facts):
        percent = np.minimum(percent, rule.careful_percent)
        energy = np.minimum(energy, rule.careful_energy_mj)
        text = f"{rule.site}: at most {rule.careful_energy_mj:g} mJ and {rule.careful_percent:g} %, one pass"
        findings.append(Finding(Severity.WARNING, NAME, f"{rule.site}-limits", text, rule.source))
        rationale += "; " + rule.source
    density = percent * density_per_cm2(1.0, profile.spot_um)
    return Prescription(density, energy, PROFILE, rationale, findings=tuple(findings))


def _scars(surface: SkinSurface, area: NDArray[np.bool_]) -> tuple[Course, list[Lesion]]:
    course = fit_course(surface, area)
    return course, lesions_of(surface, course, course.deficit_m > _threshold(course), LEAST_AREA_CM2)


def _threshold(course: Course) -> float:
    return max(LEAST_DEPTH_M, 3.0 * course.noise_m)


def _tangent(surface: SkinSurface, region: NDArray[np.bool_]) -> NDArray[np.float64]:
    normal = surface.normals[region].mean(axis=0)
    _, _, rows = np.linalg.svd(normal[None])
    return surface.mesh.vertices @ rows[1:].T
