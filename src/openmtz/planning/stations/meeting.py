"""How each spot is met from its station, and which ones must be refused for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.optics import FieldCalibration, HandpieceProfile, angles_to_ray
from openmtz.planning.context import PlanningContext
from openmtz.planning.refusals import Cause
from openmtz.planning.skin import FineNormals, fine_normals, smooth_normals
from openmtz.planning.stations.aiming import aim_from
from openmtz.planning.stations.cover_spots import Stations, plan_stations

NOISE_ALLOWANCE = 2.0
"""A wall counts as too steep where its incidence exceeds the limit by more than so many times the noise of
the fine normals: skin that is merely noisy is not refused."""


class SpotIncidence(NamedTuple):
    """How `N` spots are met: `defocus_m` along the beam, `incidence_rad` on the finer scale, and the `cause`
    of refusal or the empty text, `(N,)` each; `beam` `(N, 3)` unit direction, world. Zeros where a spot has
    no station."""

    defocus_m: NDArray[np.float64]
    incidence_rad: NDArray[np.float64]
    cause: NDArray[np.str_]
    beam: NDArray[np.float64]


class MetSpots(NamedTuple):
    """`stations`, and how `N` spots are met from them.

    `normals` `(N, 3)` unit, averaged over 2 mm, free of noise; `normals_scale_m` over which the finer normals
    were averaged that `incidence_rad` comes from; the rest as in `SpotIncidence`.
    """

    stations: Stations
    normals: NDArray[np.float64]
    normals_scale_m: float
    defocus_m: NDArray[np.float64]
    incidence_rad: NDArray[np.float64]
    cause: NDArray[np.str_]
    beam: NDArray[np.float64]


def meet_spots(
    context: PlanningContext,
    surface: SkinSurface,
    positions_m: NDArray[np.float64],
    profile: HandpieceProfile,
) -> MetSpots:
    """Choose stations for spots `(N, 3)` [m] on `surface`, and find out how each spot is met from its own.

    Sight is checked against all the skin that was captured (`context.surface`), not only what is worked on.
    """
    mesh, setup = surface.mesh, context.setup
    normals = smooth_normals(mesh, positions_m)
    fine = fine_normals(mesh, positions_m, normals)
    stations = plan_stations(
        positions_m, normals, profile, setup.reachable, skin=context.surface.mesh,
        calibration=setup.calibration,
    )  # fmt: skip
    return MetSpots(
        stations, normals, fine.scale_m,
        *spot_incidence(positions_m, fine, stations, profile, setup.calibration),
    )  # fmt: skip


def spot_incidence(
    positions_m: NDArray[np.float64],
    fine: FineNormals,
    stations: Stations,
    profile: HandpieceProfile,
    calibration: FieldCalibration | None = None,
) -> SpotIncidence:
    """Return how spots `(N, 3)` [m] are met from their stations.

    Stations were chosen by normals averaged over 2 mm and by a flat square of the field; here the skin's
    finer shape and the calibrated field decide whether each spot can stay.
    """
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
    return SpotIncidence(np.nan_to_num(defocus), np.minimum(incidence, np.deg2rad(89.0)), cause, beam)
