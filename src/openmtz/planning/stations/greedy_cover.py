"""Greedy cover of spots by scan-head poses: candidates over anchors, each at its best distance."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import FieldCalibration, HandpieceProfile
from openmtz.planning.stations import cell_grid, view_kernels
from openmtz.planning.stations.sight import Sight
from openmtz.planning.stations.usable_field import usable_field
from openmtz.planning.stations.view_kernels import Usable

Array = NDArray[np.float64]

FOCUS_SHARE = 0.75
"""Share of the depth of focus used for planning: 0.3 of 0.4 mm; the rest is for pose and capture error."""
SPARE_FOCUS_SHARE = 0.875
"""A few spots may use 0.35 of 0.4 mm, where that saves a station (see `assignment.SPARE_SHARE`)."""
INCIDENCE_RESERVE_RAD = float(np.deg2rad(1.0))
FIELD_SHARE = 0.97
ANCHOR_SHARE = 0.4
"""Distance of anchors as a share of the field's half width."""
REACH_SHARE = 1.5
"""Spots farther from the middle of the field than this many half widths are never in it: the corner of the
square lies at 1.41."""
DEPTH_M = 0.03
"""No pose uses spots farther from its focal plane than this before it is shifted [m]."""
BAN_SHARE = 0.6
BAN_COS = float(np.cos(np.deg2rad(8.0)))
"""Where the arm cannot stand it cannot stand nearly there either: candidates within so many half widths and
8 degrees are not asked about. Engineering default."""
SAME_AXIS_COS = float(np.cos(np.deg2rad(0.5)))


class Head(NamedTuple):
    """The numbers of a profile that station planning needs, with its reserves taken off; SI units."""

    separation: float
    focus: float
    half: float
    limit: float
    good: float
    budget: float
    spare: float
    divergence: float

    @classmethod
    def of(cls, profile: HandpieceProfile, calibration: FieldCalibration | None = None) -> Head:
        """Return the numbers of a profile, over the part of its field that a calibration leaves."""
        field = usable_field(profile, calibration)
        return cls(
            profile.mirror_separation_m,
            field.focus_m,
            FIELD_SHARE * field.half_m,
            profile.incidence_limit_rad - INCIDENCE_RESERVE_RAD,
            profile.incidence_good_rad,
            FOCUS_SHARE * field.depth_m,
            SPARE_FOCUS_SHARE * field.depth_m,
            float(np.arctan(0.5e-6 * profile.spot_um / profile.rayleigh_m)),
        )

    @property
    def reach(self) -> float:
        """Distance [m] from the middle of the field beyond which no spot is in it."""
        return REACH_SHARE * self.half

    @property
    def optics(self) -> view_kernels.Optics:
        """The numbers that the compiled loops need."""
        return view_kernels.Optics(
            self.reach, self.half, self.separation, self.focus, self.limit, self.budget, self.spare
        )

    def seen(
        self, pose: Array, points: Array, normals: Array, grid: cell_grid.Grid, sight: Sight | None = None
    ) -> tuple[NDArray[np.int64], Array, NDArray[np.bool_]]:
        """Return rows `(M,)` ascending a pose can fire, how badly each is met, and which are well in
        focus. With the points' `sight`, what lies behind other skin is not among them."""
        middle = pose[:3, 3] + self.focus * pose[:3, 2]
        rows, cost, tight = view_kernels.costs(
            pose, middle, view_kernels.Targets(points, normals, tuple(grid)), self.optics
        )
        if sight is not None and not (clear := sight.clear(pose, self.separation, rows)).all():
            return rows[clear], cost[clear], tight[clear]
        return rows, cost, tight


class Cover:
    """Candidates over `anchors` (rows of `points` `(N, 3)`), and which points are still to be covered
    (`left`)."""

    def __init__(
        self, points: Array, normals: Array, head: Head, anchors: NDArray[np.int64] | None = None,
        sight: Sight | None = None,
    ) -> None:  # fmt: skip
        self.points, self.normals, self.head, self._sight = points, normals, head, sight
        self.grid = cell_grid.make_grid(points, head.reach)
        self.left = np.ones(len(points), np.bool_)
        if anchors is None:
            anchors = cell_grid.thin(points, ANCHOR_SHARE * head.half)
        axes = view_kernels.mean_axes(anchors, points, normals, tuple(self.grid), 0.7 * head.half, head.reach)
        if sight is not None:  # in a fold the skin's own normal may end on the other side of it
            axes[:, 2] = sight.axis[anchors]
        axes = np.round(-axes, 12)
        new = np.ones(axes.shape[:2], np.bool_)
        new[:, 1] = (axes[:, 1] * axes[:, 0]).sum(axis=1) < SAME_AXIS_COS
        new[:, 2] = ((axes[:, 2] * axes[:, 0]).sum(axis=1) < SAME_AXIS_COS) & (
            (axes[:, 2] * axes[:, 1]).sum(axis=1) < SAME_AXIS_COS
        )
        at = points[np.repeat(anchors, 3)[new.ravel()]]
        self.poses = look_along_many(at, axes.reshape(-1, 3)[new.ravel()], head.focus)
        self._usable = Usable(
            *view_kernels.usable_from(
                self.poses,
                at,
                view_kernels.Targets(points, normals, tuple(self.grid)),
                head.optics,
                view_kernels.Allowed(float(np.cos(head.limit)), float(np.cos(head.good)), DEPTH_M),
            )
        )
        if sight is not None:
            self._usable = without_hidden(self._usable, self.poses, head, sight)
        first = view_kernels.gains(self._usable, self.left, self._window)
        self._heap = [(-float(value), row) for row, value in enumerate(first) if value > 0.0]
        heapq.heapify(self._heap)

    @property
    def _window(self) -> float:
        return 1.96 * self.head.budget

    def best(self) -> tuple[Array, int] | None:
        """Return the pose that covers most of what is left (steep spots count half) and its row, or None.

        What a candidate gains only shrinks as others are taken: one that is still ahead of the next after
        being looked at again is the best.
        """
        while self._heap:
            _, row = heapq.heappop(self._heap)
            value, shift = view_kernels.gain(row, self._usable, self.left, self._window)
            if value <= 0.0:
                continue
            if self._heap and (-value, row) > self._heap[0]:
                heapq.heappush(self._heap, (-value, row))
                continue
            heapq.heappush(self._heap, (-value, row))
            pose = self.poses[row].copy()
            pose[:3, 3] += shift * pose[:3, 2]
            return pose, row
        return None

    def ban(self, row: int, *, like: bool = False) -> None:
        """Never offer a candidate again; `like`: nor those that stand and look nearly as it does."""
        gone = {row}
        if like:
            middle = self.poses[:, :3, 3] + self.head.focus * self.poses[:, :3, 2]
            near = np.linalg.norm(middle - middle[row], axis=1) < BAN_SHARE * self.head.half
            gone.update(
                np.flatnonzero(near & (self.poses[:, :3, 2] @ self.poses[row, :3, 2] > BAN_COS)).tolist()
            )
        self._heap = [entry for entry in self._heap if entry[1] not in gone]
        heapq.heapify(self._heap)

    def fresh(self, pose: Array) -> int:
        """Return how many points not yet covered a pose covers well in focus."""
        rows, _, tight = self.head.seen(pose, self.points, self.normals, self.grid, self._sight)
        return int(self.left[rows[tight]].sum())

    def take(self, pose: Array) -> int:
        """Mark what a pose covers well in focus; return how many points that was."""
        rows, _, tight = self.head.seen(pose, self.points, self.normals, self.grid, self._sight)
        rows = rows[tight]
        fresh = int(self.left[rows].sum())
        self.left[rows] = False
        return fresh


def without_hidden(usable: Usable, poses: Array, head: Head, sight: Sight) -> Usable:
    """Return `usable` of poses `(C, 4, 4)` without the spots that other skin hides from them."""
    clear = sight.clear_pairs(poses, head.separation, usable.starts, usable.rows)
    if clear.all():
        return usable
    before = np.concatenate([[0], np.cumsum(clear)])
    return Usable(before[usable.starts], usable.rows[clear], usable.defocus_m[clear], usable.weight[clear])


def look_along_many(at_m: Array, axes: Array, distance_m: float) -> Array:
    """Return `(C, 4, 4)` poses `distance_m` before points `(C, 3)`, z along unit `axes` `(C, 3)`, x as near
    to the world's x as can be (y where that is parallel): as `geometry.look_along`."""
    x = np.zeros_like(axes)
    x[:, 0] = 1.0
    x -= axes * axes[:, :1]
    along = np.linalg.norm(x, axis=1) <= 0.1
    x[along] = np.array([0.0, 1.0, 0.0]) - axes[along] * axes[along, 1:2]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    poses = np.zeros((len(axes), 4, 4))
    poses[:, :3, 0], poses[:, :3, 1], poses[:, :3, 2] = x, np.cross(axes, x), axes
    poses[:, :3, 3] = at_m - distance_m * axes
    poses[:, 3, 3] = 1.0
    return poses
