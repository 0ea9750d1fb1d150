"""Answers of inverse kinematics: one posture that reaches a pose, or the best that was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Branch:
    """One posture that solves a pose: `q` `(6,)` [rad], within limits.

    `distance_rad` largest joint difference from the seed, `limit_margin_rad` distance from the nearest
    limit, `singularity_margin` smallest singular value of the Jacobian with lengths in units of the reach.
    """

    q: Array
    distance_rad: float
    limit_margin_rad: float
    singularity_margin: float


@dataclass(frozen=True)
class IkResult:
    """`q` `(6,)` [rad] best found. `reason` says what is wrong and what helps where `ok` is False."""

    q: Array
    position_error_m: float
    orientation_error_rad: float
    ok: bool
    reason: str = ""
