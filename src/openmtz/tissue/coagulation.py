"""The rim of coagulated tissue around a crater: residual heat, conduction, Arrhenius damage of collagen.

What stays of a shot as heat (`residual_heat` of the profile, 0.2-0.5 [D], the critical unknown) lies in the
crater's wall and, with the fluence just below the ablation threshold, in its base. From there it spreads:
round the wall as from a cylinder, round the base as from a sphere. Tissue at 100 C boils rather than gets
hotter. The edge is where Omega of the collagen set (Pearce & Thomsen [M]) is 1. Steam pushed into the tissue
and perfusion are left out: the rims are a lower bound, and docs/tissue.md says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RegularGridInterpolator

from openmtz.optics import HandpieceProfile
from openmtz.tissue.ablation import SKIN, AblationModel, Craters, craters
from openmtz.tissue.checks import TissueError, columns
from openmtz.tissue.damage import COLLAGEN

Array = NDArray[np.float64]
FIRST_CELL_M, CELLS, GROWTH = 5e-6, 40, 1.07
"""Radial grid to 1.0 mm beyond the wall; half the cell changes a rim by less than 1 um (tests)."""
QUIET_C = 60.0
"""Below this the collagen set needs over a minute for Omega = 1, and bulk heating takes over [D]."""
LONGEST_S = 4.0
"""How long one shot is followed: engineering default, 16 radii of 100 um by diffusion."""
HEAT_POINTS, RADIUS_POINTS, PULSE_POINTS = 12, 5, 4
LEAST_HEAT_J_M2 = 2000.0
"""Under 40 C of warming at the wall: no rim [D]."""


@dataclass(frozen=True)
class CoagulationModel:
    """Constants of the skin (domain facts, section 2).

    `absorption_per_cm`: 510-655 at 10.6 um [D]. `conductivity_w_mk`: dermis 0.29-0.37 [V].
    `density_kg_m3`, `specific_heat_j_kgk`: dermis [V]. `water`: share by mass, 0.60-0.77 [D].
    `latent_heat_j_kg`: of water at 100 C [M]. `skin_c`: before the shot [M]. `boiling_c`: of water [M].
    """

    absorption_per_cm: float = 600.0
    conductivity_w_mk: float = 0.33
    density_kg_m3: float = 1116.0
    specific_heat_j_kgk: float = 3224.0
    water: float = 0.7
    latent_heat_j_kg: float = 2.257e6
    skin_c: float = 34.0
    boiling_c: float = 100.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value > 0):
                raise TissueError(f"coagulation model: {name} must be positive and finite, got {value!r}")
        if self.skin_c >= self.boiling_c:
            raise TissueError(f"coagulation model: skin at {self.skin_c:g} C boils at {self.boiling_c:g} C")


DERMIS = CoagulationModel()


class Rims(NamedTuple):
    """Thickness of the coagulated rim of `N` shots, `(N,)` each: `lateral_um` around the crater, `base_um`
    below it."""

    lateral_um: Array
    base_um: Array


def rims(
    profile: HandpieceProfile,
    energy_mj: ArrayLike,
    pulse_us: ArrayLike | None = None,
    defocus_m: ArrayLike = 0.0,
    incidence_rad: ArrayLike = 0.0,
    *,
    residual_heat: float | None = None,
    ablation: AblationModel = SKIN,
    model: CoagulationModel = DERMIS,
) -> Rims:
    """Return the coagulated rims of `N` single shots, from a table made once per profile and model.

    Args:
        energy_mj, pulse_us, defocus_m, incidence_rad: `(N,)` or scalar; `pulse_us` by default the profile's.
        residual_heat: share of the energy that stays as heat, 0 to 1; by default the profile's nominal one.

    Raises:
        TissueError: as `craters`; a pulse that is not positive, a share outside 0 to 1.
    """
    eta = profile.residual_heat[1] if residual_heat is None else float(residual_heat)
    if not 0.0 < eta <= 1.0:
        raise TissueError(f"residual_heat must be above 0 and at most 1, got {eta!r}; sources say 0.2 to 0.5")
    pulse = profile.pulse_of_energy_us(energy_mj) if pulse_us is None else pulse_us
    energy, pulse, defocus, incidence = columns(
        energy_mj=energy_mj, pulse_us=pulse, defocus_m=defocus_m, incidence_rad=incidence_rad
    )
    if (pulse <= 0).any():
        at = int(np.argmin(pulse))
        raise TissueError(f"pulse_us: row {at} is {pulse[at]:g} us, a pulse must last")
    holes = craters(profile, energy, defocus, incidence, ablation)
    peak = profile.peak_fluence_j_cm2(energy, defocus, incidence)
    wall, base, radius = _heat(profile, energy, defocus, holes, peak, eta, ablation)
    table = _table(profile, model)
    lateral = np.where(holes.depth_um > 0.0, table.lookup(1, wall, radius, pulse * 1e-6), 0.0)
    return Rims(lateral * 1e6, table.lookup(2, base, radius, pulse * 1e-6) * 1e6)


def _heat(
    profile: HandpieceProfile, energy: Array, defocus: Array, holes: Craters, peak: Array, eta: float,
    ablation: AblationModel,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return the heat on the wall and on the base [J/m2] and the crater's radius [m], `(N,)` each.

    The base keeps the fluence below the threshold on top of what the wall keeps; together they hold `eta E`.
    """
    mean_um = np.sqrt(holes.half_long_um * holes.half_short_um)
    # A shot that ablates little or nothing still heats what the beam covers.
    radius = np.maximum(mean_um, 0.25 * profile.spot_diameter_um(defocus)) * 1e-6
    below = np.minimum(peak, ablation.threshold_j_cm2) * 1e4
    floor = np.pi * radius**2
    kept = eta * energy * 1e-3
    below = np.minimum(below, kept / floor)
    # A difference of like numbers: where nothing is left, rounding would leave less than nothing.
    wall = np.maximum(kept - below * floor, 0.0) / (2.0 * np.pi * radius * holes.depth_um * 1e-6 + floor)
    return wall, wall + below, radius


class _Table:
    """Rims solved in advance, on a grid over the logarithms of heat, radius and pulse: for a cylinder (1) and
    a sphere (2). What lies beyond the grid gets the value at its end."""

    def __init__(self, axes: tuple[Array, Array, Array], values: dict[int, Array]) -> None:
        self._low = [axis[0] for axis in axes]
        self._high = [axis[-1] for axis in axes]
        self._at = {curved: RegularGridInterpolator(axes, grid) for curved, grid in values.items()}

    def lookup(self, curved: int, heat: Array, radius: Array, pulse_s: Array) -> Array:
        """Return rims `(N,)` [m]."""
        heat = np.maximum(heat, 1e-9)
        points = np.log(np.column_stack([heat, radius, pulse_s]))
        return np.asarray(self._at[curved](np.clip(points, self._low, self._high)), np.float64)


@lru_cache(maxsize=16)
def _table(profile: HandpieceProfile, model: CoagulationModel) -> _Table:
    """Solve the conduction for what this profile can do: half to one and a half times its energies."""
    energy = np.array([0.5 * profile.energy_min_mj, 1.5 * profile.energy_max_mj])
    top = craters(profile, energy)
    _, base, _ = _heat(
        profile, energy, np.zeros(2), top, profile.peak_fluence_j_cm2(energy, 0.0, 0.0), 1.0, SKIN
    )
    pulse = profile.pulse_of_energy_us(energy) * 1e-6
    waist = 0.5e-6 * profile.spot_um
    axes = (
        np.linspace(np.log(LEAST_HEAT_J_M2), np.log(max(base.max(), 2 * LEAST_HEAT_J_M2)), HEAT_POINTS),
        np.linspace(np.log(0.5 * waist), np.log(6.0 * waist), RADIUS_POINTS),
        np.linspace(np.log(0.5 * pulse[0]), np.log(4.0 * pulse[1]), PULSE_POINTS),
    )
    heat, radius, length = (np.exp(a).ravel() for a in np.meshgrid(*axes, indexing="ij"))
    shape = (HEAT_POINTS, RADIUS_POINTS, PULSE_POINTS)
    return _Table(axes, {c: solve_rims_m(c, radius, heat, length, model).reshape(shape) for c in (1, 2)})


def solve_rims_m(
    curved: int,
    radius_m: Array,
    heat_j_m2: Array,
    pulse_s: Array,
    model: CoagulationModel = DERMIS,
    first_cell_m: float = FIRST_CELL_M,
) -> Array:
    """Return rims `(K,)` [m] around cylinders (`curved` 1) or spheres (2), solved without a table.

    `radius_m`, `heat_j_m2` (per area of wall), `pulse_s`: `(K,)` float64.
    """
    from openmtz.tissue.rim_kernels import Mesh1D, Tissue, Walls, rims_m

    capacity = model.density_kg_m3 * model.specific_heat_j_kgk
    reach = FIRST_CELL_M * (GROWTH**CELLS - 1.0) / (GROWTH - 1.0)
    cells = int(np.ceil(np.log1p(reach / first_cell_m * (GROWTH - 1.0)) / np.log(GROWTH)))
    walls = Walls(*(np.asarray(values, np.float64) for values in (radius_m, heat_j_m2, pulse_s)))
    tissue = Tissue(
        absorption=float(model.absorption_per_cm * 100.0),
        conductivity=float(model.conductivity_w_mk),
        capacity=float(capacity),
        latent=float(model.water * model.density_kg_m3 * model.latent_heat_j_kg),
        skin_c=float(model.skin_c),
        boiling_c=float(model.boiling_c),
        log_frequency=float(np.log(COLLAGEN.frequency_per_s)),
        activation=float(COLLAGEN.activation_k),
    )
    mesh = Mesh1D(float(first_cell_m), cells, GROWTH, QUIET_C, LONGEST_S)
    return np.asarray(rims_m(curved, walls, tissue, mesh), np.float64)
