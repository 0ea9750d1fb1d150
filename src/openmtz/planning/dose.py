"""What a plan delivers per area of skin, by more than one definition of "percent"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.optics import HandpieceProfile

ABLATION_THRESHOLD_J_CM2 = 5.0
"""Clinical threshold about 5 J/cm2 [M]; 2.4-3.9 by calculation [D]."""


@dataclass(frozen=True)
class Dose:
    """Predicted for the treated skin. `nominal_percent`: beam area at focus times spots per area;
    `ablated_percent`: area above the ablation threshold (Gaussian beam, r = w sqrt(ln(F0/Fth)/2)), upper
    bound; `fluence_j_cm2`: mean energy per area of skin; `worst_j_cm2`: most within any disc of 1 cm2."""

    spots_per_cm2: float
    nominal_percent: float
    ablated_percent: float
    fluence_j_cm2: float
    worst_j_cm2: float


def predict_dose(
    positions_m: NDArray[np.float64],
    energy_mj: NDArray[np.float64],
    area_cm2: float,
    profile: HandpieceProfile,
) -> Dose:
    """Return the dose of spots `(N, 3)` [m] with `(N,)` energies [mJ] on `area_cm2` of skin."""
    count = len(positions_m)
    beam_cm2 = np.pi / 4.0 * (profile.spot_um * 1e-4) ** 2
    peak = profile.peak_fluence_j_cm2(energy_mj, 0.0, 0.0)
    ablated = 0.5 * beam_cm2 * np.log(np.maximum(peak / ABLATION_THRESHOLD_J_CM2, 1.0))
    tree = cKDTree(positions_m)
    near = tree.query_ball_point(positions_m[:: max(1, count // 500)], np.sqrt(1e-4 / np.pi))
    worst = max(float(energy_mj[rows].sum()) for rows in near) * 1e-3
    # pi w^2 / 2 * ln(F0/Fth) = pi r^2; overlap is left out, hence "upper bound"
    return Dose(
        spots_per_cm2=count / area_cm2,
        nominal_percent=100.0 * count * beam_cm2 / area_cm2,
        ablated_percent=min(100.0, 100.0 * float(ablated.sum()) / area_cm2),
        fluence_j_cm2=float(energy_mj.sum()) * 1e-3 / area_cm2,
        worst_j_cm2=worst,
    )
