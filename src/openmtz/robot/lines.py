"""Straight lines of a tool along its own axis: how the head comes to the skin, and how it leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.robot.description import SCAN_HEAD_FRAME
from openmtz.robot.kinematics import ArmKinematics
from openmtz.robot.trajectory import Trajectory, plan_along

Array = NDArray[np.float64]

KNOT_M = 0.0025
"""Postures are solved exactly every so many metres; between them the path is within a micrometre."""
LARGEST_KNOT_STEP_RAD = 0.06
"""More joint motion than this between two knots: a singularity is near, the line is not taken there."""


@dataclass(frozen=True, eq=False)
class ToolLine:
    """`positions` `(K, 6)` [rad], near end first; `lengths_m` `(K,)` away from it, against the tool's z."""

    positions: Array
    lengths_m: Array

    @property
    def far(self) -> Array:
        """Joints `(6,)` at the far end [rad]."""
        return np.array(self.positions[-1])

    def shortened(self, knots: int) -> ToolLine:
        """Return the near part of so many knots."""
        return ToolLine(self.positions[:knots], self.lengths_m[:knots])

    def away(self, speed_fraction: float = 1.0) -> Trajectory:
        """Return the motion from the near to the far end."""
        return plan_along(self.positions, self.lengths_m, speed_fraction)

    def towards(self, speed_fraction: float = 1.0) -> Trajectory:
        """Return the motion from the far to the near end."""
        return plan_along(self.positions[::-1], self.lengths_m[-1] - self.lengths_m[::-1], speed_fraction)


def line_back(
    kinematics: ArmKinematics, q_near: ArrayLike, length_m: float, frame: str = SCAN_HEAD_FRAME
) -> ToolLine | None:
    """Return the straight way of a frame from joints `(6,)` [rad] against its own z axis.

    As long as asked, or as the limits and singularities of the arm allow; None where that is less than six
    knots. The orientation stays the same.

    Raises:
        ValueError: as `ArmKinematics.inverse`.
    """
    near = np.array(q_near, np.float64)
    pose = kinematics.forward(near, frame)
    axis = pose[:3, 2].copy()
    count = max(6, int(np.ceil(length_m / KNOT_M - 1e-9)) + 1)
    lengths = np.linspace(0.0, length_m, count)
    rows = [near]
    for length in lengths[1:]:
        target = pose.copy()
        target[:3, 3] -= axis * length
        # The next posture lies about as far on as the last step went.
        guess = 2 * rows[-1] - rows[-2] if len(rows) > 1 else rows[-1]
        q = kinematics.refine(guess, target, frame)
        if q is None or np.abs(q - rows[-1]).max() > LARGEST_KNOT_STEP_RAD or kinematics.limits.margin(q) < 0:
            break
        rows.append(q)
    return ToolLine(np.array(rows), lengths[: len(rows)]) if len(rows) >= 6 else None
