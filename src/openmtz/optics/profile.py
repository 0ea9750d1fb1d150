"""Handpiece profile: one laser with one tip. Depth curves and limits belong here, nowhere else.

Marks [V] [V2] [M] [D] are those of the domain facts: read, read in a weak source, general
knowledge, derived.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class ProfileError(ValueError):
    """A handpiece profile whose numbers cannot be."""


@dataclass(frozen=True)
class HandpieceProfile:
    """Optics, limits and depth curve of a laser + tip. Immutable; all fields go into the plan's header.

    Attributes:
        name: identifier. source: where the numbers come from, with their marks.
        spot_um: 1/e2 diameter at focus [um]. wavelength_um [um]. m2: beam quality.
        focus_distance_m: from the y mirror to the flat focal plane, along z [m].
        mirror_separation_m: x to y mirror [m]. full_scale_rad: optical, at 32767 counts.
        field_half_m: usable half width of the square field at focus [m].
        depth_of_focus_m: +- along the beam, +10 % diameter (0.41 mm at 120 um, M2 1.2 [D]).
        incidence_good_rad, incidence_limit_rad: 15 and 30 degrees [D].
        power_w: average while the gate is on; pulse_us = energy_uj / power_w.
        energy_min_mj, energy_max_mj: of one pulse.
        depth_energy_mj, depth_um: the depth curve, `K` matching points, increasing.
        settle_us, slew_us_per_rad: jump time = settle + slew * optical angle [us].
        residual_heat: (low, nominal, high) fraction of the energy that stays as heat, 0.2-0.5 [D].

    Raises:
        ProfileError: a number that is not finite, not positive, or contradicts another.
    """

    name: str
    source: str
    spot_um: float
    focus_distance_m: float
    field_half_m: float
    energy_min_mj: float
    energy_max_mj: float
    depth_energy_mj: tuple[float, ...]
    depth_um: tuple[float, ...]
    power_w: float = 25.0
    wavelength_um: float = 10.6
    m2: float = 1.2
    mirror_separation_m: float = 0.012
    full_scale_rad: float = 0.25
    depth_of_focus_m: float = 0.0004
    incidence_good_rad: float = float(np.deg2rad(15.0))
    incidence_limit_rad: float = float(np.deg2rad(30.0))
    settle_us: float = 1000.0
    slew_us_per_rad: float = 10000.0
    residual_heat: tuple[float, float, float] = (0.2, 0.3, 0.5)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth_energy_mj", tuple(float(v) for v in self.depth_energy_mj))
        object.__setattr__(self, "depth_um", tuple(float(v) for v in self.depth_um))
        object.__setattr__(self, "residual_heat", tuple(float(v) for v in self.residual_heat))
        for key, value in asdict(self).items():
            if value is None or isinstance(value, (bool, np.bool_)):
                raise ProfileError(f"profile {self.name!r}: {key} is missing (got {value!r})")
            if isinstance(value, (int, float)) and not (np.isfinite(value) and value > 0):
                raise ProfileError(f"profile {self.name!r}: {key} must be positive, got {value!r}")
        energies, depths = np.array(self.depth_energy_mj), np.array(self.depth_um)
        if len(energies) != len(depths) or len(energies) < 2:
            raise ProfileError(f"profile {self.name!r}: the depth curve needs two or more matching points")
        if not ((np.diff(energies) > 0).all() and (np.diff(depths) > 0).all()):
            raise ProfileError(f"profile {self.name!r}: the depth curve must increase")
        if self.energy_min_mj >= self.energy_max_mj:
            raise ProfileError(f"profile {self.name!r}: energy_min_mj must lie below energy_max_mj")

    def depth_of_energy_um(self, energy_mj: ArrayLike) -> NDArray[np.float64]:
        """Return ablation depth [um] of pulse energies [mJ], linear between the curve's points."""
        return np.interp(np.asarray(energy_mj, np.float64), self.depth_energy_mj, self.depth_um)

    def energy_of_depth_mj(self, depth_um: ArrayLike) -> NDArray[np.float64]:
        """Return the pulse energy [mJ] for a depth [um], clipped to the energy limits."""
        energy = np.interp(np.asarray(depth_um, np.float64), self.depth_um, self.depth_energy_mj)
        return np.clip(energy, self.energy_min_mj, self.energy_max_mj)

    def pulse_of_energy_us(self, energy_mj: ArrayLike) -> NDArray[np.float64]:
        """Return pulse length [us] at the profile's power: 20 mJ at 25 W is 800 us."""
        return np.asarray(energy_mj, np.float64) * 1000.0 / self.power_w

    @property
    def rayleigh_m(self) -> float:
        """Rayleigh length [m]: pi w^2 / (M2 lambda)."""
        waist = self.spot_um * 0.5e-6
        return float(np.pi * waist**2 / (self.m2 * self.wavelength_um * 1e-6))

    def spot_diameter_um(self, defocus_m: ArrayLike) -> NDArray[np.float64]:
        """Return the 1/e2 diameter [um] at a distance from focus along the beam [m]."""
        z = np.asarray(defocus_m, np.float64)
        return self.spot_um * np.sqrt(1.0 + (z / self.rayleigh_m) ** 2)

    def peak_fluence_j_cm2(
        self, energy_mj: ArrayLike, defocus_m: ArrayLike, incidence_rad: ArrayLike
    ) -> NDArray[np.float64]:
        """Return peak fluence [J/cm2] on the skin: 2E/(pi w^2) cos(incidence), Gaussian beam."""
        radius_cm = self.spot_diameter_um(defocus_m) * 0.5e-4
        energy_j = np.asarray(energy_mj, np.float64) * 1e-3
        return 2.0 * energy_j / (np.pi * radius_cm**2) * np.cos(incidence_rad)

    def jump_time_us(self, angle_rad: ArrayLike) -> NDArray[np.float64]:
        """Return jump + settle time [us] of optical steps [rad]; 0.4-1 ms per small hop [V]."""
        return self.settle_us + self.slew_us_per_rad * np.abs(np.asarray(angle_rad, np.float64))

    def to_header(self) -> dict[str, Any]:
        """Return the profile as JSON-able mapping for a plan's header."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_header(cls, values: dict[str, Any]) -> HandpieceProfile:
        """Rebuild a profile from a plan's header.

        Raises:
            ProfileError: unknown or missing fields, or numbers that cannot be.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ProfileError(f"not a handpiece profile: {error}") from error


CO2_120UM_LOW_ENERGY = HandpieceProfile(
    name="co2_120um_low_energy",
    source="depth: 20 and 30 mJ -> 630 and 859 um nominal read-out, neck (Avram 2009 [V]), line extended"
    " to 5 mJ [D]; 25 W [V]/[M]; spot 120 um [V]; settle 1 ms per hop [V]",
    spot_um=120.0,
    focus_distance_m=0.150,
    field_half_m=0.010,
    energy_min_mj=5.0,
    energy_max_mj=30.0,
    depth_energy_mj=(5.0, 20.0, 30.0),
    depth_um=(286.0, 630.0, 859.0),
)
"""Superficial to mid-dermal work. Geometry of the head is an engineering choice of the simulated head."""

CO2_120UM_DEEP = HandpieceProfile(
    name="co2_120um_deep",
    source="depth: 40 and 80 mJ -> 225 and 375 um by OCT, pig ex vivo (Lasers Med Sci 2017 679-684 [V]),"
    " line extended to 160 mJ [D]; 60 W peak within 25-240 W [V]/[M]",
    spot_um=120.0,
    focus_distance_m=0.150,
    field_half_m=0.010,
    energy_min_mj=20.0,
    energy_max_mj=160.0,
    depth_energy_mj=(20.0, 40.0, 80.0, 160.0),
    depth_um=(150.0, 225.0, 375.0, 675.0),
    power_w=60.0,
)
"""Channels for drug delivery: fewer, with more energy each."""

BUILT_IN_PROFILES = {p.name: p for p in (CO2_120UM_LOW_ENERGY, CO2_120UM_DEEP)}
