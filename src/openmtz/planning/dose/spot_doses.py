"""The energy of every spot, and which spots it is not given to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.limits import rule_of, strictest
from openmtz.planning.context import PlanningContext
from openmtz.planning.dose.energy import CorrectedEnergy, energy_correction
from openmtz.planning.dose.footprints import Footprints
from openmtz.planning.dose.merging import merging_spots
from openmtz.planning.refusals import Cause
from openmtz.planning.skin import PrescribedDose
from openmtz.planning.spots import PlacedSpots
from openmtz.planning.stations import MetSpots


class SpotDoses(NamedTuple):
    """`energy_mj`, `depth_um` reached below the skin, and the `cause` of refusal or the empty text, `(N,)`
    each, for every spot placed; `zones` of the planned ones alone, None where there are none."""

    energy_mj: NDArray[np.float64]
    depth_um: NDArray[np.float64]
    cause: NDArray[np.str_]
    zones: Footprints | None

    @property
    def planned(self) -> NDArray[np.bool_]:
        """`(N,)`: the spot is part of the plan."""
        return np.asarray(self.cause == "", np.bool_)


def dose_spots(
    context: PlanningContext, prescribed: PrescribedDose, spots: PlacedSpots, met: MetSpots
) -> SpotDoses:
    """Give each spot the energy that reaches the intended depth where it lies, and leave out what would
    merge.

    A spot is refused for how it is met, for its energy, or because its zone would merge with a neighbour's;
    the first of these causes is the one that counts.
    """
    energy = _corrected(context, prescribed, spots, met)
    cause = np.where(met.cause == "", energy.cause, met.cause)

    def footprints(rows: NDArray[np.int64]) -> Footprints:
        return Footprints.of_spots(
            spots.positions[rows], energy.energy_mj[rows], prescribed.profile, normals=met.normals[rows],
            defocus_m=met.defocus_m[rows], incidence_rad=met.incidence_rad[rows], beam=met.beam[rows],
        )  # fmt: skip

    zones, rows = None, np.flatnonzero(cause == "")
    if len(rows):
        zones = footprints(rows)
        merged = merging_spots(zones)
        if len(merged):
            cause[rows[merged]] = Cause.MERGING.value
            zones = footprints(np.flatnonzero(cause == ""))
    return SpotDoses(energy.energy_mj, energy.depth_um, cause, zones)


def _corrected(
    context: PlanningContext, prescribed: PrescribedDose, spots: PlacedSpots, met: MetSpots
) -> CorrectedEnergy:
    """Return the energy of each spot, interpolated between vertices and corrected; notes where it was cut."""
    profile = prescribed.profile
    meant = np.round((prescribed.energy_mj[spots.corners] * spots.bary).sum(axis=1), 2)
    # the absolute limit at the site: correction never exceeds it
    most_mj = strictest("energy_mj", [rule_of(context.facts.site)])
    top = min(profile.energy_max_mj, most_mj)
    over = meant > top
    if over.any():
        text = f"prescribed energy above the {top:g} mJ that {profile.name} and the site allow: cut to it"
        context.warn("energy-cut", text, "choose a profile for deeper work", int(over.sum()))
    if not context.overrides.correct_energy:
        flat = np.zeros(len(meant))
        return energy_correction(profile, meant, flat, flat, most_mj)
    return energy_correction(profile, meant, met.defocus_m, met.incidence_rad, most_mj)
