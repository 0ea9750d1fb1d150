"""Joint states between the arm and whoever listens, and what may be wrong with them there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from openmtz.simulation.arm import JointState

LARGEST_ERROR_RAD = math.pi


@dataclass
class SpoiledJoints:
    """Takes what the arm measures and returns what is published.

    Attributes:
        lost: nothing is published. frozen: the last joint state is repeated, as of now.
        offset_rad: `(6,)` [rad] that the encoders read too much.
    """

    lost: bool = False
    frozen: bool = False
    offset_rad: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))
    _told: JointState | None = None

    def tell(self, measured: JointState) -> JointState | None:
        """Return the joint state as published, None if nothing is."""
        if self.lost:
            return None
        if self.frozen and self._told is not None:
            return replace(self._told, time_s=measured.time_s)
        self._told = replace(measured, position=measured.position + self.offset_rad)
        return self._told

    def misread(self, joint: int, by_rad: float) -> None:
        """Let the encoder of one joint (0 to 5) read `by_rad` [rad] too much.

        Raises:
            ValueError: no angle within half a turn.
        """
        if not abs(by_rad) <= LARGEST_ERROR_RAD:
            raise ValueError(f"rad must be a number within +-{LARGEST_ERROR_RAD:g}, got {by_rad!r}")
        self.offset_rad = self.offset_rad.copy()
        self.offset_rad[joint] = by_rad
