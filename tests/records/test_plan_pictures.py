"""Pictures of a plan show what it is; here what no-fire volumes took away."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from openmtz.geometry import SkinSurface
from openmtz.hooks import Region
from openmtz.planning import PlanningResult, plan_treatment
from openmtz.records.plan_pictures import CAUSE_COLORS, NO_FIRE, draw_plan
from openmtz.records.style import Picture
from openmtz.simulation.patient.phantoms import make_phantom

AT = np.array([0.5, 0.0, 0.05])
EYE = {"kind": "sphere", "center_m": AT.tolist(), "radius_m": 0.003}


@cache
def planned() -> tuple[SkinSurface, PlanningResult]:
    mesh = make_phantom("forearm", "none", 0).mesh
    near = np.linalg.norm(mesh.vertices - AT, axis=1) < 0.02
    part, _ = mesh.submesh(near[mesh.faces].all(axis=1))
    surface = SkinSurface.from_arrays(part.vertices, part.faces, voxel_m=0.001)
    overrides = {"no_fire": [EYE], "no_fire_margin_m": 0.0}
    return surface, plan_treatment(
        surface, "ladd", region=Region((0.5, 0.0, 0.05), 0.009), overrides=overrides
    )


def pictures(**more: Any) -> dict[str, Picture]:
    surface, result = planned()
    given = (result.density_per_cm2, result.refused_m, result.refused_cause)
    return draw_plan(result.plan, surface, *given, **more)


def pixels(picture: Picture) -> np.ndarray:
    return imread(io.BytesIO(picture.data))[..., :3]


def test_skin_taken_away_by_a_volume_is_shown_as_an_area_of_its_size() -> None:
    _, result = planned()
    assert len(result.refused_m) == 0 and "refused" not in pictures()
    image = pixels(pictures(no_fire_m=result.no_fire_m)["refused"])
    dark = (np.abs(image - to_rgb(CAUSE_COLORS[NO_FIRE])).max(axis=2) < 0.02).sum()
    other = pixels(pictures(no_fire_m=np.repeat(AT[None], 1, axis=0))["refused"])
    one = (np.abs(other - to_rgb(CAUSE_COLORS[NO_FIRE])).max(axis=2) < 0.02).sum()
    assert dark > 4000 and dark > 5 * one


def test_where_nothing_may_be_fired_nothing_is_said_to_be_uneven() -> None:
    """Density prescribed there is missing on purpose: red and blue near it would be false."""
    _, result = planned()
    without, told = (pixels(pictures(**m)["evenness"]) for m in ({}, {"no_fire_m": result.no_fire_m}))
    coloured = [(np.ptp(image, axis=2) > 0.25).sum() for image in (without, told)]
    assert coloured[1] < 0.5 * coloured[0]
