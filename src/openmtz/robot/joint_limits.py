"""How far and how fast the joints may turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.robot.description import JOINT_NAMES

Array = NDArray[np.float64]


@dataclass(frozen=True)
class JointLimits:
    """`lower`, `upper` [rad], `velocity` [rad/s], `effort` [Nm], each `(6,)`."""

    lower: Array
    upper: Array
    velocity: Array
    effort: Array

    def violation(self, q: ArrayLike) -> str:
        """Return which joint of `(6,)` [rad] lies beyond which limit and how far, or an empty text."""
        for name, value, low, high in zip(JOINT_NAMES, np.asarray(q), self.lower, self.upper, strict=True):
            if not low <= value <= high:
                at, lowest, highest, beyond = np.rad2deg([value, low, high, max(low - value, value - high)])
                return (
                    f"{name} at {at:.1f} deg, {beyond:.1f} deg beyond its limit "
                    f"(allowed {lowest:.0f} to {highest:.0f} deg)"
                )
        return ""

    def margin(self, q: ArrayLike) -> float:
        """Return the smallest distance of joints `(6,)` from their limits [rad]; negative beyond one."""
        joints = np.asarray(q)
        return float(np.minimum(joints - self.lower, self.upper - joints).min())
