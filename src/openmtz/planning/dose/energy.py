"""Energy per spot so that the intended depth is reached on skin that is tilted and not quite in focus.

The prescription names an energy; with the profile's depth curve that is a depth, straight and in focus.
Tilted by theta the fluence falls with cos(theta), defocus widens the spot, and depth below the skin is depth
along the beam times cos(theta): all three are made up for, within what profile and host envelope allow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.optics import HandpieceProfile, delivered_share
from openmtz.planning.refusals import Cause

LEAST_DEPTH_SHARE = 0.9
"""A spot that reaches less of the intended depth even at the highest energy is refused. Half of the tolerance
between model and histology, 21 % in depth (Marqa & Mordon 2014 [V]). Engineering default."""
DECIMALS_MJ = 2


class CorrectedEnergy(NamedTuple):
    """`energy_mj`, `depth_um` reached below the skin, `intended_um`, and the `cause` of refusal or the empty
    text, `(N,)` each."""

    energy_mj: NDArray[np.float64]
    depth_um: NDArray[np.float64]
    intended_um: NDArray[np.float64]
    cause: NDArray[np.str_]


def energy_correction(
    profile: HandpieceProfile,
    energy_mj: ArrayLike,
    defocus_m: ArrayLike,
    incidence_rad: ArrayLike,
    most_mj: float | None = None,
) -> CorrectedEnergy:
    """Return the energy each spot needs where it lies, rounded to 0.01 mJ.

    Args:
        energy_mj: `(N,)` [mJ] meant for skin at right angles and in focus. defocus_m: `(N,)` [m] along the
            beam. incidence_rad: `(N,)`. most_mj: limit below the profile's, such as the host envelope's.

    A spot that would need less than the profile's least energy is refused (`energy-below-profile`), one that
    stays more than `LEAST_DEPTH_SHARE` short of its depth at the most energy too (`energy-above-profile`).

    Raises:
        ValueError: energies that are not finite and positive.
    """
    meant = np.atleast_1d(np.asarray(energy_mj, np.float64))
    if not (np.isfinite(meant).all() and (meant > 0.0).all()):
        raise ValueError(
            f"intended energies must be finite and positive; {int((~(meant > 0)).sum())} are not"
        )
    cosine = np.cos(np.asarray(incidence_rad, np.float64))
    share = delivered_share(profile, defocus_m, incidence_rad)
    top = profile.energy_max_mj if most_mj is None else min(profile.energy_max_mj, most_mj)
    intended = profile.depth_of_energy_um(np.minimum(meant, top))
    curve_depth, curve_energy = np.array(profile.depth_um), np.array(profile.depth_energy_mj)
    # Beyond the end of the curve a depth has no energy: keep what is meant there, and let the share decide.
    along = np.minimum(intended / np.maximum(cosine, 1e-3), curve_depth[-1])
    effective = np.maximum(np.interp(along, curve_depth, curve_energy), np.minimum(meant, top))
    needed = np.round(effective / np.maximum(share, 1e-6), DECIMALS_MJ)
    given = np.minimum(needed, top)
    depth = profile.depth_of_energy_um(given * share) * cosine
    below = np.where(meant < profile.energy_min_mj, Cause.ENERGY_BELOW.value, "")
    short = depth < LEAST_DEPTH_SHARE * intended - 0.5
    cause = np.where((below == "") & short, Cause.ENERGY_ABOVE.value, below)
    return CorrectedEnergy(given, depth, intended, cause)
