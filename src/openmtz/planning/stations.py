"""Stations: as few scan-head poses as cover the spots in field, in focus, upright enough and in reach.

Greedy set cover. Candidates stand over anchors spread among the spots, looking along the skin's
normal there or along the mean one; how far away is chosen each time so that the depth of focus
holds the most spots still uncovered (a dent deeper than that gets a station of its own).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from openmtz.geometry import look_along, make_pose
from openmtz.optics import HandpieceProfile
from openmtz.planning.aiming import aim_from

FOCUS_SHARE = 0.75
"""Share of the depth of focus used for planning: 0.3 of 0.4 mm; the rest is for pose and capture error."""
SPARE_FOCUS_SHARE = 0.875
SPARE_SHARE = 0.01
"""So few of the spots may use 0.35 of 0.4 mm, where that saves a station of a few spots."""
INCIDENCE_RESERVE_RAD = float(np.deg2rad(1.0))
FIELD_SHARE = 0.97
MAX_STATIONS = 64
MAX_REACH_TESTS = 200
SEAM_COST = 1.5
"""Weight of agreeing with the neighbours against standing upright and sharp."""
_TURNS_RAD = (0.0, np.pi / 2, -np.pi / 2, np.pi)

Reachable = Callable[[NDArray[np.float64]], "bool | str | None"]
"""Takes a world pose `(4, 4)` of scan_head. True, None or an empty text: in reach; False or a text: not, and
why. `openmtz.robot.StationCheck(...).reason` is one."""

CAUSE_REACH = "out-of-reach"
CAUSE_LIMIT = "too-many-stations"
CAUSES = {
    CAUSE_REACH: "no pose of the arm brings the scan head over these spots",
    CAUSE_LIMIT: f"more than {MAX_STATIONS} stations would be needed",
}
"""Closed list: why a spot is refused."""
FIXES = {
    CAUSE_REACH: "move the patient towards the middle of the arm's reach, or turn the arm's mounting",
    CAUSE_LIMIT: "treat a smaller region",
}


@dataclass(frozen=True, eq=False)
class Stations:
    """`poses` `(S, 4, 4)` world_T_scan_head; `station` `(N,)` row of `poses`, -1 where refused;
    `cause` `(N,)` of `CAUSES`, empty where not refused; `detail` the last reason the arm gave."""

    poses: NDArray[np.float64]
    station: NDArray[np.int64]
    cause: NDArray[np.str_]
    detail: str = ""


def plan_stations(
    positions_m: NDArray[np.float64],
    normals: NDArray[np.float64],
    profile: HandpieceProfile,
    reachable: Reachable | None = None,
) -> Stations:
    """Return stations for spots `(N, 3)` [m] with noise-free unit normals `(N, 3)`. Deterministic."""
    cover = _Cover(positions_m, normals, profile)
    reach = _Reach(reachable)
    poses: list[NDArray[np.float64]] = []
    while cover.left.any() and len(poses) < MAX_STATIONS and not reach.exhausted:
        pose, row = cover.best()
        if pose is None:
            if not cover.add_anchor():
                break
            continue
        turned = reach.turn_until_reached(pose)
        if turned is None:
            cover.banned[row] = True
            continue
        poses.append(turned)
        cover.left &= ~cover.seen(turned)
        if 0.0 < cover.left.mean() <= SPARE_SHARE:
            for known in poses:
                cover.left &= ~cover.seen(known, SPARE_FOCUS_SHARE)
    cause = np.where(cover.left, CAUSE_REACH if cover.banned.any() else CAUSE_LIMIT, "")
    if not poses:
        return Stations(np.zeros((0, 4, 4)), np.full(len(positions_m), -1), cause, reach.detail)
    kept, station = _assign(cover, poses)
    order = short_tour(np.array([p[:3, 3] for p in kept]))
    rank = np.empty(len(kept) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(kept)), -1
    return Stations(np.array([kept[i] for i in order]), rank[station], cause, reach.detail)


class _Cover:
    """Which spots each candidate axis could cover, and which are still to be covered (`left`)."""

    def __init__(
        self, positions: NDArray[np.float64], normals: NDArray[np.float64], profile: HandpieceProfile
    ) -> None:
        self._p, self._n, self._profile = positions, normals, profile
        self._budget = FOCUS_SHARE * profile.depth_of_focus_m
        self._half = FIELD_SHARE * profile.field_half_m
        self.left = np.ones(len(positions), bool)
        self._poses: list[NDArray[np.float64]] = []
        self._usable: list[NDArray[np.int64]] = []
        self._depth: list[NDArray[np.float64]] = []
        self._weight: list[NDArray[np.float64]] = []
        self.banned = np.zeros(0, bool)
        self._gap = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
        self._anchored = np.full(len(positions), np.inf)
        self._add(int(np.argmin(self._gap)))
        while self._anchored.max() > 0.35 * self._half and len(self._poses) < 150:
            self._add(int(np.argmax(self._anchored)))

    def add_anchor(self) -> bool:
        """Put a candidate right over the first spot nobody covers; False if it has been tried."""
        at = int(np.flatnonzero(self.left)[0])
        if self._anchored[at] == 0.0:
            return False
        self._add(at)
        return True

    def _add(self, at: int) -> None:
        distance = np.linalg.norm(self._p - self._p[at], axis=1)
        self._anchored = np.minimum(self._anchored, distance)
        near = distance < 0.7 * self._half
        for normal in (
            self._n[near].mean(axis=0),
            self._n[distance < 1.5 * self._half].mean(axis=0),
            self._n[at],
        ):
            axis = -normal / np.linalg.norm(normal)
            pose = look_along(self._p[at] - self._profile.focus_distance_m * axis, axis)
            aim = aim_from(pose, self._p, self._n, self._profile)
            limit = self._profile.incidence_limit_rad - INCIDENCE_RESERVE_RAD
            usable = np.flatnonzero(
                (np.abs(aim.lateral_m) <= self._half).all(axis=1) & (aim.incidence_rad <= limit)
                & (np.abs(aim.defocus_m) < 0.03)
            )  # fmt: skip
            self._poses.append(pose)
            self._usable.append(usable)
            self._depth.append(aim.defocus_m[usable])
            self._weight.append(
                np.where(aim.incidence_rad[usable] <= self._profile.incidence_good_rad, 1.0, 0.5)
            )
        self.banned = np.concatenate([self.banned, np.zeros(len(self._poses) - len(self.banned), bool)])

    def best(self) -> tuple[NDArray[np.float64] | None, int]:
        """Return the pose that covers most of what is left (steep spots count half), and its row."""
        found, score, shift = -1, 0.0, 0.0
        for row in np.flatnonzero(~self.banned):
            open_rows = self.left[self._usable[row]]
            weight = self._weight[row][open_rows]
            if weight.sum() <= score + 1e-9:
                continue
            depth = self._depth[row][open_rows]
            order = np.argsort(depth, kind="stable")
            depth = depth[order]
            total = np.concatenate([[0.0], np.cumsum(weight[order])])
            end = np.searchsorted(depth, depth + 1.96 * self._budget, side="right")
            gain = total[end] - total[:-1]
            first = int(np.argmax(gain))
            if gain[first] > score + 1e-9:
                found, score = int(row), float(gain[first])
                shift = float(depth[first] + depth[end[first] - 1]) / 2.0
        if found < 0:
            return None, -1
        pose = self._poses[found].copy()
        pose[:3, 3] += shift * pose[:3, 2]
        return pose, found

    def neighbours(self, most: int = 12) -> NDArray[np.int64]:
        """Return `(N, K)` rows of the nearest other spots."""
        count = min(most, len(self._p) - 1)
        return (
            cKDTree(self._p).query(self._p, k=np.arange(2, count + 2))[1]
            if count
            else np.zeros((len(self._p), 0), int)
        )

    def cost(self, pose: NDArray[np.float64], focus_share: float = FOCUS_SHARE) -> NDArray[np.float64]:
        """Return `(N,)` how badly a pose meets each spot; infinite where it must not."""
        aim = aim_from(pose, self._p, self._n, self._profile)
        limit = self._profile.incidence_limit_rad - INCIDENCE_RESERVE_RAD
        usable = (
            (np.abs(aim.lateral_m) <= self._half).all(axis=1)
            & (aim.incidence_rad <= limit)
            & (np.abs(aim.defocus_m) <= focus_share * self._profile.depth_of_focus_m)
        )
        worst = (aim.incidence_rad / limit) ** 2 + 0.3 * (aim.defocus_m / self._budget) ** 2
        return np.where(usable, worst + 0.3 * (aim.lateral_m**2).sum(axis=1) / self._half**2, np.inf)

    def seen(self, pose: NDArray[np.float64], focus_share: float = FOCUS_SHARE) -> NDArray[np.bool_]:
        """Return `(N,)` bool: spots the pose covers."""
        return np.isfinite(self.cost(pose, focus_share))


class _Reach:
    """Asks the arm, bounded, and remembers the last reason."""

    def __init__(self, reachable: Reachable | None) -> None:
        self._ask, self._tests, self.detail = reachable, 0, ""

    @property
    def exhausted(self) -> bool:
        return self._tests >= MAX_REACH_TESTS

    def turn_until_reached(self, pose: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the pose, turned about the beam if that is what it takes; None if out of reach."""
        if self._ask is None:
            return pose
        for turn in _TURNS_RAD:
            self._tests += 1
            rotation = pose[:3, :3] @ Rotation.from_euler("z", turn).as_matrix()
            turned = make_pose(rotation, pose[:3, 3])
            answer = self._ask(turned)
            if answer is None or answer is True or answer == "":
                return turned
            if isinstance(answer, str):
                self.detail = answer
        return None


def _assign(
    cover: _Cover, poses: list[NDArray[np.float64]]
) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Drop stations the others can do without, fewest own spots first; give each spot its best one.

    Returns the poses kept and `(N,)` their row, -1 where no station covers the spot.
    """
    tight = np.array([cover.seen(p) for p in poses])
    spare = np.array([cover.cost(p, SPARE_FOCUS_SHARE) for p in poses])
    reached = np.isfinite(spare)
    kept = list(range(len(poses)))
    for row in sorted(kept, key=lambda r: (int(tight[r].sum()), r)):
        others = [r for r in kept if r != row]
        if not others:
            continue
        covered = tight[others].any(axis=0) | ~reached[kept].any(axis=0)
        if (~covered).mean() <= SPARE_SHARE and reached[others].any(axis=0)[~covered].all():
            kept = others
    only_spare = reached & ~(tight | ~tight[kept].any(axis=0))  # sharp from elsewhere: not from here
    cost = np.where(only_spare, np.inf, spare)
    usable = np.isfinite(cost)
    station = _contiguous(cost[kept], cover.neighbours())
    station[~usable[kept].any(axis=0)] = -1
    used = [k for k in range(len(kept)) if (station == k).any()]
    renumber = np.full(len(kept) + 1, -1, np.int64)
    renumber[used] = np.arange(len(used))
    return [poses[kept[k]] for k in used], renumber[station]


def _contiguous(cost: NDArray[np.float64], neighbours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `(N,)` the best station of each spot, `cost` `(S, N)`, where disagreeing with the neighbours
    `(N, K)` costs too (iterated conditional modes): fewer and shorter seams, no islands of a few spots."""
    station = np.argmin(cost, axis=0)
    if neighbours.shape[1] == 0:
        return station
    for _ in range(12):
        agree = np.stack([(station[neighbours] == row).mean(axis=1) for row in range(len(cost))])
        better = np.argmin(cost + SEAM_COST * (1.0 - agree), axis=0)
        if (better == station).all():
            break
        station = better
    return station


def short_tour(points_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return an order `(S,)` of points `(S, 3)` with a short open path: nearest neighbour, then 2-opt."""
    count = len(points_m)
    distance = np.linalg.norm(points_m[:, None] - points_m[None], axis=2)
    start = int(np.lexsort(np.round(points_m.T[::-1], 4))[0]) if count else 0
    tour, rest = [start], set(range(count)) - {start}
    while rest:
        tour.append(min(rest, key=lambda j: (round(float(distance[tour[-1], j]), 6), j)))
        rest.remove(tour[-1])
    improved = True
    while improved:
        improved = False
        for i in range(count - 1):
            for j in range(i + 1, count):
                before = distance[tour[i - 1], tour[i]] if i else 0.0
                before += distance[tour[j], tour[j + 1]] if j + 1 < count else 0.0
                after = distance[tour[i - 1], tour[j]] if i else 0.0
                after += distance[tour[i], tour[j + 1]] if j + 1 < count else 0.0
                if after < before - 1e-9:
                    tour[i : j + 1] = tour[i : j + 1][::-1]
                    improved = True
    return np.array(tour[:count], np.int64)
