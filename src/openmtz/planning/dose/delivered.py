"""What a plan delivers per area of skin, by more than one definition of "percent"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.optics import HandpieceProfile
from openmtz.planning.dose.bridges import Nearby, find_bridges
from openmtz.planning.dose.dose_map import covered_areas
from openmtz.planning.dose.footprints import Footprints
from openmtz.tissue import TissueError, peak_disc_j_cm2

PUBLISHED_RIM_UM = 100.0
"""Coagulation of continuous CO2 above 13 kW/cm2: 100 +- 15 um (Walsh 1989 [V]); our rims come out thinner."""


@dataclass(frozen=True)
class Dose:
    """Predicted for the treated skin.

    Attributes:
        spots_per_cm2: of the treated skin.
        nominal_percent: beam area at focus times spots per area, overlaps and threshold ignored.
        ablated_percent: skin inside crater entrances, overlaps once.
        affected_percent: with the coagulated rims, overlaps once.
        ablated_mm3_cm2: tissue removed.
        fluence_j_cm2: mean energy per area of skin.
        worst_j_cm2: most within any disc of 1 cm2 around a spot, all passes.
        bridge_min_um, bridge_p5_um: healthy skin beside each spot, the least and the 5th percentile;
            negative: rims overlap. At most 10,000.
        bridge_p5_least_um: the 5th percentile with the published 100 um rim instead of the model's.
        touching, merging: spots whose rims, and whose craters, meet another's.
    """

    spots_per_cm2: float
    nominal_percent: float
    ablated_percent: float
    fluence_j_cm2: float
    worst_j_cm2: float
    affected_percent: float
    ablated_mm3_cm2: float
    bridge_min_um: float
    bridge_p5_um: float
    bridge_p5_least_um: float
    touching: int
    merging: int


def predict_dose(
    positions_m: NDArray[np.float64],
    energy_mj: NDArray[np.float64],
    area_cm2: float,
    profile: HandpieceProfile,
    *,
    normals: ArrayLike | None = None,
    defocus_m: ArrayLike = 0.0,
    incidence_rad: ArrayLike = 0.0,
    beam: ArrayLike | None = None,
) -> Dose:
    """Return the dose of spots `(N, 3)` [m] with `(N,)` energies [mJ] on `area_cm2` of skin.

    `normals`, `defocus_m`, `incidence_rad`, `beam`: as `Footprints.of_spots`; without them the skin is met
    upright and in focus.

    Raises:
        TissueError: no spots, NaN, lengths that differ, an area that is not positive.
    """
    spots = Footprints.of_spots(
        positions_m, energy_mj, profile, normals=normals, defocus_m=defocus_m, incidence_rad=incidence_rad,
        beam=beam,
    )  # fmt: skip
    return dose_of(spots, area_cm2, profile)


def dose_of(spots: Footprints, area_cm2: float, profile: HandpieceProfile) -> Dose:
    """Return the dose of footprints already predicted, such as `Footprints.of_plan(plan)`.

    Raises:
        TissueError: an area that is not positive, spots in heaps.
    """
    area_cm2 = float(area_cm2)
    if not (np.isfinite(area_cm2) and area_cm2 > 0):
        raise TissueError(f"area_cm2 must be positive, got {area_cm2!r}")
    nearby = Nearby(spots)
    bridges = find_bridges(spots, nearby=nearby)
    own = covered_areas(spots, bridges)
    beam_cm2 = np.pi / 4.0 * (profile.spot_um * 1e-4) ** 2
    published_m, _ = nearby.narrowest(np.full(len(spots), PUBLISHED_RIM_UM * 1e-6))
    return Dose(
        spots_per_cm2=float(len(spots) / area_cm2),
        nominal_percent=float(100.0 * len(spots) * beam_cm2 / area_cm2),
        ablated_percent=min(100.0, float(own.ablated_mm2.sum()) / area_cm2),  # mm2 per cm2 are percent
        fluence_j_cm2=float(spots.energy_mj.sum()) * 1e-3 / area_cm2,
        worst_j_cm2=float(peak_disc_j_cm2(spots.position_m, spots.energy_mj).max()),
        affected_percent=min(100.0, float(own.affected_mm2.sum()) / area_cm2),
        ablated_mm3_cm2=float(spots.volume_mm3.sum()) / area_cm2,
        bridge_min_um=bridges.least_um,
        bridge_p5_um=bridges.percentile_um(),
        bridge_p5_least_um=float(np.percentile(published_m, 5.0)) * 1e6,
        touching=len(np.unique(bridges.touching)),
        merging=len(bridges.merged_spots),
    )
