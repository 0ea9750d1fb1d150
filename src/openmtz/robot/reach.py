"""From where the arm is to where a tool shall be: direct if free, else along lines and round things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import pose_distance
from openmtz.robot.advice import what_helps
from openmtz.robot.collision import CellCollision
from openmtz.robot.description import HOME, SCAN_HEAD_FRAME
from openmtz.robot.detour import find_detour
from openmtz.robot.kinematics import SINGULARITY_MARGIN, ArmKinematics
from openmtz.robot.lines import ToolLine, line_back
from openmtz.robot.trajectory import Trajectory, join, plan_motion

Array = NDArray[np.float64]

LINE_M = 0.05
"""Straight approach and retreat [m]; where that is not clear yet, up to `LONGEST_LINE_M`. Within this
distance of anything the arm leaves and comes along the tool's axis, unless the direct way is free."""
LONGEST_LINE_M = 0.12
HOP_M, HOP_RAD = 0.03, float(np.deg2rad(15.0))
"""Stations nearer than this to each other may be joined directly at the station's margin. All four are
engineering defaults."""
LEAVING_SHARE = 0.2
"""Of a direct motion that starts within the margin so much may be; engineering default."""
NEIGHBOUR_M = 0.20
"""Up to this distance a blocked move goes up and down along the tool's axis; further ones go over HOME."""
SEARCHES = ((1.0, 800), (0.5, 1500), (0.5, 4000))
"""Detours are sought in this order: (share of the margin, samples). Nothing goes below the station's."""
MOST_TURNS = 8
"""The last search tries so many postures more that differ by whole turns of joints. Engineering defaults."""


@dataclass(frozen=True)
class MoveResult:
    """`trajectory` to follow, or None and the `reason` with what helps. `kind` says what way was taken:
    `direct`, `lines`, `over home` or `detour`."""

    trajectory: Trajectory | None
    reason: str = ""
    kind: str = ""

    @property
    def ok(self) -> bool:
        """True where there is a trajectory."""
        return self.trajectory is not None


def plan_move(
    kinematics: ArmKinematics,
    collision: CellCollision | None,
    q_now: ArrayLike,
    target: Array,
    frame: str = SCAN_HEAD_FRAME,
    speed_fraction: float = 1.0,
    *,
    searches: Sequence[tuple[float, int]] = SEARCHES,
) -> MoveResult:
    """Return the motion from rest at `q_now` `(6,)` [rad] that brings `frame` to `target` `(4, 4)`.

    The nearest posture that is free is reached directly where the straight joint motion keeps the margin;
    else by a straight line back along the tool's axis, over HOME or straight across, and a straight line
    in; else, for every posture, by a sampled detour. Each part ends at rest and is jerk-limited. The same
    question has the same answer, to the bit. A direct move takes some 10 ms to plan, a search in a cell
    without a way up to some seconds: `searches` bounds it.

    Raises:
        ValueError: as `ArmKinematics.inverse`. MotionError: as `plan_motion`.
    """
    now = np.asarray(q_now, np.float64)
    branches = kinematics.branches(target, frame, now)
    if not branches:
        reason = kinematics.inverse(target, frame, now).reason
        return MoveResult(None, _with(reason, what_helps(kinematics, collision, target, frame)))
    good = [b.q for b in branches if b.singularity_margin >= SINGULARITY_MARGIN]
    goals = good + [b.q for b in branches if b.singularity_margin < SINGULARITY_MARGIN]
    plan_motion(now, goals[0], speed_fraction)  # refuses a bad start or speed before any search
    if collision is None:
        return MoveResult(plan_motion(now, goals[0], speed_fraction), kind="direct")
    free = [q for q in goals if collision.free(q, collision.station_margin_m)]
    if not free:
        hit = collision.check(goals[0], collision.station_margin_m)
        assert hit is not None
        help_text = what_helps(kinematics, collision, target, frame)
        return MoveResult(
            None, _with(f"no free way: {hit.what} there; raise the standoff or tilt less", help_text)
        )
    return _Mover(kinematics, collision, now, frame, speed_fraction).best(free, target, searches)


@dataclass(frozen=True, eq=False)
class _Stop:
    """An end of the move: the posture itself, or the far end of a line from it."""

    q: Array
    line: ToolLine | None

    @property
    def far(self) -> Array:
        return self.q if self.line is None else self.line.far


class _Mover:
    """The ways from one posture to several that would do, best first."""

    def __init__(
        self, kinematics: ArmKinematics, collision: CellCollision, now: Array, frame: str, speed: float
    ) -> None:
        self.kinematics, self.collision, self.frame, self.speed = kinematics, collision, frame, speed
        self.now = now
        self.margin, self.least = collision.margin_m, collision.station_margin_m
        self.blocked = ""
        # An arm that already stands too near may leave as it likes, without touching.
        self.leaving = self.least if collision.free(now, self.least) else 0.0

    def best(self, goals: list[Array], target: Array, searches: Sequence[tuple[float, int]]) -> MoveResult:
        here = self.kinematics.forward(self.now, self.frame)
        apart, turned = pose_distance(here, target)
        hop = apart <= HOP_M and turned <= HOP_RAD
        for goal in goals:
            if self._direct_is_free(goal, hop):
                return MoveResult(plan_motion(self.now, goal, self.speed), kind="direct")
            for kind in ("lines", "over home") if apart <= NEIGHBOUR_M else ("over home", "lines"):
                always = kind == "lines"
                start = self._stop_at(self.now, self.leaving, always)
                end = self._stop_at(goal, self.least, always)
                way = [start.far, end.far] if always else [start.far, HOME, end.far]
                if self._is_clear(start) and self._is_clear(end) and self._free_way(way, self.margin):
                    return self._along(start, way, end, kind)
        return self._search(goals, searches)

    def _search(self, goals: list[Array], searches: Sequence[tuple[float, int]]) -> MoveResult:
        limits = self.kinematics.limits.lower, self.kinematics.limits.upper
        starts = [self._stop_at(self.now, self.leaving)]
        ends = [self._stop_at(goal, self.least) for goal in goals]
        for k, (share, samples) in enumerate(searches):
            margin = max(self.margin * share, self.least)
            if k == len(searches) - 1 > 0:
                ends += [self._stop_at(goal, self.least) for goal in self._turns(goals)]
            # With the least margin a posture may be left and reached any way, not along its line only.
            any_way = margin <= self.least
            begins, targets = (
                {
                    stop.far.tobytes(): stop
                    for end in both
                    for stop in ((end, _Stop(end.q, None)) if any_way else (end,))
                    if self.collision.free(stop.far, margin)
                }
                for both in (starts, ends)
            )
            roots = [s.far for s in begins.values()], [s.far for s in targets.values()]
            way = find_detour(self.collision, *roots, limits, margin, samples=samples, seed=k)
            if way is not None:
                start, end = begins[way[0].tobytes()], targets[way[-1].tobytes()]
                return self._along(start, way, end, "detour")
        return MoveResult(
            None,
            f"no free way: {self.blocked}; none was found round it either; raise the standoff, tilt less, "
            "move what is in the way, or move the patient",
        )

    def _turns(self, goals: list[Array]) -> list[Array]:
        """Return postures that differ from the goals by whole turns, nearest first."""
        pose = self.kinematics.forward(goals[0], self.frame)
        known = {q.tobytes() for q in goals}
        turned = (b.q for b in self.kinematics.branches(pose, self.frame, self.now, turns=True))
        free = (q for q in turned if q.tobytes() not in known and self.collision.free(q, self.least))
        return list(islice(free, MOST_TURNS))

    def _direct_is_free(self, goal: Array, hop: bool) -> bool:
        if hop and self.leaving > 0:
            free = self.collision.free_line(self.now, goal, self.least)
        elif self.collision.free(self.now, self.margin):
            free = self.collision.free_line(self.now, goal, self.margin)
        else:
            # Within the margin at the start: the first part may be, the rest must not.
            middle = self.now + LEAVING_SHARE * (goal - self.now)
            free = self.collision.free_line(self.now, middle, self.leaving)
            free = free and self.collision.free(middle, self.margin)
            free = free and self.collision.free_line(middle, goal, self.margin)
        if not free and not self.blocked:
            hit = self.collision.check_path(np.vstack([self.now, goal]), self.margin)
            self.blocked = hit.text if hit else "the direct way leaves the margin too late"
        return free

    def _is_clear(self, stop: _Stop) -> bool:
        return self.collision.free(stop.far, self.margin)

    def _stop_at(self, q: Array, margin_m: float, always: bool = False) -> _Stop:
        """Return the end of a move at `q`: with the shortest line that leads clear of everything, if any.

        Where all is clear by a line's length already there is no need of one, unless `always`.
        """
        if not always and self.collision.free(q, LINE_M):
            return _Stop(q, None)
        line = line_back(self.kinematics, q, LONGEST_LINE_M, self.frame)
        if line is None:
            return _Stop(q, None)
        last = len(line.positions) - 1
        for k, (a, b) in enumerate(pairwise(line.positions)):
            if not self.collision.free_line(a, b, margin_m):
                last = k
                break
        enough = [k for k in range(5, last + 1) if line.lengths_m[k] >= LINE_M - 1e-9]
        for k in [*enough, *range(min(last, len(line.positions) - 1), 4, -1)]:
            if self.collision.free(line.positions[k], self.margin):
                return _Stop(q, line.shortened(k + 1))
        return _Stop(q, None)

    def _free_way(self, way: list[Array], margin_m: float) -> bool:
        return all(self.collision.free_line(a, b, margin_m) for a, b in pairwise(way))

    def _along(self, start: _Stop, way: list[Array], end: _Stop, kind: str) -> MoveResult:
        return MoveResult(join(list(self._legs(start, way, end))), kind=kind)

    def _legs(self, start: _Stop, way: list[Array], end: _Stop) -> Iterator[Trajectory]:
        if start.line is not None:
            yield start.line.away(self.speed)
        for a, b in pairwise(way):
            if not np.array_equal(a, b):
                yield plan_motion(a, b, self.speed)
        if end.line is not None:
            yield end.line.towards(self.speed)


def _with(reason: str, help_text: str) -> str:
    return f"{reason}; {help_text}" if help_text else reason
