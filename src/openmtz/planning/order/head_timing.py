"""How long the scan head takes from spot to spot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import HandpieceProfile


@dataclass(frozen=True)
class HeadTiming:
    """When the head can fire: jump + settle by optical angle, then the pulse (see `HandpieceProfile`).

    Raises:
        ValueError: a number that is not finite or not positive (settle and slew may be 0).
    """

    settle_us: float = 1000.0
    slew_us_per_rad: float = 10000.0
    throw_m: float = 0.150
    power_w: float = 25.0

    def __post_init__(self) -> None:
        for key, least in (
            ("settle_us", 0.0),
            ("slew_us_per_rad", 0.0),
            ("throw_m", 1e-6),
            ("power_w", 1e-6),
        ):
            value = getattr(self, key)
            if not (np.isfinite(value) and value >= least):
                raise ValueError(f"head timing: {key} must be finite and at least {least:g}, got {value!r}")

    @classmethod
    def of(cls, profile: HandpieceProfile) -> HeadTiming:
        """Return the timing of a profile."""
        return cls(profile.settle_us, profile.slew_us_per_rad, profile.focus_distance_m, profile.power_w)

    def jump_s(self, uv_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `(N,)` [s] the jump + settle before each of the spots `(N, 2)` [m] fired in turn; 0
        first."""
        jump = np.zeros(len(uv_m))
        step = np.linalg.norm(np.diff(uv_m, axis=0), axis=1) / self.throw_m
        jump[1:] = (self.settle_us + self.slew_us_per_rad * step) * 1e-6
        return jump

    def pulse_s(self, energy_mj: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `(N,)` [s] pulse lengths at the power."""
        return energy_mj * 1e-3 / self.power_w
