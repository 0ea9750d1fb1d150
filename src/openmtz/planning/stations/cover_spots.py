"""Stations: as few scan-head poses as cover the spots in field, in focus, upright enough and in reach.

Greedy set cover over a thinned set of the spots, then over what of all spots is left. Candidates stand over
anchors spread among the spots, looking along the skin's normal there or along the mean one; how far away is
chosen each time so that the depth of focus holds the most spots still uncovered (a dent deeper than that gets
a station of its own). Then slivers go to neighbours that move to take them over (`slivers`), stations the
others can do without go, and each spot gets the one that meets it best, with a price on disagreeing with its
neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from openmtz.geometry import TriangleMesh, make_pose
from openmtz.optics import FieldCalibration, HandpieceProfile
from openmtz.planning.refusals import Cause
from openmtz.planning.stations import cell_grid as _grid
from openmtz.planning.stations.asked_reach import REACH_TESTS_PER_CM2, Reach, Reachable
from openmtz.planning.stations.assignment import Assignment
from openmtz.planning.stations.greedy_cover import Cover, Head
from openmtz.planning.stations.sight import Sight
from openmtz.planning.stations.tour import short_tour

MAX_STATIONS = 2000
"""The 367 cm2 of a face take about 600; a plan counts stations in 16 bits."""
THIN_PER_CM2 = 200.0
"""Spots per cm2 looked at while stations are chosen; all of them afterwards."""
FINEST_ANCHORS_M = 0.001
"""Candidates over what is left stand no nearer to each other than a quarter of this [m]."""
TILT_RESERVE_RAD = float(np.deg2rad(0.5))
TILT_HALVINGS = 3
"""A station the arm cannot take is tilted towards the ones it can, at most so far below the limit of
incidence, and as little as brings it in reach (to an eighth): on tilted skin the depth of focus holds only a
strip. Engineering defaults."""
LEAST_TILTED_SHARE = 0.25
"""A tilted station must cover this share of what the upright one would, as long as others are to be had."""


@dataclass(frozen=True, eq=False)
class Stations:
    """`poses` `(S, 4, 4)` world_T_scan_head; `station` `(N,)` row of `poses`, -1 where refused;
    `cause` `(N,)` values of `Cause`, empty where not refused; `detail` the last reason the arm gave;
    `refused_poses` `(R, 4, 4)` those the arm could not take."""

    poses: NDArray[np.float64]
    station: NDArray[np.int64]
    cause: NDArray[np.str_]
    detail: str = ""
    refused_poses: NDArray[np.float64] | None = None

    def kept(self, planned: NDArray[np.bool_]) -> Stations:
        """Return those stations that the spots `planned` `(N,)` bool need, for these spots alone."""
        used, station = np.unique(self.station[planned], return_inverse=True)
        return Stations(self.poses[used], station.reshape(-1), self.cause[planned])


def plan_stations(
    positions_m: NDArray[np.float64],
    normals: NDArray[np.float64],
    profile: HandpieceProfile,
    reachable: Reachable | None = None,
    max_stations: int = MAX_STATIONS,
    *,
    skin: TriangleMesh | None = None,
    calibration: FieldCalibration | None = None,
) -> Stations:
    """Return stations for spots `(N, 3)` [m] with noise-free unit normals `(N, 3)`. Deterministic.

    `skin`: all that was captured; no beam goes through it. Without it lines of sight are not looked at.
    `calibration`: stations use the part of the field it covers, and stand where its focus lies in the mean.
    """
    points = np.ascontiguousarray(positions_m, np.float64)
    unit = np.ascontiguousarray(normals, np.float64)
    if len(points) == 0:
        return Stations(np.zeros((0, 4, 4)), np.zeros(0, np.int64), np.zeros(0, "<U24"))
    head, reach = Head.of(profile, calibration), Reach(reachable)
    if head.half <= 0.0:
        nowhere = np.full(len(points), Cause.OUT_OF_FIELD.value, "<U24")
        return Stations(np.zeros((0, 4, 4)), np.full(len(points), -1), nowhere)
    sight = None if skin is None else Sight(points, unit, skin, head.limit, head.divergence, head.focus)
    seen = Assignment(points, unit, head, sight)
    thinned = _grid.thin(points, float(np.sqrt(1e-4 / THIN_PER_CM2)))
    if sight is not None:
        thinned = thinned[~sight.hidden[thinned]]
    reach.allowance += REACH_TESTS_PER_CM2 * len(thinned) / THIN_PER_CM2
    if len(thinned):
        _cover(seen, reach, thinned, None, max_stations)
    spacing = 0.5 * head.half
    while (rest := seen.to_cover()).any() and len(seen.poses) < max_stations and not reach.exhausted:
        rows = np.flatnonzero(rest)
        anchors = _grid.thin(points[rows], spacing)
        if not _cover(seen, reach, rows, anchors, max_stations):
            if len(anchors) == len(rows) or spacing < FINEST_ANCHORS_M:
                break
            spacing *= 0.25
    seen = seen.without_slivers(reach.as_it_is)
    kept, station = seen.assign()
    cause = np.where(
        station < 0, (Cause.OUT_OF_REACH if reach.refused else Cause.TOO_MANY_STATIONS).value, ""
    )
    if sight is not None:
        crossing = sight.crossing(kept, head.separation, station)
        station[crossing] = -1
        hidden = sight.hidden | crossing
        if not reach.refused:  # what is left is seen at angles only that no candidate has
            hidden |= ~sight.open
        # Hidden is what a bundle of rays misses; a station may see between them: its own beam was followed.
        cause[hidden & (station < 0)] = Cause.OCCLUDED.value
    refused = np.array(reach.refused).reshape(-1, 4, 4)
    if not kept:
        return Stations(np.zeros((0, 4, 4)), station, cause, reach.detail, refused)
    order = short_tour(np.array([p[:3, 3] for p in kept]))
    rank = np.empty(len(kept) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(kept)), -1
    return Stations(np.array([kept[i] for i in order]), rank[station], cause, reach.detail, refused)


def _cover(
    seen: Assignment, reach: Reach, rows: NDArray[np.int64], anchors: NDArray[np.int64] | None, most: int
) -> int:
    """Add stations for the spots `rows` until nothing helps; return how many were added.

    `anchors`: rows of those spots to put candidates over; None spreads them.
    """
    sight = None if seen.sight is None else seen.sight.of(rows)
    cover = Cover(seen.points[rows], seen.normals[rows], seen.head, anchors, sight)
    added = 0
    while cover.left.any() and len(seen.poses) < most and not reach.exhausted:
        found = cover.best()
        if found is None:
            break
        least = LEAST_TILTED_SHARE if anchors is None else 0.0
        pose = _reached(found[0], cover, reach, least)
        if pose is None:
            reach.refuse(found[0])
            cover.ban(found[1], like=True)
        elif cover.take(pose):
            seen.add(pose)
            reach.took(pose)
            added += 1
        else:
            cover.ban(found[1])  # turned so that its square holds nothing new
    return added


def _reached(
    pose: NDArray[np.float64], cover: Cover, reach: Reach, least_share: float
) -> NDArray[np.float64] | None:
    """Return the pose, turned about the beam or tilted if the arm takes it so; None if it takes none that
    still covers more than `least_share` of what the pose does."""
    if (turned := reach.turn_until_reached(pose)) is not None:
        return turned
    focus, toward = cover.head.focus, reach.toward()
    low, high = 0.0, cover.head.limit - TILT_RESERVE_RAD
    farthest = lean(pose, toward, high, focus)
    best = reach.turn_until_reached(farthest)
    if best is None:
        return None
    upright = pose.copy()
    upright[:3, :3] = pose[:3, :3] @ farthest[:3, :3].T @ best[:3, :3]  # turned about the beam as that is
    for _ in range(TILT_HALVINGS):
        middle = 0.5 * (low + high)
        leaning = lean(upright, toward, middle, focus)
        if reach.as_it_is(leaning):
            best, high = leaning, middle
        else:
            low = middle
    least = max(1, int(least_share * cover.fresh(pose)))
    return best if cover.fresh(best) >= least else None


def lean(
    pose: NDArray[np.float64], toward: NDArray[np.float64], angle_rad: float, focus_m: float
) -> NDArray[np.float64]:
    """Return the pose `(4, 4)` turned about the middle of its field so that its beam comes nearer to the axis
    `toward` `(3,)` by `angle_rad`, not past it."""
    axis = pose[:3, 2]
    about = np.cross(axis, toward)
    length = float(np.linalg.norm(about))
    if length < 1e-9:
        return pose
    angle = min(angle_rad, float(np.arctan2(length, axis @ toward)))
    rotation = Rotation.from_rotvec(about / length * angle).as_matrix() @ pose[:3, :3]
    middle = pose[:3, 3] + focus_m * axis
    return make_pose(rotation, middle - focus_m * rotation[:, 2])
