"""A mover, an arm that follows, a clock of the test's own, and searches that end when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from openmtz.geometry import look_along
from openmtz.robot import HOME, ArmKinematics, CellCollision, MoveOutcome, Mover, MoverConfig, Trajectory
from openmtz.robot.reach import MoveResult

DOWN = np.array([0.0, 0.0, -1.0])
NEAR = look_along((0.5, 0.05, 0.2), DOWN)
BEHIND = look_along((0.5, 0.25, 0.2), DOWN)
"""Behind the wall: only a search finds the way."""
ASIDE = look_along((0.5, -0.2, 0.25), DOWN)
STEP_S = 0.01


class Later:
    """Work handed over: done when the test says so, by the test's own thread."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], MoveResult], Future[MoveResult]]] = []
        self.taken = 0

    def submit(self, work: Callable[[], MoveResult]) -> Future[MoveResult]:
        self.waiting.append((work, Future()))
        self.taken += 1
        return self.waiting[-1][1]

    def finish(self) -> None:
        work, future = self.waiting.pop(0)
        try:
            future.set_result(work())
        except ValueError as error:
            future.set_exception(error)


class Rig:
    """A mover, an arm that goes where it is sent, and a clock that moves only here."""

    def __init__(
        self, collision: CellCollision, submit: Any = None, arm: ArmKinematics | None = None, **config: float
    ) -> None:
        self.sent: list[Trajectory] = []
        self.mover = Mover(self.sent.append, MoverConfig(**config), arm, collision, submit)
        self.now, self.joints = 100.0, np.array(HOME)
        self.off = np.zeros(6)
        self.joints_run = self.safety_run = True
        self.token = True
        self.outcomes: list[MoveOutcome] = []
        self._sent_at = 0.0
        self.run(0.1)

    def run(self, seconds: float, follow: bool = True) -> Rig:
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            if self.sent and follow:
                path = self.sent[-1]
                at = self.now - self._sent_at
                where = [np.interp(at, path.times, path.positions[:, k]) for k in range(6)]
                self.joints = np.array(where) + self.off * (at >= path.times[-1])
            if self.joints_run:
                self.mover.take_joints(self.joints, np.full(6, np.nan), self.now)
            if self.safety_run:
                self.mover.take_token(self.token, self.now)
            self._work()
        return self

    def _work(self) -> None:
        before = len(self.sent)
        outcome = self.mover.work(self.now)
        if len(self.sent) > before:
            self._sent_at = self.now
        if outcome is not None:
            self.outcomes.append(outcome)

    def begin(self, target: Any = NEAR, tool: str = "scan_head", speed: float = 1.0) -> Rig:
        before = len(self.sent)
        self.mover.begin(target, tool, speed, self.now)
        if len(self.sent) > before:
            self._sent_at = self.now
        return self

    @property
    def outcome(self) -> MoveOutcome:
        assert len(self.outcomes) == 1, self.outcomes
        return self.outcomes[0]
