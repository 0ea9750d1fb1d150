"""How dense spots, and how much energy, lie together anywhere in a plan."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.limits.absolute import LIMITS
from openmtz.limits.refusal import refusal
from openmtz.limits.sites import on_the_sites, rules_of_header, strictest
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, TreatmentPlan

DISC_RADIUS_M = math.sqrt(1e-4 / math.pi)
"""Radius of a disc of 1 cm2."""
CELLS_PER_RADIUS = 5.0
"""The bound is 1.8 times the density of even spots; at 8 it is 1.5, at six times the pairs (computed)."""
ROUNDING = 1e-9
"""Bounds nearer to a limit than this share of it settle nothing: sums round."""


class Density(NamedTuple):
    """The densest there is: `spots_per_cm2` and `j_per_cm2`, not necessarily in the same place."""

    spots_per_cm2: float
    j_per_cm2: float


def check_density(plan: TreatmentPlan, profile: HandpieceProfile) -> list[Finding]:
    """Return what in any pass lies too densely: over the whole area (for regions smaller than 1 cm2), in the
    densest disc of 1 cm2 around any spot, and in pairs of spots."""
    found: list[Finding] = []
    for number in np.unique(plan.pass_index):
        rows = np.flatnonzero(plan.pass_index == number)
        found += _check_pass(plan, rows, profile)
    return found


def _check_pass(plan: TreatmentPlan, rows: NDArray[np.int64], profile: HandpieceProfile) -> list[Finding]:
    rules = rules_of_header(plan.header)
    most, most_dose = strictest("coverage", rules), LIMITS["dose_j_cm2"].value
    spot_cm2 = math.pi * (profile.spot_um * 0.5e-4) ** 2
    points, energy_j = plan.positions_m[rows], plan.energy_uj[rows].astype(np.float64) * 1e-6
    tree = cKDTree(points)
    area = float(plan.header.get("area_cm2") or math.inf)
    count, dose = len(rows) / area, float(energy_j.sum()) / area
    settled_below = most_dose * (1.0 - ROUNDING)
    bound = upper_bounds(points, energy_j)
    if bound.spots_per_cm2 * spot_cm2 > most * (1.0 - ROUNDING) or bound.j_per_cm2 > settled_below:
        disc = densest(tree, points, energy_j, settled_below)
        count, dose = max(count, disc.spots_per_cm2), max(dose, disc.j_per_cm2)
    found, where = [], f"pass {plan.pass_index[rows[0]]}"
    if count * spot_cm2 > most:
        text = f"{where}: {count:.0f} spots/cm2 cover {count * spot_cm2:.1%}, limit {most:.0%}"
        text += on_the_sites(rules)
        found.append(refusal("coverage-over-limit", text, "lower the density", len(rows)))
    if dose > most_dose:
        text = f"{where}: {dose:.1f} J/cm2, limit {most_dose:g} J/cm2"
        found.append(refusal("dose-over-limit", text, "lower density or energy", len(rows)))
    near = LIMITS["spot_distance"].value * profile.spot_um * 1e-6
    pairs = tree.query_pairs(near, output_type="ndarray")
    if len(pairs):
        text = f"{where}: {len(pairs)} pairs of spots nearer than {near * 1e6:.0f} um"
        found.append(refusal("spots-stacked", text, "place spots farther apart", len(pairs)))
    return found


def upper_bounds(points: NDArray[np.float64], energy_j: NDArray[np.float64]) -> Density:
    """Return a density that no ball of 1 cm2 cross-section around any spot exceeds, for spots `(N, 3)` [m]
    with energies `(N,)` [J].

    It is counted in cells a fifth of the ball's radius wide, which is much quicker than looking at every
    ball. Most plans are so far below the limits that this settles the matter.
    """
    side = DISC_RADIUS_M / CELLS_PER_RADIUS
    cells, cell = np.unique(np.floor(points / side).astype(np.int64), axis=0, return_inverse=True)
    own = np.stack([np.bincount(cell.ravel()), np.bincount(cell.ravel(), energy_j)])
    # a spot is at most half a diagonal from its cell's middle, and so is what it has in its ball
    reach = DISC_RADIUS_M + math.sqrt(3.0) * side + 1e-9
    pairs = cKDTree(cells * side).query_pairs(reach, output_type="ndarray")
    total = own.copy()
    for here, there in (pairs.T, pairs.T[::-1]):
        for values, result in zip(own, total, strict=True):
            result += np.bincount(here, values[there], len(cells))
    return Density(float(total[0].max()), float(total[1].max()))


def densest(
    tree: cKDTree, points: NDArray[np.float64], energy_j: NDArray[np.float64], least_j: float = 0.0
) -> Density:
    """Return the largest density in a ball of 1 cm2 cross-section around any spot, for spots `(N, 3)` [m]
    with energies `(N,)` [J]. Where the energy stays below `least_j`, an upper bound of it is returned
    instead, which is quicker."""
    count = float(tree.query_ball_point(points, DISC_RADIUS_M, return_length=True).max())
    bound = count * float(energy_j.max())
    if float(np.ptp(energy_j)) == 0.0 or bound <= least_j:
        return Density(count, bound)
    # The heaviest disc need not be the densest one; 2000 centres are closer together than a disc is wide.
    return Density(count, _heaviest(tree, points, energy_j))


def _heaviest(tree: cKDTree, points: NDArray[np.float64], energy_j: NDArray[np.float64]) -> float:
    centres = points[:: max(1, len(points) // 2000)]
    return max(float(energy_j[rows].sum()) for rows in tree.query_ball_point(centres, DISC_RADIUS_M))
