"""How each spot is met from its station, and which ones must be refused for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import FieldCalibration, HandpieceProfile, angles_to_ray
from openmtz.planning.refusals import Cause
from openmtz.planning.skin import FineNormals
from openmtz.planning.stations.aiming import aim_from
from openmtz.planning.stations.cover_spots import Stations

NOISE_ALLOWANCE = 2.0
"""A wall counts as too steep where its incidence exceeds the limit by more than so many times the noise of
the fine normals: skin that is merely noisy is not refused."""


class Fit(NamedTuple):
    """Rows of `N` spots: `defocus_m`, `incidence_rad` on the finer scale, and `cause` of refusal or the empty
    text, `(N,)` each; `beam` `(N, 3)` unit, world. Zeros where a spot has no station."""

    defocus_m: NDArray[np.float64]
    incidence_rad: NDArray[np.float64]
    cause: NDArray[np.str_]
    beam: NDArray[np.float64]


def fit_spots(
    positions_m: NDArray[np.float64],
    fine: FineNormals,
    stations: Stations,
    profile: HandpieceProfile,
    calibration: FieldCalibration | None = None,
) -> Fit:
    """Return how spots `(N, 3)` [m] are met from their stations. Stations were chosen by normals averaged
    over 2 mm and a flat square of the field; here the skin's finer shape and the calibrated field decide."""
    count = len(positions_m)
    defocus, incidence, cause = np.zeros(count), np.zeros(count), np.array(stations.cause, "<U24")
    beam = np.zeros((count, 3))
    for row, pose in enumerate(stations.poses):
        mine = np.flatnonzero(stations.station == row)
        aim = aim_from(pose, positions_m[mine], fine.normals[mine], profile, calibration)
        defocus[mine], incidence[mine] = aim.defocus_m, aim.incidence_rad
        beam[mine] = angles_to_ray(aim.angles_rad, profile.mirror_separation_m)[1] @ pose[:3, :3].T
    limit = profile.incidence_limit_rad + NOISE_ALLOWANCE * fine.noise_rad
    open_rows = stations.station >= 0
    for mask, why in (
        (np.isnan(defocus), Cause.OUT_OF_FIELD),
        (np.abs(defocus) > profile.depth_of_focus_m, Cause.OUT_OF_FOCUS),
        (incidence > limit, Cause.TOO_STEEP),
    ):
        rows = open_rows & mask & (cause == "")
        cause[rows] = why.value
    return Fit(np.nan_to_num(defocus), np.minimum(incidence, np.deg2rad(89.0)), cause, beam)
