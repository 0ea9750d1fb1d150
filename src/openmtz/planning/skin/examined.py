"""Which skin is treated: the surface checked, the region chosen, the skin in it assessed by the plugin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import Assessment, Region
from openmtz.plan import Finding, Severity
from openmtz.planning.context import SOURCE, PlanningContext
from openmtz.planning.skin import region as regions
from openmtz.planning.skin.polygon import PolygonRegion
from openmtz.planning.skin.surface_check import MAX_TRIANGLES, Checked, check_surface, crop

CROP_MARGIN_M = 0.02
"""Skin kept around a region when the rest of a very fine surface is left out [m]: more than any plugin
examines (`region.EXAMINED_MARGIN_M`) and any normal is averaged over."""


class ExaminedSkin(NamedTuple):
    """The skin that the steps after this one work on.

    Attributes:
        surface: the one given, cut down and without broken triangles where that was needed.
        given_vertex: `(V,)` which vertex of the surface given each vertex of `surface` is.
        examined, region: `(V,)` bool, what the plugin looked at and what is to be treated.
        trimmed_cm2: part of the region [cm2] left out because it lies too near to the rim of the capture.
        cut_off_cm2: part of the region [cm2] left out because a crack parts it from the region's middle.
        assessment: what the plugin sees on the regions.
    """

    surface: SkinSurface
    given_vertex: NDArray[np.int64]
    examined: NDArray[np.bool_]
    region: NDArray[np.bool_]
    trimmed_cm2: float
    cut_off_cm2: float
    assessment: Assessment


def examine_skin(context: PlanningContext) -> ExaminedSkin:
    """Check the surface, choose the region if none is given, and have the skin assessed.

    Raises:
        PlanningError: no skin in the region, or a surface too broken or too fine to plan on.
    """
    surface, given_vertex = _workable(context)
    checked = check_surface(surface)
    _refuse_broken(context, checked)
    if not checked.faces_ok.all():
        mesh, rows = surface.mesh.submesh(checked.faces_ok)
        surface = SkinSurface(
            mesh, surface.normals[rows], surface.quality[rows], surface.voxel_m, surface.surface_id
        )
        given_vertex = given_vertex[rows]
    try:
        examined, chosen, assessment = _assess(context, surface)
        treated = regions.select(surface, chosen)
        with_rim = regions.select(surface, chosen, keep_edge=True)
        cut_off_cm2 = regions.cut_off_cm2(surface, chosen)
    except regions.RegionError as error:
        fix = "give a region on the captured skin, or capture again"
        finding = Finding(Severity.REFUSAL, SOURCE, "no-skin-in-region", str(error), fix)
        raise context.refused(str(error), *checked.findings, finding) from error
    trimmed_cm2 = float(surface.mesh.vertex_areas()[with_rim & ~treated].sum() * 1e4)
    for f in checked.findings:
        # what the operator accepted is told, not refused
        told = min(f.severity, Severity.WARNING)
        context.note(Finding(told, f.source, f.code, f.text, f.fix, f.count))
    context.note(*assessment.findings)
    return ExaminedSkin(surface, given_vertex, examined, treated, trimmed_cm2, cut_off_cm2, assessment)


def _refuse_broken(context: PlanningContext, checked: Checked) -> None:
    """Raise PlanningError if the surface is broken: at all by default, or, where the operator allows a
    partial plan, beyond what leaving triangles out can mend."""
    refusals = [f for f in checked.findings if f.severity == Severity.REFUSAL]
    if not refusals:
        return
    hopeless = any(f.code in ("surface-normals", "surface-empty") for f in refusals)
    if hopeless or not context.overrides.allow_partial or not checked.faces_ok.any():
        raise context.refused("; ".join(f.text for f in refusals), *checked.findings)


def _workable(context: PlanningContext) -> tuple[SkinSurface, NDArray[np.int64]]:
    """Return the surface, cut down to the region's surroundings where it is very fine, and which vertex of
    the one given each of its vertices is."""
    surface, region = context.surface, context.region
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
    raise context.refused(text, Finding(Severity.REFUSAL, SOURCE, "surface-too-fine", text, fix))


def _assess(
    context: PlanningContext, surface: SkinSurface
) -> tuple[NDArray[np.bool_], regions.AnyRegion, Assessment]:
    """Return the vertices examined `(V,)` bool, the region to treat, and the plugin's assessment."""
    region = context.region
    if region is None:
        center = regions.middle(surface)
        area = regions.disc(surface, Region(tuple(center), regions.EXAMINED_RADIUS_M), keep_edge=True)
    elif isinstance(region, Region):
        wide = Region(region.center_m, min(region.radius_m + regions.EXAMINED_MARGIN_M, 0.25))
        area = regions.disc(surface, wide, keep_edge=True)
    else:
        area = regions.select(surface, region, keep_edge=True)
        if isinstance(region, PolygonRegion):
            area = regions.grown(surface, area, regions.EXAMINED_MARGIN_M)
    assessment = context.manager.assess(surface, area, context.indication, context.facts)
    if region is None:
        near = np.linalg.norm(surface.mesh.vertices - center, axis=1) < (
            regions.EXAMINED_RADIUS_M - regions.DEFAULT_RADIUS_M
        )
        chosen = regions.most_affected(surface, area & near, assessment.severity, regions.DEFAULT_RADIUS_M)
        region = Region(tuple(chosen), regions.DEFAULT_RADIUS_M)
    return area, region, assessment
