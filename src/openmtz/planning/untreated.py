"""What of the region, and of the lesions in it, gets no spots: where, why, how much, how deep; and whether so
much is left out that the operator has to say so.

Skin is lost in two ways: before spots are placed (`LostSkin`: too near to the rim of the capture or to a hole
in it, broken triangles), and with spots that are refused (`Cause`). What the operator or the plugin left out
on purpose (no-fire volumes, feathered borders, a density of zero) is told where a lesion lies there, and
counts for nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.limits import needs_word
from openmtz.plan import Finding, Severity
from openmtz.planning.context import SOURCE, PlanningContext
from openmtz.planning.dose import SpotDoses
from openmtz.planning.refusals import FIXES, TEXTS, Cause
from openmtz.planning.skin import ExaminedSkin, LostSkin, PrescribedDose, WholeSkin, lesion_labels
from openmtz.planning.spots import PlacedSpots, hexagonal_pitch_m

GAP_PITCHES = 2.0
"""Skin farther from every planned spot than so many pitches gets none: in an even pattern the farthest place
between spots is 0.58 pitches from them. Engineering default."""
LEAST_CM2 = 0.02
"""Less skin than this is not worth a word, unless a lesion lies there: 9 spots at 442 per cm2."""
LEFT_OUT_SHARE = 0.25
"""A lesion counts as left out where so much of it, or its deepest place, gets no spots. Engineering
default."""
NOT_PRESCRIBED, FEATHERED, NO_ROOM = "not-prescribed", "feathered", "no-room"
WANTED = (Cause.NO_FIRE_VOLUME.value, FEATHERED, NOT_PRESCRIBED)
"""Left out because somebody wanted it so."""
_TEXTS = {
    LostSkin.NEAR_EDGE.value: "too near to the captured skin's rim (2 mm)",
    LostSkin.NEAR_HOLE.value: "at a hole in the captured skin, which the camera did not see into",
    LostSkin.BROKEN.value: "in triangles that were left out because they are broken",
    LostSkin.CUT_OFF.value: "cut off from the rest of the region by what is left out",
    NOT_PRESCRIBED: "the indication prescribes nothing there",
    FEATHERED: "in the feathered border",
    NO_ROOM: "the placement left it empty",
    **{cause.value: text for cause, text in TEXTS.items()},
}
_FIXES = {
    LostSkin.NEAR_EDGE.value: "capture a larger area, or move the region inward",
    LostSkin.NEAR_HOLE.value: "capture again from more directions, or nearer",
    LostSkin.BROKEN.value: "repair the mesh there, or capture again",
    LostSkin.CUT_OFF.value: "plan it as a region of its own",
    NOT_PRESCRIBED: "choose another indication for it",
    FEATHERED: "feather over a smaller width, or draw the region larger",
    NO_ROOM: "report this with the surface's file",
    **{cause.value: text for cause, text in FIXES.items()},
}
ALLOW = "allow a partial plan (`allow_partial`) to plan it all the same"


class Untreated(NamedTuple):
    """Skin of the region without spots, per vertex of `AskedSkin.mesh` `(W,)`.

    Attributes:
        cause: value of `LostSkin` or `Cause`, or one of this module's, empty where there are spots.
        region_cm2, lesion_cm2: of the region, of the lesions in it, without spots, not counting what was
            wanted so. region_share, lesion_share: the same as a share [0, 1].
        deepest_m: how deep the skin lies below its course there, at most [m].
        worst_left_out: the deepest lesion of the region is among those left out.
    """

    cause: NDArray[np.str_]
    region_cm2: float
    region_share: float
    lesion_cm2: float
    lesion_share: float
    deepest_m: float
    worst_left_out: bool

    @property
    def needs_word(self) -> bool:
        """So much is left out that there is no plan without the operator's word."""
        return needs_word(self.to_header())

    def to_header(self) -> dict[str, float | bool]:
        """Return what stands in the plan's header."""
        return {
            "region_cm2": round(self.region_cm2, 4),
            "region_share": round(self.region_share, 4),
            "lesion_cm2": round(self.lesion_cm2, 4),
            "lesion_share": round(self.lesion_share, 4),
            "deepest_mm": round(self.deepest_m * 1e3, 3),
            "worst_left_out": bool(self.worst_left_out),
        }


class _Skin(NamedTuple):
    """Per vertex of `AskedSkin.mesh` `(W,)`: `area_cm2`, `depth_m` below the course, in the `region`, part of
    a `lesion`, the `label` of the piece of lesion it belongs to."""

    area_cm2: NDArray[np.float64]
    depth_m: NDArray[np.float64]
    region: NDArray[np.bool_]
    lesion: NDArray[np.bool_]
    label: NDArray[np.int64]


def account_for_untreated(
    context: PlanningContext,
    skin: ExaminedSkin,
    prescribed: PrescribedDose,
    spots: PlacedSpots,
    doses: SpotDoses,
) -> Untreated:
    """Note what gets no spots, by cause; return it.

    Raises:
        PlanningError: more than the stated share is left out, or the deepest lesion, and the operator did not
            allow a partial plan.
    """
    whole = _skin_of(skin)
    cause = _causes(context, skin, prescribed, spots, doses)
    found = [*_region_findings(whole, cause), *_lesion_findings(whole, cause), *_border_findings(whole)]
    result = _sum_up(whole, cause, isinstance(context.region, WholeSkin))
    if result.needs_word and not context.overrides.allow_partial:
        text = (
            f"{result.region_share:.0%} of the region and {result.lesion_share:.0%} of the lesions in it"
            f" would get no spots{', the deepest lesion among them' if result.worst_left_out else ''}: "
        )
        text += "; ".join(f.text for f in found)
        word = Finding(Severity.REFUSAL, SOURCE, "needs-operators-word", text, ALLOW)
        raise context.refused(text, *found, word)
    context.note(*found)
    return result


def _skin_of(skin: ExaminedSkin) -> _Skin:
    asked = skin.asked
    count = len(asked.region)
    depth, severity = np.zeros(count), np.zeros(count)
    depth[asked.kept] = skin.assessment.deficit_depth_m
    severity[asked.kept] = skin.assessment.severity
    lesion = severity > 0.0
    label = lesion_labels(asked.mesh, lesion)
    return _Skin(asked.mesh.vertex_areas() * 1e4, depth, asked.region, lesion, label)


def _causes(
    context: PlanningContext,
    skin: ExaminedSkin,
    prescribed: PrescribedDose,
    spots: PlacedSpots,
    doses: SpotDoses,
) -> NDArray[np.str_]:
    """Return `(W,)` why a vertex of the region gets no spots, empty where it does."""
    asked = skin.asked
    cause = asked.lost.copy()
    planned, refused = spots.positions[doses.planned], spots.positions[~doses.planned]
    rows = np.flatnonzero(skin.region)
    at, points = asked.kept[rows], skin.surface.mesh.vertices[rows]
    density = prescribed.density_per_cm2[rows] * prescribed.passes
    nothing = density <= 0.0
    cause[at[nothing]] = NOT_PRESCRIBED
    far = cKDTree(planned).query(points)[0] if len(planned) else np.full(len(points), np.inf)
    gap = ~nothing & (far > GAP_PITCHES * hexagonal_pitch_m(np.where(nothing, 1.0, density)))
    cause[at[gap]] = FEATHERED if context.overrides.feather_m is not None else NO_ROOM
    for others, why in (
        (spots.no_fire_m, np.full(len(spots.no_fire_m), Cause.NO_FIRE_VOLUME.value, "<U24")),
        (refused, doses.cause[~doses.planned]),
    ):
        if len(others):
            distance, nearest = cKDTree(others).query(points)
            mine = gap & (distance < far)
            cause[at[mine]] = why[nearest[mine]]
    return cause


def _sum_up(skin: _Skin, cause: NDArray[np.str_], all_skin: bool) -> Untreated:
    """Add up; `all_skin`: asked for was all that was captured, which means as far as its rim allows."""
    without = skin.region & (cause != "")
    counted = without & ~np.isin(cause, (*WANTED, LostSkin.NEAR_EDGE.value) if all_skin else WANTED)
    lesion = skin.region & skin.lesion
    left = lesion & without & ~np.isin(cause, (Cause.NO_FIRE_VOLUME.value, FEATHERED))
    total, lesions = float(skin.area_cm2[skin.region].sum()), float(skin.area_cm2[lesion].sum())
    region_cm2, lesion_cm2 = float(skin.area_cm2[counted].sum()), float(skin.area_cm2[left].sum())
    worst = False
    if lesion.any() and skin.depth_m[lesion].max() > 0.0:
        deepest = np.flatnonzero(lesion)[np.argmax(skin.depth_m[lesion])]
        worst = _left_out(skin, left, lesion & (skin.label == skin.label[deepest]))
    return Untreated(
        cause, region_cm2, region_cm2 / max(total, 1e-12), lesion_cm2, lesion_cm2 / max(lesions, 1e-12),
        float(skin.depth_m[counted | left].max(initial=0.0)), worst,
    )  # fmt: skip


def _left_out(skin: _Skin, without: NDArray[np.bool_], lesion: NDArray[np.bool_]) -> bool:
    """Return whether a lesion `(W,)` bool counts as left out by what gets no spots, `without` `(W,)`."""
    rows = np.flatnonzero(lesion)
    share = skin.area_cm2[rows[without[rows]]].sum() / max(float(skin.area_cm2[rows].sum()), 1e-12)
    return bool(share > LEFT_OUT_SHARE or without[rows[np.argmax(skin.depth_m[rows])]])


def _region_findings(skin: _Skin, cause: NDArray[np.str_]) -> list[Finding]:
    """Return one finding per cause by which skin of the region gets no spots."""
    found = []
    total = max(float(skin.area_cm2[skin.region].sum()), 1e-12)
    for why in np.unique(cause[skin.region & (cause != "")]):
        if why == NOT_PRESCRIBED:
            continue
        mine = skin.region & (cause == why)
        area = float(skin.area_cm2[mine].sum())
        if area < LEAST_CM2:
            continue
        text = f"{area:.2f} cm2 ({area / total:.1%}) of the region get no spots: {_TEXTS[why]}"
        if (depth := float(skin.depth_m[mine].max())) > 0.0:
            text += f"; the skin there lies up to {depth * 1e3:.2f} mm below its course"
        severity = Severity.INFO if why in WANTED else Severity.WARNING
        code = why if why in set(LostSkin) | {FEATHERED, NO_ROOM} else f"region-{why}"
        found.append(Finding(severity, SOURCE, code, text, _FIXES[why]))
    return found


def _lesion_findings(skin: _Skin, cause: NDArray[np.str_]) -> list[Finding]:
    """Return one finding per cause for which lesions of the region are left out."""
    found = []
    without = skin.region & skin.lesion & (cause != "")
    by_cause: dict[str, list[NDArray[np.bool_]]] = {}
    for name in np.unique(skin.label[without]):
        lesion = skin.region & skin.lesion & (skin.label == name)
        if _left_out(skin, without, lesion):
            names, which = np.unique(cause[lesion & without], return_inverse=True)
            main = names[np.argmax(np.bincount(which, skin.area_cm2[lesion & without]))]
            by_cause.setdefault(str(main), []).append(lesion)
    for why, lesions in by_cause.items():
        together = np.logical_or.reduce(lesions)
        left = skin.area_cm2[together & without].sum()
        text = (
            f"{_many(len(lesions))} of the region ({_size(skin, together)}) get no spots on {left:.2f} cm2:"
            f" {_TEXTS[why]}"
        )
        found.append(Finding(Severity.WARNING, SOURCE, "lesion-untreated", text, _FIXES[why], len(lesions)))
    return found


def _border_findings(skin: _Skin) -> list[Finding]:
    """Return a finding for lesions that the region's border cuts, and one for those that lie outside it."""
    lesion = skin.lesion
    inside = np.unique(skin.label[lesion & skin.region])
    cut = [
        mine
        for mine in (lesion & (skin.label == name) for name in inside)
        if _left_out(skin, mine & ~skin.region, mine)
    ]
    found = []
    if cut:
        beyond = np.logical_or.reduce(cut) & ~skin.region
        text = f"the region's border cuts {_many(len(cut))}: outside lie {_size(skin, beyond)}"
        fix = "draw the region larger, or move it"
        found.append(Finding(Severity.WARNING, SOURCE, "lesion-cut", text, fix, len(cut)))
    outside = lesion & ~np.isin(skin.label, inside)
    if float(skin.area_cm2[outside].sum()) >= LEAST_CM2:
        count = len(np.unique(skin.label[outside]))
        text = f"{_many(count)} ({_size(skin, outside)}) outside the region: this plan is not for them"
        fix = "plan a region for them, or draw this one larger"
        found.append(Finding(Severity.INFO, SOURCE, "lesions-outside", text, fix, count))
    return found


def _many(count: int) -> str:
    return "1 lesion" if count == 1 else f"{count} lesions"


def _size(skin: _Skin, rows: NDArray[np.bool_]) -> str:
    """Return area and depth of vertices `(W,)` bool as text."""
    return f"{skin.area_cm2[rows].sum():.2f} cm2, up to {skin.depth_m[rows].max() * 1e3:.2f} mm deep"
