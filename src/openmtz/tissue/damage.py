"""Arrhenius damage: Omega = integral of A exp(-(Ea/R)/T) dt; Omega = 1 means that
63 % are damaged (domain facts, section 2).

Omega falls and rises by a factor of two per kelvin or so: rank with it, never read it as a probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ZERO_C_K = 273.15
GAS_CONSTANT_J_MOL_K = 8.314462618
"""CODATA 2018, exact."""


@dataclass(frozen=True)
class Arrhenius:
    """One reaction: `frequency_per_s` A, `activation_k` Ea/R [K]; `source` says where the numbers come from.

    Raises:
        ValueError: a number that is not finite or not positive.
    """

    name: str
    frequency_per_s: float
    activation_k: float
    source: str

    def __post_init__(self) -> None:
        for key in ("frequency_per_s", "activation_k"):
            value = getattr(self, key)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"Arrhenius set {self.name!r}: {key} must be positive, got {value!r}")

    def rate_per_s(self, temperature_c: ArrayLike) -> NDArray[np.float64]:
        """Return dOmega/dt [1/s] at temperatures [C], same shape; computed in logarithms, as A overflows
        nothing but its product with exp(-Ea/RT) would lose all digits."""
        kelvin = np.asarray(temperature_c, np.float64) + ZERO_C_K
        return np.exp(np.log(self.frequency_per_s) - self.activation_k / kelvin)

    def time_to_one_s(self, temperature_c: ArrayLike) -> NDArray[np.float64]:
        """Return the time [s] at a constant temperature [C] after which Omega is 1."""
        return 1.0 / self.rate_per_s(temperature_c)

    def omega(self, temperature_c: ArrayLike, times_s: ArrayLike) -> NDArray[np.float64]:
        """Return Omega `(...)` of temperatures `(..., T)` [C] at increasing times `(T,)` [s], by trapezoids.

        Raises:
            ValueError: shapes that do not match, times that do not increase, numbers that are none.
        """
        temperature, times = np.asarray(temperature_c, np.float64), np.asarray(times_s, np.float64)
        if times.ndim != 1 or temperature.shape[-1:] != times.shape:
            raise ValueError(f"temperatures {temperature.shape} must end in the {times.shape} of the times")
        if not (np.isfinite(times).all() and np.isfinite(temperature).all()):
            raise ValueError("temperatures [C] and times [s] must be finite")
        if (np.diff(times) <= 0).any():
            raise ValueError("times [s] must increase")
        return np.asarray(np.trapezoid(self.rate_per_s(temperature), times, axis=-1))


HENRIQUES = Arrhenius(
    "henriques", 3.1e98, 75_000.0, "Henriques, epidermal necrosis; domain facts section 2 [M], checked [D]"
)
"""Ea/R as a whole number on purpose: 6.28e5 J/mol, its rounding, makes times 5 times too long [D]."""

WEAVER_STOLL_44_50 = Arrhenius(
    "weaver_stoll_44_50", 2.185e124, 93_534.9, "Weaver & Stoll, 44-50 C; domain facts section 2 [M]"
)
WEAVER_STOLL_ABOVE_50 = Arrhenius(
    "weaver_stoll_above_50", 1.823e51, 39_109.8, "Weaver & Stoll, above 50 C; domain facts section 2 [M]"
)
COLLAGEN = Arrhenius(
    "collagen",
    1.606e45,
    3.06e5 / GAS_CONSTANT_J_MOL_K,
    "Pearce & Thomsen, 3.06e5 J/mol; domain facts section 2 [M]",
)
"""For the edge of coagulation as histology shows it."""

ARRHENIUS_SETS = {s.name: s for s in (HENRIQUES, WEAVER_STOLL_44_50, WEAVER_STOLL_ABOVE_50, COLLAGEN)}


def weaver_stoll_rate_per_s(temperature_c: ArrayLike) -> NDArray[np.float64]:
    """Return dOmega/dt [1/s] by Weaver & Stoll: no damage below 44 C, one set of constants up to 50 C,
    another above."""
    temperature = np.asarray(temperature_c, np.float64)
    low, high = WEAVER_STOLL_44_50.rate_per_s(temperature), WEAVER_STOLL_ABOVE_50.rate_per_s(temperature)
    return np.where(temperature < 44.0, 0.0, np.where(temperature <= 50.0, low, high))
