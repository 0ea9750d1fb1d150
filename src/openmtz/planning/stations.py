"""Stations: as few scan-head poses as cover the spots in field, in focus, upright enough and in reach.

Greedy set cover over a thinned set of the spots, then over what of all spots is left. Candidates stand over
anchors spread among the spots, looking along the skin's normal there or along the mean one; how far away is
chosen each time so that the depth of focus holds the most spots still uncovered (a dent deeper than that gets
a station of its own). Then slivers go to neighbours that move to take them over (`_slivers`), stations the
others can do without go, and each spot gets the one that meets it best, with a price on disagreeing with its
neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from openmtz.geometry import make_pose
from openmtz.optics import HandpieceProfile
from openmtz.planning import _grid, _view_kernels
from openmtz.planning._cover import Cover, Head
from openmtz.planning._slivers import Slivers
from openmtz.planning.refusals import Cause

SPARE_SHARE = 0.01
"""So few of the spots may use `SPARE_FOCUS_SHARE` of the depth of focus, where that saves a station."""
MAX_STATIONS = 2000
"""350 cm2 on curved skin take about 200; a plan counts stations in 16 bits."""
MAX_REACH_TESTS = 180
REACH_TESTS_PER_CM2 = 8.0
"""Poses the arm may refuse before planning gives up on what is left: so many, and so many more for every
cm2 to cover and three for every station found. Engineering default: 2 ms each."""
THIN_PER_CM2 = 200.0
"""Spots per cm2 looked at while stations are chosen; all of them afterwards."""
SEAM_COST = 1.5
"""Weight of agreeing with the neighbours against standing upright and sharp."""
NEIGHBOURS = 12
_TURNS_RAD = (0.0, np.pi / 2, -np.pi / 2, np.pi)
_TILTS_RAD = (0.0, float(np.deg2rad(12.0)), float(np.deg2rad(22.0)))
"""How far a station the arm cannot take is tilted towards the ones it can; even skin allows it."""
LEAST_TILTED_SHARE = 0.25
"""A tilted station must still cover this share of what the upright one would."""

Reachable = Callable[[NDArray[np.float64]], "bool | str | None"]
"""Takes a world pose `(4, 4)` of scan_head. True, None or an empty text: in reach; False or a text: not, and
why, as `openmtz.robot.StationCheck(...).reason`. An object that also has `reason(pose) -> str`, such as the
`StationCheck` itself, is asked for the text once at the end, which is quicker."""


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


def plan_stations(
    positions_m: NDArray[np.float64],
    normals: NDArray[np.float64],
    profile: HandpieceProfile,
    reachable: Reachable | None = None,
    max_stations: int = MAX_STATIONS,
) -> Stations:
    """Return stations for spots `(N, 3)` [m] with noise-free unit normals `(N, 3)`. Deterministic."""
    points = np.ascontiguousarray(positions_m, np.float64)
    unit = np.ascontiguousarray(normals, np.float64)
    if len(points) == 0:
        return Stations(np.zeros((0, 4, 4)), np.zeros(0, np.int64), np.zeros(0, "<U24"))
    head, reach = Head.of(profile), _Reach(reachable)
    seen = _Seen(points, unit, head)
    thinned = _grid.thin(points, float(np.sqrt(1e-4 / THIN_PER_CM2)))
    reach.allowance += REACH_TESTS_PER_CM2 * len(thinned) / THIN_PER_CM2
    _cover(seen, reach, thinned, None, max_stations)
    while (rest := seen.to_cover()).any() and len(seen.poses) < max_stations and not reach.exhausted:
        rows = np.flatnonzero(rest)
        anchors = _grid.thin(points[rows], 0.5 * head.half)
        if not _cover(seen, reach, rows, anchors, max_stations):
            break
    seen = seen.without_slivers(reach)
    kept, station = seen.assign()
    cause = np.where(
        station < 0, (Cause.OUT_OF_REACH if reach.refused else Cause.TOO_MANY_STATIONS).value, ""
    )
    refused = np.array(reach.refused).reshape(-1, 4, 4)
    if not kept:
        return Stations(np.zeros((0, 4, 4)), station, cause, reach.detail, refused)
    order = short_tour(np.array([p[:3, 3] for p in kept]))
    rank = np.empty(len(kept) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(kept)), -1
    return Stations(np.array([kept[i] for i in order]), rank[station], cause, reach.detail, refused)


def _cover(
    seen: _Seen, reach: _Reach, rows: NDArray[np.int64], anchors: NDArray[np.int64] | None, most: int
) -> int:
    """Add stations for the spots `rows` until nothing helps; return how many were added.

    `anchors`: rows of those spots to put candidates over; None spreads them.
    """
    cover = Cover(seen.points[rows], seen.normals[rows], seen.head, anchors)
    added = 0
    while cover.left.any() and len(seen.poses) < most and not reach.exhausted:
        found = cover.best()
        if found is None:
            break
        pose = _reached(found[0], cover, reach)
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


def _reached(pose: NDArray[np.float64], cover: Cover, reach: _Reach) -> NDArray[np.float64] | None:
    """Return the pose, turned about the beam or tilted if the arm takes it so; None if it takes none."""
    least = 0
    for tilt in _TILTS_RAD if reach.asks else _TILTS_RAD[:1]:
        leaning = pose
        if tilt:
            leaning = lean(pose, reach.toward(), tilt, cover.head.focus)
            least = least or max(1, int(LEAST_TILTED_SHARE * cover.fresh(pose)))
            if cover.fresh(leaning) < least:
                break
        if (turned := reach.turn_until_reached(leaning)) is not None:
            return turned
    return None


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


class _Seen:
    """All spots, the stations so far, and for each of these what it can fire."""

    def __init__(self, points: NDArray[np.float64], normals: NDArray[np.float64], head: Head) -> None:
        self.points, self.normals, self.head = points, normals, head
        self._grid = _grid.make_grid(points, head.reach)
        self.poses: list[NDArray[np.float64]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._cost: list[NDArray[np.float64]] = []
        self._tight: list[NDArray[np.bool_]] = []
        self.sharp = np.zeros(len(points), np.int64)
        self.reached = np.zeros(len(points), np.int64)

    def add(self, pose: NDArray[np.float64]) -> None:
        """Add a station."""
        rows, cost, tight = self.head.seen(pose, self.points, self.normals, self._grid)
        self.poses.append(pose)
        self._rows.append(rows)
        self._cost.append(cost)
        self._tight.append(tight)
        self.sharp[rows[tight]] += 1
        self.reached[rows] += 1

    def without_slivers(self, reach: _Reach) -> _Seen:
        """Return the stations that are left once slivers went to their neighbours."""
        slivers = Slivers(self.points, self.normals, self.head, self._grid, self.sharp == 0, reach.as_it_is)
        result = _Seen(self.points, self.normals, self.head)
        for pose in slivers.merge(self.poses):
            result.add(pose)
        return result

    def to_cover(self) -> NDArray[np.bool_]:
        """Return `(N,)` bool, spots that want a station: none of so few as may be a little less sharp."""
        rest = self.sharp == 0
        return self.reached == 0 if rest.mean() <= SPARE_SHARE else rest

    def assign(self) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
        """Drop stations the others can do without, fewest own spots first; give each spot its best one.

        Returns the poses kept and `(N,)` their row, -1 where no station covers the spot.
        """
        count = len(self.points)
        kept = np.ones(len(self.poses), np.bool_)
        loose = int(((self.sharp == 0) & (self.reached > 0)).sum())
        for row in sorted(range(len(kept)), key=lambda r: (int(self._tight[r].sum()), r)):
            mine, tight = self._rows[row], self._tight[row]
            new_loose = int((self.sharp[mine[tight]] == 1).sum())
            if (self.reached[mine] <= 1).any() or loose + new_loose > SPARE_SHARE * count:
                continue
            kept[row] = False
            loose += new_loose
            self.sharp[mine[tight]] -= 1
            self.reached[mine] -= 1
        rows = np.flatnonzero(kept)
        if len(rows) == 0:
            return [], np.full(count, -1, np.int64)
        spot = np.concatenate([self._rows[r] for r in rows])
        who = np.repeat(np.arange(len(rows)), [len(self._rows[r]) for r in rows])
        cost = np.concatenate([self._cost[r] for r in rows])
        fit = np.concatenate([self._tight[r] for r in rows]) | (self.sharp[spot] == 0)
        order = np.argsort(spot[fit], kind="stable")
        spot, who, cost = spot[fit][order], who[fit][order], cost[fit][order]
        starts = np.searchsorted(spot, np.arange(count + 1))
        station = _view_kernels.settle(starts, who, cost, self._neighbours(), SEAM_COST, 12)
        used = np.unique(station[station >= 0])
        renumber = np.full(len(rows) + 1, -1, np.int64)
        renumber[used] = np.arange(len(used))
        return [self.poses[rows[k]] for k in used], renumber[station]

    def _neighbours(self) -> NDArray[np.int64]:
        """Return `(N, K)` rows of the nearest other spots."""
        count = min(NEIGHBOURS, len(self.points) - 1)
        if count == 0:
            return np.zeros((len(self.points), 0), np.int64)
        found = cKDTree(self.points).query(self.points, k=count + 1)[1]
        return np.ascontiguousarray(found[:, 1:], np.int64)


class _Reach:
    """Asks the arm, bounded, and remembers what it said no to."""

    def __init__(self, reachable: Reachable | None) -> None:
        self._ask, self._failures, self.allowance, self.detail = reachable, 0, float(MAX_REACH_TESTS), ""
        self.refused: list[NDArray[np.float64]] = []
        self._axes = np.zeros(3)

    @property
    def asks(self) -> bool:
        """True if there is an arm to ask."""
        return self._ask is not None

    @property
    def exhausted(self) -> bool:
        """True once the arm has refused too much."""
        return self._failures >= self.allowance

    def took(self, pose: NDArray[np.float64]) -> None:
        """Note a station the arm can take."""
        self.allowance += 3.0
        self._axes += pose[:3, 2]

    def toward(self) -> NDArray[np.float64]:
        """Return the axis `(3,)` worth leaning to: the mean of the stations taken, else straight down."""
        axis = self._axes if self._axes.any() else np.array([0.0, 0.0, -1.0])
        return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-12), np.float64)

    def refuse(self, pose: NDArray[np.float64]) -> None:
        """Note a pose the arm cannot take, however turned or tilted, and why."""
        self.refused.append(pose)
        if not self.detail and (reason := getattr(self._ask, "reason", None)) is not None:
            self.detail = str(reason(pose))

    def as_it_is(self, pose: NDArray[np.float64]) -> bool:
        """Return True if the arm takes the pose, not turned; a no is not counted."""
        if self._ask is None:
            return True
        answer = self._ask(pose)
        return answer is None or answer is True or answer == ""

    def turn_until_reached(self, pose: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the pose, turned about the beam if that is what it takes; None if out of reach."""
        if self._ask is None:
            return pose
        for turn in _TURNS_RAD:
            rotation = pose[:3, :3] @ Rotation.from_euler("z", turn).as_matrix()
            turned = make_pose(rotation, pose[:3, 3])
            answer = self._ask(turned)
            if answer is None or answer is True or answer == "":
                return turned
            self._failures += 1
            if isinstance(answer, str):
                self.detail = answer
        return None


def short_tour(points_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return an order `(S,)` of points `(S, 3)` with a short open path: nearest neighbour, then 2-opt."""
    count = len(points_m)
    if count == 0:
        return np.zeros(0, np.int64)
    distance = np.linalg.norm(points_m[:, None] - points_m[None], axis=2)
    rounded = np.round(distance, 6)
    tour = [int(np.lexsort(np.round(points_m.T[::-1], 4))[0])]
    left = np.ones(count, np.bool_)
    left[tour[0]] = False
    while left.any():
        step = int(np.argmin(np.where(left, rounded[tour[-1]], np.inf)))
        tour.append(step)
        left[step] = False
    result = np.array(tour, np.int64)
    _view_kernels.two_opt(distance, result)
    return result
