"""Which skin, and how much there: examined, assessed, prescribed, as fields per vertex of the surface."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import Assessment, PatientFacts, PluginManager, Prescription, Refused, Region
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity
from openmtz.planning.errors import PlanningError
from openmtz.planning.request import Overrides
from openmtz.planning.skin import MAX_TRIANGLES, PolygonRegion, check_surface, crop, region as skin

SOURCE = "planner"
CROP_MARGIN_M = 0.02
"""Skin kept around a region when the rest of a very fine surface is left out [m]: more than any plugin
examines (`region.EXAMINED_MARGIN_M`) and any normal is averaged over."""


class Looked(NamedTuple):
    """`surface` worked on and the row `old` `(V',)` of its vertices in the one given; `examined`, `region`
    `(V',)` bool; `trimmed_cm2` of the region too near to the rim of what was captured."""

    surface: SkinSurface
    old: NDArray[np.int64]
    examined: NDArray[np.bool_]
    region: NDArray[np.bool_]
    trimmed_cm2: float
    assessment: Assessment
    findings: tuple[Finding, ...]


def look(
    surface: SkinSurface,
    indication: str,
    facts: PatientFacts,
    manager: PluginManager,
    region: skin.AnyRegion | None,
    allow_partial: bool,
) -> Looked:
    """Check the surface, choose the region if none is given, and have it assessed.

    Raises:
        PlanningError: no skin in the region, or a surface too broken or too fine to plan on.
    """
    surface, old = _workable(surface, region)
    checked = check_surface(surface)
    refusals = [f for f in checked.findings if f.severity == Severity.REFUSAL]
    if refusals and not (allow_partial and checked.faces_ok.any() and not _hopeless(refusals)):
        raise PlanningError("; ".join(f.text for f in refusals), checked.findings)
    if not checked.faces_ok.all():
        mesh, rows = surface.mesh.submesh(checked.faces_ok)
        surface = SkinSurface(
            mesh, surface.normals[rows], surface.quality[rows], surface.voxel_m, surface.surface_id
        )
        old = old[rows]
    try:
        area, chosen, assessment = _examine(surface, indication, facts, manager, region)
        treat = skin.select(surface, chosen)
        with_rim = skin.select(surface, chosen, keep_edge=True)
    except skin.RegionError as error:
        fix = "give a region on the captured skin, or capture again"
        finding = Finding(Severity.REFUSAL, SOURCE, "no-skin-in-region", str(error), fix)
        raise PlanningError(str(error), [*checked.findings, finding]) from error
    trimmed = float(surface.mesh.vertex_areas()[with_rim & ~treat].sum() * 1e4)
    findings = tuple(
        # what the operator accepted is told, not refused
        Finding(min(f.severity, Severity.WARNING), f.source, f.code, f.text, f.fix, f.count)
        for f in checked.findings
    )
    return Looked(surface, old, area, treat, trimmed, assessment, (*findings, *assessment.findings))


def _hopeless(refusals: list[Finding]) -> bool:
    return any(f.code in ("surface-normals", "surface-empty") for f in refusals)


def _workable(surface: SkinSurface, region: skin.AnyRegion | None) -> tuple[SkinSurface, NDArray[np.int64]]:
    """Return the surface, cut down to the region's surroundings where it is very fine."""
    everything = np.arange(len(surface.mesh.vertices))
    if len(surface.mesh.faces) <= MAX_TRIANGLES:
        return surface, everything
    if isinstance(region, Region):
        center, radius = np.asarray(region.center_m), region.radius_m
    elif isinstance(region, PolygonRegion):
        corners = np.asarray(region.corners_m)
        center = corners.mean(axis=0)
        radius = float(np.linalg.norm(corners - center, axis=1).max())
    else:
        center, radius = None, 0.0
    text = (
        f"the surface has {len(surface.mesh.faces)} triangles; more than {MAX_TRIANGLES} are not planned on"
    )
    try:
        if center is not None:
            surface, rows = crop(surface, center, radius + CROP_MARGIN_M)
            if len(surface.mesh.faces) <= MAX_TRIANGLES:
                return surface, rows
    except ValueError as error:
        text = f"{text}, and {error}"
    fix = "decimate it to edges of 0.3 to 1 mm, or give a region: what lies far from it is left out"
    raise PlanningError(text, [Finding(Severity.REFUSAL, SOURCE, "surface-too-fine", text, fix)])


def _examine(
    surface: SkinSurface,
    indication: str,
    facts: PatientFacts,
    manager: PluginManager,
    region: skin.AnyRegion | None,
) -> tuple[NDArray[np.bool_], skin.AnyRegion, Assessment]:
    """Return the vertices examined `(V,)` bool, the region to treat, and the assessment."""
    if region is None:
        center = skin.middle(surface)
        area = skin.disc(surface, Region(tuple(center), skin.EXAMINED_RADIUS_M), keep_edge=True)
    elif isinstance(region, Region):
        wide = Region(region.center_m, min(region.radius_m + skin.EXAMINED_MARGIN_M, 0.25))
        area = skin.disc(surface, wide, keep_edge=True)
    else:
        area = skin.select(surface, region, keep_edge=True)
        if isinstance(region, PolygonRegion):
            area = skin.grown(surface, area, skin.EXAMINED_MARGIN_M)
    assessment = manager.assess(surface, area, indication, facts)
    if region is None:
        near = np.linalg.norm(surface.mesh.vertices - center, axis=1) < (
            skin.EXAMINED_RADIUS_M - skin.DEFAULT_RADIUS_M
        )
        chosen = skin.most_affected(surface, area & near, assessment.severity, skin.DEFAULT_RADIUS_M)
        region = Region(tuple(chosen), skin.DEFAULT_RADIUS_M)
    return area, region, assessment


class Dosed(NamedTuple):
    """`density_per_cm2` `(V,)` of one pass, `energy_mj` `(V,)`, `passes`, `profile`."""

    density_per_cm2: NDArray[np.float64]
    energy_mj: NDArray[np.float64]
    passes: int
    profile: HandpieceProfile
    prescription: Prescription


def prescribe(
    looked: Looked,
    indication: str,
    facts: PatientFacts,
    manager: PluginManager,
    wanted: Overrides,
    findings: list[Finding],
) -> Dosed:
    """Ask the plugin for a dose and apply the operator's overrides; adds to `findings`.

    Raises:
        PlanningError: the plugin refuses, or a profile nobody knows.
    """
    try:
        given = manager.prescribe(looked.surface, looked.region, indication, facts, looked.assessment)
    except Refused as refusal:
        finding = Finding(Severity.REFUSAL, indication, refusal.code, refusal.reason, refusal.fix)
        raise PlanningError(f"{indication}: {refusal.reason}", [*findings, finding]) from refusal
    findings += given.findings
    name = wanted.profile or given.profile
    if name not in manager.profiles:
        text = f"unknown handpiece profile {name!r}; available: {', '.join(manager.profiles)}"
        raise PlanningError(text, [*findings, Finding(Severity.REFUSAL, SOURCE, "unknown-profile", text)])
    scaled = np.asarray(given.density_per_cm2, np.float64) * wanted.density_scale
    density: Any = np.round(np.where(looked.region, scaled, 0.0), 1).astype(np.float64)
    energy = np.asarray(given.energy_mj, np.float64)
    if wanted.energy_mj is not None:
        energy = np.full(len(density), wanted.energy_mj)
    passes = wanted.passes or given.passes
    return Dosed(density, energy, passes, manager.profiles[name], given)
