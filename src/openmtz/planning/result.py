"""A plan together with what led to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.plan import Finding, TreatmentPlan
from openmtz.planning.context import PlanningContext
from openmtz.planning.dose import SpotDoses
from openmtz.planning.skin import ExaminedSkin, PrescribedDose
from openmtz.planning.spots import PlacedSpots
from openmtz.planning.untreated import Untreated


@dataclass(frozen=True, eq=False)
class PlanningResult:
    """A plan and what led to it.

    `areas` [cm2]: `surface`, `examined`, `region`, `treated`, and `untreated`: of all that lies in the
    region, without spots though nobody wanted it so. Per vertex `(V,)` of the surface given: `region` bool,
    `density_per_cm2` (all passes), `severity`, `deficit_depth_m`, `untreated_cause` (why a vertex of the
    region gets no spots, empty where it does). `refused_m` `(R, 3)` [m] are the spots that were not planned,
    `refused_cause` `(R,)` the values of `Cause` that say why. `no_fire_m` `(K, 3)` [m] are points all over
    the skin that no-fire volumes took away before spots were placed.
    """

    plan: TreatmentPlan
    findings: tuple[Finding, ...]
    areas: dict[str, float]
    region: NDArray[np.bool_]
    density_per_cm2: NDArray[np.float64]
    severity: NDArray[np.float64]
    deficit_depth_m: NDArray[np.float64]
    refused_m: NDArray[np.float64]
    refused_cause: NDArray[np.str_]
    no_fire_m: NDArray[np.float64]
    untreated_cause: NDArray[np.str_]
    rationale: str


def result_of(
    context: PlanningContext,
    skin: ExaminedSkin,
    prescribed: PrescribedDose,
    spots: PlacedSpots,
    doses: SpotDoses,
    untreated: Untreated,
    plan: TreatmentPlan,
) -> PlanningResult:
    """Return the plan with what the steps found, per vertex of the surface that was given to the planner."""
    vertex_cm2 = skin.surface.mesh.vertex_areas() * 1e4
    count = len(context.surface.mesh.vertices)

    def on_the_given_surface(values: NDArray[Any]) -> NDArray[Any]:
        full = np.zeros(count, values.dtype)
        full[skin.given_vertex] = values
        return full

    cause = np.full(count, "", untreated.cause.dtype)
    cause[skin.asked.given_vertex] = untreated.cause
    return PlanningResult(
        plan=plan,
        findings=tuple(context.findings),
        areas={
            "surface": context.surface.area_cm2,
            "examined": float(vertex_cm2[skin.examined].sum()),
            "region": float(vertex_cm2[skin.region].sum()),
            "treated": spots.area_cm2,
            "untreated": untreated.region_cm2,
        },
        region=on_the_given_surface(skin.region),
        density_per_cm2=on_the_given_surface(prescribed.density_per_cm2 * prescribed.passes),
        severity=on_the_given_surface(skin.assessment.severity),
        deficit_depth_m=on_the_given_surface(skin.assessment.deficit_depth_m),
        refused_m=spots.positions[~doses.planned],
        refused_cause=doses.cause[~doses.planned],
        no_fire_m=spots.no_fire_m,
        untreated_cause=cause,
        rationale=prescribed.prescription.rationale,
    )
