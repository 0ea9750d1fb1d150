"""Which skin is treated: the surface checked, the region chosen, the skin in it assessed by the plugin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.hooks import Assessment, Region
from openmtz.plan import Finding, Severity
from openmtz.planning.context import SOURCE, PlanningContext
from openmtz.planning.skin import region as regions
from openmtz.planning.skin.lost_skin import lost_skin
from openmtz.planning.skin.polygon import PolygonRegion
from openmtz.planning.skin.rim import Rim, rim_of
from openmtz.planning.skin.surface_check import MAX_TRIANGLES, Checked, check_surface, crop

LEAST_BEYOND_CM2 = 0.05
"""Less skin than this beyond a crack is not worth a word [cm2]."""
CROP_MARGIN_M = 0.02
"""Skin kept around a region when the rest of a very fine surface is left out [m]: more than any plugin
examines (`region.EXAMINED_MARGIN_M`) and any normal is averaged over."""


class AskedSkin(NamedTuple):
    """What the region holds of the captured skin, whether it can be treated or not.

    Attributes:
        mesh: the skin before broken triangles were left out. given_vertex: `(W,)` which vertex of the surface
            given each of its vertices is. kept: `(V,)` which of its vertices those of the examined surface
            are.
        region: `(W,)` bool, all that lies in the region. lost: `(W,)` the value of the `LostSkin` for which
            a vertex of the region is not treated, empty elsewhere.
    """

    mesh: TriangleMesh
    given_vertex: NDArray[np.int64]
    kept: NDArray[np.int64]
    region: NDArray[np.bool_]
    lost: NDArray[np.str_]


class ExaminedSkin(NamedTuple):
    """The skin that the steps after this one work on.

    Attributes:
        surface: the one given, cut down and without broken triangles where that was needed.
        given_vertex: `(V,)` which vertex of the surface given each vertex of `surface` is.
        examined, region: `(V,)` bool, what the plugin looked at and what is to be treated.
        assessment: what the plugin sees on the regions.
        asked: the region with what is left out of it.
    """

    surface: SkinSurface
    given_vertex: NDArray[np.int64]
    examined: NDArray[np.bool_]
    region: NDArray[np.bool_]
    assessment: Assessment
    asked: AskedSkin


def examine_skin(context: PlanningContext) -> ExaminedSkin:
    """Check the surface, choose the region if none is given, and have the skin assessed.

    Raises:
        PlanningError: no skin in the region, or a surface too broken or too fine to plan on.
    """
    whole, whole_vertex = _workable(context)
    checked = check_surface(whole)
    _refuse_broken(context, checked)
    surface, kept = whole, np.arange(len(whole.mesh.vertices))
    if not checked.faces_ok.all():
        mesh, kept = whole.mesh.submesh(checked.faces_ok)
        surface = SkinSurface(mesh, whole.normals[kept], whole.quality[kept], whole.voxel_m, whole.surface_id)
    rim = rim_of(whole.mesh, checked.doubled)
    try:
        examined, chosen, assessment = _assess(context, surface, rim.of(kept))
        treated = regions.select(surface, chosen, rim=rim.of(kept))
        asked = regions.select(whole, chosen, keep_edge=True)
        beyond_cm2 = regions.cut_off_cm2(whole, chosen)
    except regions.RegionError as error:
        fix = "give a region on the captured skin, or capture again"
        finding = Finding(Severity.REFUSAL, SOURCE, "no-skin-in-region", str(error), fix)
        raise context.refused(str(error), *checked.findings, finding) from error
    for f in checked.findings:
        # what the operator accepted is told, not refused
        told = min(f.severity, Severity.WARNING)
        context.note(Finding(told, f.source, f.code, f.text, f.fix, f.count))
    context.note(*assessment.findings)
    if beyond_cm2 > LEAST_BEYOND_CM2:
        text = f"{beyond_cm2:.2f} cm2 of the region do not hang together with its middle"
        text += " (a crack, or another piece of skin): not planned"
        fix = "close the crack in the mesh, or plan the rest with a region of its own"
        context.warn("region-cut-off", text, fix)
    lost = lost_skin(whole.mesh, asked, kept, treated, rim)
    return ExaminedSkin(
        surface, whole_vertex[kept], examined, treated, assessment,
        AskedSkin(whole.mesh, whole_vertex, kept, asked, lost),
    )  # fmt: skip


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
    context: PlanningContext, surface: SkinSurface, rim: Rim
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
        can_be = ~np.logical_or(*rim.near(surface.mesh.vertices))  # what cannot be treated attracts nothing
        severity = np.where(can_be, assessment.severity, 0.0)
        chosen = regions.most_affected(surface, area, severity, regions.DEFAULT_RADIUS_M, area & near)
        region = Region(tuple(chosen), regions.DEFAULT_RADIUS_M)
    return area, region, assessment
