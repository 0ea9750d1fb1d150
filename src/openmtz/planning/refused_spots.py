"""What is said about the spots that could not be planned, and whether so many of them stop the plan."""

from __future__ import annotations

from openmtz.planning.context import PlanningContext
from openmtz.planning.dose import SpotDoses
from openmtz.planning.refusals import Cause, refusal_findings, refused_counts
from openmtz.planning.skin import PrescribedDose
from openmtz.planning.spots import PlacedSpots
from openmtz.planning.stations import MetSpots, nearest_shift

MAX_REFUSED_SHARE = 0.2
"""A plan that would leave out more of its spots is refused unless the operator allows a partial one."""


def account_for_refused(
    context: PlanningContext, prescribed: PrescribedDose, spots: PlacedSpots, met: MetSpots, doses: SpotDoses
) -> dict[str, int]:
    """Note why spots are not planned and what would help; return how many there are by cause.

    Raises:
        PlanningError: no spot can be planned, or more than `MAX_REFUSED_SHARE` cannot and the operator did
            not allow a partial plan.
    """
    counts = refused_counts(doses.cause)
    counts[Cause.MERGING.value] += spots.dropped
    counts[Cause.NO_FIRE_VOLUME.value] += spots.excluded
    detail, fixes = {Cause.OUT_OF_REACH.value: met.stations.detail}, {}
    if counts[Cause.OUT_OF_REACH.value] and (fix := _way_into_reach(context, met)):
        fixes[Cause.OUT_OF_REACH.value] = fix
    if counts[Cause.ENERGY_BELOW.value]:
        profile = prescribed.profile
        detail[Cause.ENERGY_BELOW.value] = f"{profile.name} starts at {profile.energy_min_mj:g} mJ"
    found = refusal_findings(counts, detail, fixes)
    share = float((~doses.planned).mean())
    if share == 1.0 or (share > MAX_REFUSED_SHARE and not context.overrides.allow_partial):
        text = f"{share:.0%} of the spots cannot be planned: " + "; ".join(f.text for f in found)
        raise context.refused(text, *found)
    context.note(*found)
    return counts


def _way_into_reach(context: PlanningContext, met: MetSpots) -> str:
    """Return how to move the patient so that the arm reaches more; empty if there is no arm to ask."""
    reachable, poses = context.setup.reachable, met.stations.refused_poses
    if reachable is None or poses is None:
        return ""
    shift = nearest_shift(poses, reachable)
    if shift is None:
        return (
            "no move of the patient up to 0.3 m on the bed helps: turn the patient, or mount the arm"
            " elsewhere"
        )
    return (
        f"move the patient by ({shift[0] * 1e3:+.0f}, {shift[1] * 1e3:+.0f}) mm in x and y of the world,"
        " capture and plan again"
    )
