"""What a plan may add to skin that was fired at before, in the same session and under other plans.

The limits of `LIMITS` per pass, times the passes allowed, are the most that one plan may give anywhere. Skin
does not know plans: what several give together stays within the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.limits.absolute import LIMITS
from openmtz.limits.density import DISC_RADIUS_M
from openmtz.limits.refusal import refusal
from openmtz.limits.sites import on_the_sites, rules_of_header, strictest
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, TreatmentPlan

GRID_M = 0.0015
"""Discs of 1 cm2 are centred on a grid of this width [m] along the spots. Engineering default."""
PART_OF_A_PASS = 0.5
"""A pass that was broken off counts by its share; so much beyond the limit is left to finish what it began.
Engineering default: dose and coverage are judged beside it without such an allowance."""

Array = NDArray[np.float64]


class EarlierPass(NamedTuple):
    """One pass of another plan: `planned_m` `(n, 3)`, of which `fired_m` `(k, 3)` were fired, with
    `energy_j` `(k,)` and the beam's nominal area `spot_cm2` each. World coordinates [m]."""

    planned_m: Array
    fired_m: Array
    energy_j: Array
    spot_cm2: float


def check_session(
    plan: TreatmentPlan,
    profile: HandpieceProfile,
    earlier: Sequence[EarlierPass],
    *,
    somewhere_j: float = 0.0,
    somewhere_cm2: float = 0.0,
) -> list[Finding]:
    """Return what the plan would bring over the limits together with `earlier`; empty if nothing.

    Args:
        somewhere_j, somewhere_cm2: energy [J] and beam area [cm2] of shots nobody knows the place of; they
            count everywhere.
    """
    points = plan.positions_m
    reached = [one for one in earlier if _within_reach(points, one.fired_m)]
    if not len(points) or not (reached or somewhere_j or somewhere_cm2):
        return []
    discs = _discs(points)
    spot_cm2 = math.pi * (profile.spot_um * 0.5e-4) ** 2
    dose = _sums(discs, points, plan.energy_uj.astype(np.float64) * 1e-6) + somewhere_j
    covered = _sums(discs, points, np.full(len(points), spot_cm2)) + somewhere_cm2
    passes, before = np.zeros(len(discs)), np.zeros(len(discs))
    for number in np.unique(plan.pass_index):
        one_pass = points[plan.pass_index == number]
        passes += _share(discs, one_pass, one_pass)
    for one in reached:
        dose += _sums(discs, one.fired_m, one.energy_j)
        covered += _sums(discs, one.fired_m, np.full(len(one.fired_m), one.spot_cm2))
        before += _share(discs, one.fired_m, one.planned_m)
    touched = (before > 0) | bool(somewhere_j or somewhere_cm2)
    return _judge(plan, dose * touched, covered * touched, (passes + before) * touched)


def _judge(plan: TreatmentPlan, dose: Array, covered: Array, passes: Array) -> list[Finding]:
    rules = rules_of_header(plan.header)
    most = strictest("passes", rules)
    fix = "choose another region, or treat this skin in a later session"
    limits = (
        ("session-passes-over-limit", passes, most, PART_OF_A_PASS, "{:.1f} passes, limit {:.0f} passes"),
        ("session-coverage-over-limit", covered, strictest("coverage", rules) * most, 0.0,
         "{:.1%} of the skin covered, limit {:.0%}"),
        ("session-dose-over-limit", dose, LIMITS["dose_j_cm2"].value * most, 0.0,
         "{:.1f} J/cm2, limit {:.0f} J/cm2"),
    )  # fmt: skip
    found = []
    for code, values, limit, allowance, text in limits:
        over = values > (limit + allowance) * (1.0 + 1e-9)
        if over.any():
            cm2 = float(over.sum()) * (GRID_M * 100) ** 2
            said = (
                f"with what was fired there before: {text.format(float(values.max()), limit)}"
                f"{on_the_sites(rules)}, on about {cm2:.1f} cm2"
            )
            found.append(refusal(code, said, fix, int(over.sum())))
    return found


def _within_reach(points: Array, fired: Array) -> bool:
    """Whether shots and spots can lie in one disc at all; cheap, and too generous rather than too strict."""
    if not len(points) or not len(fired):
        return False
    low, high = points.min(axis=0) - 2 * DISC_RADIUS_M, points.max(axis=0) + 2 * DISC_RADIUS_M
    return bool(((fired >= low) & (fired <= high)).all(axis=1).any())


def _discs(points: Array) -> Array:
    return np.unique(np.rint(points / GRID_M), axis=0).astype(np.float64) * GRID_M


def _share(discs: Array, part: Array, whole: Array) -> Array:
    """Return how much of a pass each disc has had: spots of `part` in it, by those in a full disc of it.

    At the border of a region a disc is half full, and so the neighbouring region finds room there.
    """
    return _counts(discs, part) / max(1.0, float(_counts(_discs(whole), whole).max()))


def _counts(discs: Array, points: Array) -> Array:
    found = cKDTree(points).query_ball_point(discs, DISC_RADIUS_M, return_length=True)
    return np.asarray(found, np.float64)


def _sums(discs: Array, points: Array, values: Array) -> Array:
    """Return the sum of `values` `(n,)` of the points in each disc."""
    rows = cKDTree(points).query_ball_point(discs, DISC_RADIUS_M)
    lengths = np.array([len(r) for r in rows])
    flat = np.concatenate([np.asarray(r, np.int64) for r in rows])
    sums = np.bincount(np.repeat(np.arange(len(discs)), lengths), values[flat], len(discs))
    return sums.astype(np.float64, copy=False)
