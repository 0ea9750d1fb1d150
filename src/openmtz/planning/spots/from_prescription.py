"""From a prescribed density to spots on the skin: border, no-fire volumes, passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.limits import LIMITS
from openmtz.plan import Finding, Severity
from openmtz.planning.errors import PlanningError
from openmtz.planning.request import Overrides
from openmtz.planning.skin import PrescribedDose, exclude, feather_density
from openmtz.planning.spots.passes import place_passes
from openmtz.planning.spots.placement import PlacementError

SOURCE = "planner"


@dataclass(frozen=True, eq=False)
class PlacedSpots:
    """`positions` `(N, 3)` [m], the vertices `corners` `(N, 3)` around each, their weights `bary`, the pass
    `(N,)` of each; `dropped` for want of room, `excluded` by no-fire volumes, as numbers of spots; points
    `no_fire_m` `(K, 3)` [m] all over the skin the volumes took away."""

    positions: NDArray[np.float64]
    corners: NDArray[np.int64]
    bary: NDArray[np.float64]
    pass_index: NDArray[np.int64]
    area_cm2: float
    dropped: int
    excluded: int
    no_fire_m: NDArray[np.float64]


def place(
    surface: SkinSurface, dosed: PrescribedDose, wanted: Overrides, seed: int, findings: list[Finding]
) -> PlacedSpots:
    """Place the spots of all passes over the region: feathered, and without no-fire volumes, where asked.

    Raises:
        PlanningError: nothing to treat, too many spots, or volumes that leave nothing; with `findings`.
    """
    mesh, density = surface.mesh, dosed.density_per_cm2
    # only whole triangles: density never bleeds over the border of what is to be treated
    inside = np.asarray(density[mesh.faces].min(axis=1) > 0.0, np.bool_)
    if not inside.any():
        text = "nothing to treat: the prescribed density is zero in the whole region"
        fix = "choose a region with findings, or another indication"
        raise PlanningError(
            text, [*findings, Finding(Severity.REFUSAL, SOURCE, "nothing-to-treat", text, fix)]
        )
    part, old = mesh.submesh(inside)
    field = density[old]
    full = _count(part, field) * dosed.passes
    _check_count(part, full, findings)
    try:
        if wanted.feather_m is not None:
            field = feather_density(part, field, wanted.feather_m)
        volumes = [volume.as_volume() for volume in wanted.no_fire]
        before, no_fire = _count(part, field), np.empty((0, 3))
        if volumes:
            left = exclude(part, field, volumes, wanted.no_fire_margin_m)
            placed = place_passes(left.mesh.vertices, left.mesh.faces, left.density, dosed.passes, seed=seed)
            spots, area = left.on_original(placed.spots), float(left.mesh.face_areas().sum() * 1e4)
            after, no_fire = _count(left.mesh, left.density), left.removed_m
        else:
            placed = place_passes(part.vertices, part.faces, field, dosed.passes, seed=seed)
            spots, area, after = placed.spots, float(part.face_areas().sum() * 1e4), before
    except (PlacementError, ValueError) as error:
        finding = Finding(Severity.REFUSAL, SOURCE, "placement-failed", str(error))
        raise PlanningError(str(error), [*findings, finding]) from error
    return PlacedSpots(
        spots.positions, old[part.faces[spots.face_index]], spots.barycentric, placed.pass_index, area,
        spots.dropped, round((before - after) * dosed.passes), no_fire,
    )  # fmt: skip


def _count(mesh: TriangleMesh, density: NDArray[np.float64]) -> float:
    """Return the integral of the density `(V,)` per cm2 over the mesh."""
    return float((mesh.face_areas() * 1e4 * density[mesh.faces].mean(axis=1)).sum())


def _check_count(part: TriangleMesh, count: float, findings: list[Finding]) -> None:
    """Say before placing what the host envelope would refuse after it."""
    most = LIMITS["spots"].value
    if count > most:
        text = f"{count:.0f} spots on {part.face_areas().sum() * 1e4:.0f} cm2; a plan has at most {most:.0f}"
        fix = "treat a smaller region, or lower the density"
        raise PlanningError(text, [*findings, Finding(Severity.REFUSAL, SOURCE, "too-many-spots", text, fix)])
