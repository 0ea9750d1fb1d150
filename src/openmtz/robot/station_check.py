"""Can the arm stand there? Asked by station planning, answered with the cause and what would help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.robot.advice import what_helps
from openmtz.robot.branches import Branch
from openmtz.robot.collision import CellCollision
from openmtz.robot.description import HOME, SCAN_HEAD_FRAME
from openmtz.robot.kinematics import ArmKinematics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ReachReport:
    """Whether and how the arm can stand at a pose.

    `branches`: the postures that keep the station's margin, nearest to HOME first. Where there is none:
    `cause` names joint, limit and by how much, or who comes too near to whom; `what_helps` what would.
    """

    branches: tuple[Branch, ...]
    cause: str = ""
    what_helps: str = ""

    @property
    def ok(self) -> bool:
        """True where the arm can stand there."""
        return bool(self.branches)


class StationCheck:
    """Says of a station whether the arm can stand there: the `reachable` hook of station planning.

    Not thread safe: one per thread, as its kinematics.
    """

    def __init__(
        self,
        kinematics: ArmKinematics | None = None,
        collision: CellCollision | None = None,
        frame: str = SCAN_HEAD_FRAME,
        *,
        may_roll: bool = True,
    ) -> None:
        """`may_roll`: the optics allow the head to be turned about its beam; only then it is proposed."""
        self.kinematics = kinematics or ArmKinematics()
        self.collision = collision
        self.frame = frame
        self.may_roll = may_roll

    def reason(self, pose: Array) -> str:
        """Return why the frame cannot stand at `pose` `(4, 4)` in `world`; empty where it can."""
        if self._stands(pose):
            return ""
        return self._cause(pose)

    def report(self, pose: Array) -> ReachReport:
        """Return all of it, with what would help (some 10 ms more where the pose is out of reach)."""
        branches = self._stands(pose, every=True)
        if branches:
            return ReachReport(tuple(branches))
        helps = what_helps(self.kinematics, self.collision, pose, self.frame, may_roll=self.may_roll)
        return ReachReport((), self._cause(pose), helps)

    def __call__(self, pose: Array) -> bool:
        """Return whether the frame can stand at `pose`."""
        return bool(self._stands(pose))

    def _stands(self, pose: Array, every: bool = False) -> list[Branch]:
        found = []
        for branch in self.kinematics.branches(pose, self.frame, HOME):
            if self.collision is None or self.collision.free(branch.q, self.collision.station_margin_m):
                found.append(branch)
                if not every:
                    break
        return found

    def _cause(self, pose: Array) -> str:
        found = self.kinematics.inverse(pose, self.frame, HOME)
        if not found.ok or self.collision is None:
            return found.reason
        hit = self.collision.check(found.q, self.collision.station_margin_m)
        what = hit.what if hit else "every posture but the nearest comes too near to something"
        return f"{what}; tilt less or move the patient"
