"""What there is to see at one moment. Plain data: made by the node, a lockstep run or a record."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Joints `(6,)` [rad] at `time_s` [s], and the spots `(K, 3)` [m, world] fired since the last snapshot.

    A snapshot with new spots shows the beam. Whoever draws remembers the spots.

    Raises:
        ValueError: joints that are not six finite numbers, spots that are not finite points.
    """

    time_s: float
    joints_rad: Array
    new_spots_m: Array = field(default_factory=lambda: np.zeros((0, 3)))
    text: str = ""

    def __post_init__(self) -> None:
        joints = np.asarray(self.joints_rad, np.float64)
        spots = np.asarray(self.new_spots_m, np.float64).reshape(-1, 3)
        if joints.shape != (6,) or not np.isfinite(joints).all():
            raise ValueError(f"joints must be six finite numbers [rad], got {self.joints_rad!r}")
        if not np.isfinite(spots).all():
            raise ValueError("spots must be finite points [m]; leave out the shots that hit nothing")
        object.__setattr__(self, "joints_rad", joints)
        object.__setattr__(self, "new_spots_m", spots)
