"""The beams of a plan: from the scan head at a station's pose to each planned spot, in the head's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import HandpieceProfile, point_to_angles
from openmtz.plan import TreatmentPlan


@dataclass(frozen=True, eq=False)
class Beams:
    """Of `n` spots, all in `scan_head`: `spots` `(n, 3)` [m], optical `angles` `(n, 2)` [rad], `origins`
    `(n, 3)` [m] on the axis of the x mirror, unit `directions` `(n, 3)` and `lengths` `(n,)` [m]."""

    spots: NDArray[np.float64]
    angles: NDArray[np.float64]
    origins: NDArray[np.float64]
    directions: NDArray[np.float64]
    lengths: NDArray[np.float64]


def beams_of(
    plan: TreatmentPlan, rows: NDArray[np.int64], pose: NDArray[np.float64], profile: HandpieceProfile
) -> Beams:
    """Return the beams to the spots `rows` `(n,)` of a plan from a world pose `(4, 4)` of `scan_head`."""
    spots = (plan.positions_m[rows] - pose[:3, 3]) @ pose[:3, :3]
    angles = point_to_angles(spots, profile.mirror_separation_m)
    origins = np.zeros_like(spots)
    origins[:, 0] = profile.mirror_separation_m * np.tan(angles[:, 0])
    ray = spots - origins
    lengths = np.linalg.norm(ray, axis=1)
    return Beams(spots, angles, origins, ray / lengths[:, None], lengths)
