"""Faults of the joint states between the arm and whoever listens."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class JointFaults:
    """What is wrong with the joint states on their way from the arm."""

    lost: bool = False
    frozen: bool = False
    offset_rad: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))
    _held: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def tell(
        self, position: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return positions and velocities as published, None if nothing is."""
        if self.lost:
            return None
        if not self.frozen or self._held is None:
            self._held = (position + self.offset_rad, velocity)
        return self._held
