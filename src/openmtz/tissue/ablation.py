"""The crater of one shot: a Gaussian beam that removes what it heats past the threshold.

Local depth where the fluence on the skin is F: `efficiency (F - Fth) / H`, steady state of us-ms CO2 pulses
(Vogel & Venugopalan, Chem Rev 2003;103:577; domain facts, section 2). One enthalpy cannot fit two
devices (section 1: 2.2 to 15.7 kJ/cm3 of beam cylinder), so the efficiency is fitted per handpiece profile:
at focus and normal incidence the crater is exactly as deep as the profile's own curve says. Marks [V] [M]
[D] are those of the domain facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.optics import HandpieceProfile
from openmtz.tissue.checks import TissueError, columns

Array = NDArray[np.float64]
MOST_INCIDENCE_RAD = float(np.deg2rad(80.0))
"""Steeper than this the footprint has no end: engineering default, far beyond the 30 degrees refused [D]."""


@dataclass(frozen=True)
class AblationModel:
    """Constants of the skin.

    `threshold_j_cm2`: clinical about 5 [M]; 2.4-3.9 by calculation [D]. `enthalpy_j_cm3`: vaporisation of
    tissue with 70 % water, 2.0 kJ/cm3 [D]; the 4.8 of Walsh 1989 [V] contain losses, which are the
    efficiency's here. `loss_length_um`: how deep a channel is when the next pulse removes 1/e of what the
    first did; 2500 fits 300 / 1400 / 2100 um at 37 / 190 / 380 mJ (Haak 2012 [V]) within 11 %, taken as
    sums of equal pulses [D].
    """

    threshold_j_cm2: float = 5.0
    enthalpy_j_cm3: float = 2000.0
    loss_length_um: float = 2500.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value > 0):
                raise TissueError(f"ablation model: {name} must be positive and finite, got {value!r}")


SKIN = AblationModel()


class Craters(NamedTuple):
    """Of `N` shots, each `(N,)`: `depth_um` along the skin's normal; half axes of the entrance [um], the long
    one in the direction in which the beam leans; `volume_mm3` removed. Zero where the fluence stays below the
    threshold."""

    depth_um: Array
    half_long_um: Array
    half_short_um: Array
    volume_mm3: Array


def efficiency(profile: HandpieceProfile, energy_mj: ArrayLike, model: AblationModel = SKIN) -> Array:
    """Return `(N,)` the share of the energy that removes tissue at focus: what the depth curve asks for.

    Beyond the ends of the curve it keeps the value there. Above 1 the curve removes more than the energy can
    vaporise: it is then a read-out rather than a measurement, and reproduced all the same.

    Raises:
        TissueError: bad energies; a curve with depth where the fluence is below the threshold.
    """
    (energy,) = columns(energy_mj=energy_mj)
    if (energy < 0).any():
        raise TissueError(f"energy_mj: row {int(np.argmin(energy))} is negative ({energy.min():g} mJ)")
    inside = np.clip(energy, profile.depth_energy_mj[0], profile.depth_energy_mj[-1])
    excess = profile.peak_fluence_j_cm2(inside, 0.0, 0.0) - model.threshold_j_cm2
    if (excess <= 0).any():
        least = float(profile.peak_fluence_j_cm2(profile.depth_energy_mj[0], 0.0, 0.0))
        raise TissueError(
            f"profile {profile.name!r}: its depth curve begins at {profile.depth_energy_mj[0]:g} mJ, a peak"
            f" of {least:.3g} J/cm2, below the threshold of {model.threshold_j_cm2:g} J/cm2; begin the curve"
            " at a higher energy"
        )
    depth_cm = profile.depth_of_energy_um(inside) * 1e-4
    return np.asarray(depth_cm * model.enthalpy_j_cm3 / excess, np.float64)


def craters(
    profile: HandpieceProfile,
    energy_mj: ArrayLike,
    defocus_m: ArrayLike = 0.0,
    incidence_rad: ArrayLike = 0.0,
    model: AblationModel = SKIN,
) -> Craters:
    """Return the craters of `N` single shots into untouched skin.

    Out of focus the efficiency grows in proportion to the beam's radius, at most to 1: what a channel loses
    goes through its wall, and wall over volume is 1 / radius. The published depths of one device at two spots
    (120 and 300 um, "Depth of eCO2 ..." [V]) ask for the power 0.8 (100 mJ) to 1.3 (160 and 180 mJ) [D].

    Args:
        energy_mj, defocus_m, incidence_rad: `(N,)` or scalar; `defocus_m` along the beam.

    Raises:
        TissueError: NaN, infinite or negative numbers, lengths that differ, incidence of 80 degrees or more.
    """
    energy, defocus, incidence = columns(
        energy_mj=energy_mj, defocus_m=defocus_m, incidence_rad=incidence_rad
    )
    steep = np.abs(incidence) >= MOST_INCIDENCE_RAD
    if steep.any():
        row = int(np.argmax(steep))
        raise TissueError(
            f"incidence_rad: row {row} is {np.rad2deg(incidence[row]):.0f} degrees, a footprint is defined"
            f" below {np.rad2deg(MOST_INCIDENCE_RAD):.0f}; is it in degrees? Radians are wanted"
        )
    at_focus = efficiency(profile, energy, model)
    radius_um = 0.5 * profile.spot_diameter_um(defocus)
    share = np.minimum(at_focus * radius_um / (0.5 * profile.spot_um), np.maximum(1.0, at_focus))
    peak = profile.peak_fluence_j_cm2(energy, defocus, incidence)
    above = np.maximum(peak / model.threshold_j_cm2, 1.0)
    log_above = np.log(above)
    half_short_um = radius_um * np.sqrt(0.5 * log_above)
    stretch = 1.0 / np.cos(incidence)
    depth_cm = share * model.threshold_j_cm2 * (above - 1.0) / model.enthalpy_j_cm3
    # Integral of the local depth over the ellipse inside which F > Fth.
    footprint_cm2 = 0.5 * np.pi * (radius_um * 1e-4) ** 2 * stretch
    volume_cm3 = (
        share / model.enthalpy_j_cm3 * footprint_cm2 * model.threshold_j_cm2 * (above - 1.0 - log_above)
    )
    return Craters(depth_cm * 1e4, half_short_um * stretch, half_short_um, volume_cm3 * 1e3)


def stacked_depth_um(depths_um: ArrayLike, model: AblationModel = SKIN) -> float:
    """Return the depth [um] of shots on one place; `depths_um` `(n,)` is what each removes from intact skin.

    `D ln(1 + sum(exp(d/D) - 1))` with D the loss length: each pulse finds a channel that much lossier. For
    n equal pulses this grows as ln(total energy), the form of the published regression (domain facts,
    section 1). It is never less than the deepest alone or more than the sum; the order does not matter.

    Raises:
        TissueError: NaN, infinite or negative depths.
    """
    (depth,) = columns(depths_um=depths_um)
    return float(stacked_depths_um(depth, np.zeros(len(depth), np.int64), model).sum())


def stacked_depths_um(depths_um: ArrayLike, place: ArrayLike, model: AblationModel = SKIN) -> Array:
    """Return `(P,)` as `stacked_depth_um` for each place; `place` `(N,)` holds 0 to P - 1.

    Raises:
        TissueError: as `stacked_depth_um`; lengths that differ, a negative place.
    """
    (depth,) = columns(depths_um=depths_um)
    rows = np.asarray(place, np.int64)
    if rows.shape != depth.shape or (rows < 0).any():
        raise TissueError(f"place must be {len(depth)} numbers from 0 on, one per depth; got {rows.shape}")
    if (depth < 0).any():
        raise TissueError(f"depths_um: row {int(np.argmin(depth))} is negative ({depth.min():g} um)")
    length = model.loss_length_um
    total = np.bincount(rows, np.expm1(depth / length))
    return np.asarray(length * np.log1p(total), np.float64)
