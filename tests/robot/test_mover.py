"""One motion at a time: what is refused, what stops it, when it has arrived, and searches of seconds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from openmtz.geometry import TriangleMesh, look_along
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


@pytest.fixture(scope="module")
def kinematics() -> ArmKinematics:
    return ArmKinematics()


@pytest.fixture(scope="module")
def free() -> CellCollision:
    return CellCollision()


@pytest.fixture
def walled() -> CellCollision:
    collision = CellCollision()
    collision.add_box("wall", (0.5, 0.1, 0.35), (0.3, 0.02, 0.3))
    return collision


def stops_at_rest(path: Trajectory) -> bool:
    """The controller starts from what it measures, and the joints end at rest."""
    return bool(path.times[0] > 0 and not path.velocities[-1].any())


# ---- refusals --------------------------------------------------------------------------------------


def test_without_the_token_it_waits_a_moment_and_then_refuses(free: CellCollision) -> None:
    rig = Rig(free, token_wait_s=0.5)
    rig.token = False
    rig.run(0.05).begin().run(0.4)
    assert rig.outcomes == [] and rig.mover.busy
    rig.run(0.2)
    assert "does not hold the motion token" in rig.outcome.reason and rig.sent == []
    assert np.isnan(rig.outcome.position_error_m) and not rig.mover.busy


def test_a_token_on_its_way_is_waited_for(free: CellCollision) -> None:
    rig = Rig(free, token_wait_s=0.5)
    rig.token = False
    rig.run(0.05).begin().run(0.3)
    rig.token = True
    rig.run(0.05)
    assert len(rig.sent) == 1 and rig.mover.busy


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("tool", "unknown tool 'scalpel'; there are: scan_head, camera_depth_optical_frame"),
        ("joints", "no fresh joint states"),
        ("never", "no fresh joint states"),
        ("safety", "no fresh safety state"),
        ("far", "out of reach"),
        ("nan", "finite"),
    ],
)
def test_what_cannot_begin_is_named_and_sends_nothing(free: CellCollision, what: str, text: str) -> None:
    rig = Rig(free)
    target, tool = NEAR.copy(), "scan_head"
    if what == "tool":
        tool = "scalpel"
    elif what == "far":
        target[0, 3] = 3.0
    elif what == "nan":
        target[0, 3] = np.nan
    elif what == "joints":
        rig.joints_run = False
        rig.run(0.6)
    elif what == "never":
        rig.mover._joints = None
        rig.joints_run = False
    else:
        rig.safety_run = False
        rig.run(1.1)
    rig.begin(target, tool).run(0.02)
    assert not rig.outcome.success and text in rig.outcome.reason and rig.sent == []


def test_a_speed_that_is_none_is_full_speed(free: CellCollision, kinematics: ArmKinematics) -> None:
    times = []
    for speed in (1.0, 0.0, 7.0, 0.5):
        rig = Rig(free, arm=kinematics).begin(speed=speed)
        times.append(rig.sent[0].duration_s)
    assert times[0] == times[1] == times[2] and times[3] > 1.5 * times[0]


# ---- arrival ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("off", "arrives"), [(0.0, True), (0.0004, True), (0.0006, False), (-0.0006, False)])
def test_it_has_arrived_at_rest_within_the_tolerance(free: CellCollision, off: float, arrives: bool) -> None:
    rig = Rig(free, goal_tolerance_rad=0.0005, settle_timeout_s=0.5)
    rig.off = off * np.eye(6)[3]
    rig.begin()
    duration = rig.sent[0].duration_s
    rig.run(duration - 0.02)
    assert rig.outcomes == [] and 0.9 < rig.mover.fraction(rig.now) < 1.0
    rig.run(0.2)
    if arrives:
        assert rig.outcome.success and rig.outcome.reason == "" and len(rig.sent) == 1
        assert rig.outcome.position_error_m < 0.0005 and rig.outcome.orientation_error_rad < 0.0005
        return
    assert rig.outcomes == []
    rig.run(0.5)
    assert not rig.outcome.success and "off by 0.03 deg" in rig.outcome.reason
    assert stops_at_rest(rig.sent[-1])


def test_joints_that_pass_the_goal_have_not_arrived(free: CellCollision) -> None:
    rig = Rig(free, rest_s=0.06, settle_timeout_s=5.0).begin()
    rig.run(rig.sent[0].duration_s + 0.01)
    goal = rig.sent[0].positions[-1]
    for k in range(40):  # within tolerance, and never at rest
        rig.joints = goal + 2e-5 * (k % 2) * np.eye(6)[0]
        rig.run(STEP_S, follow=False)
    assert rig.outcomes == []
    rig.run(0.1, follow=False)
    assert rig.outcome.success


# ---- what stops it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["token", "cancel", "joints", "safety"])
def test_a_motion_stops_and_says_why(free: CellCollision, cause: str) -> None:
    rig = Rig(free, joint_age_s=0.1, safety_age_s=0.2).begin().run(0.3)
    if cause == "token":
        rig.token = False
    elif cause == "cancel":
        rig.mover.cancel(rig.now)
    elif cause == "joints":
        rig.joints_run = False
    else:
        rig.safety_run = False
    rig.run(0.3, follow=False)
    texts = {"token": "token was taken away", "cancel": "cancelled", "joints": "no joint states for 0.1 s"}
    assert not rig.outcome.success and texts.get(cause, "no safety state for 0.2 s") in rig.outcome.reason
    assert len(rig.sent) == 2 and stops_at_rest(rig.sent[-1])
    assert np.isfinite(rig.outcome.position_error_m)
    if cause == "joints":  # too old to brake from: hold where they were seen
        assert len(rig.sent[-1].times) == 1 and np.array_equal(rig.sent[-1].positions[0], rig.joints)
    rig.run(0.5)
    assert len(rig.outcomes) == 1 and len(rig.sent) == 2, "told once, stopped once"


def test_cancelled_before_the_token_came_it_never_begins(free: CellCollision) -> None:
    rig = Rig(free, token_wait_s=5.0)
    rig.token = False
    rig.run(0.05).begin().run(0.1)
    rig.mover.cancel(rig.now)
    rig.token = True
    rig.run(0.5)
    assert rig.outcome.reason == "cancelled before it began" and rig.sent == []


# ---- searches --------------------------------------------------------------------------------------


def test_a_way_without_search_is_planned_at_once(free: CellCollision) -> None:
    later = Later()
    rig = Rig(free, later.submit).begin()
    assert len(rig.sent) == 1 and later.taken == 0


def test_a_search_is_handed_over_and_its_way_taken(walled: CellCollision) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(1.0)
    assert rig.sent == [] and rig.outcomes == [] and rig.mover.busy and later.taken == 1
    later.finish()
    rig.run(0.02)
    assert len(rig.sent) == 1 and later.taken == 1
    alone = Rig(walled).begin(BEHIND)
    assert np.array_equal(rig.sent[0].positions, alone.sent[0].positions), "the same way as without submit"
    rig.run(rig.sent[0].duration_s + 0.2)
    assert rig.outcome.success


@pytest.mark.parametrize("cause", ["token", "cancel"])
def test_what_was_taken_away_while_searching_never_begins(walled: CellCollision, cause: str) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    if cause == "token":
        rig.token = False
    else:
        rig.mover.cancel(rig.now)
    rig.run(0.05)
    expected = {"token": "token was taken away while a way was sought", "cancel": "cancelled before it began"}
    assert expected[cause] in rig.outcome.reason
    rig.token = True
    later.finish()
    rig.run(0.5)
    assert rig.sent == [] and len(rig.outcomes) == 1


def test_the_next_motion_waits_for_the_end_of_a_search_nobody_wants(walled: CellCollision) -> None:
    """Kinematics and collision are the search's until it ends: two threads on them would give nonsense."""
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    rig.mover.cancel(rig.now)
    rig.run(0.05).begin(ASIDE).run(2.0)
    assert rig.sent == [] and rig.mover.busy
    later.finish()
    rig.run(0.02)
    assert len(rig.sent) == 1 and later.taken == 1


def test_an_arm_that_moved_meanwhile_is_not_sent_along_an_old_way(walled: CellCollision) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    rig.joints = rig.joints + 0.02 * np.eye(6)[0]
    rig.run(0.05)
    later.finish()
    rig.run(0.05)
    assert "the arm moved by 1.15 deg while a way was sought" in rig.outcome.reason and rig.sent == []


@pytest.mark.parametrize("silent", ["joints", "safety"])
def test_what_fell_silent_while_searching_is_noticed(walled: CellCollision, silent: str) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    setattr(rig, f"{silent}_run", False)
    rig.run(1.2)
    later.finish()
    rig.run(0.05)
    assert f"no fresh {silent.rstrip('s')}" in rig.outcome.reason and rig.sent == []


def test_a_new_surface_while_searching_is_respected(walled: CellCollision) -> None:
    """The way found round the old patient is dropped and sought anew, round the new one."""
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    corners = np.array([[0.4, 0.15, 0.3], [0.6, 0.15, 0.3], [0.6, 0.35, 0.3], [0.4, 0.35, 0.3]])
    there = next(b.q for b in rig.mover.kinematics.branches(BEHIND) if walled.free(b.q, 0.0))
    rig.mover.set_patient(TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]])))
    rig.run(0.1)
    assert walled.free(there, 0.0), "not under the search's hands"
    later.finish()
    rig.run(0.05)
    assert not walled.free(there, 0.0)
    assert rig.sent == [] and later.taken == 2, "the target lies in the patient now: looked at again"
    later.finish()
    rig.run(0.05)
    assert "no free way" in rig.outcome.reason and "patient" in rig.outcome.reason


def test_without_a_way_the_search_says_so(walled: CellCollision) -> None:
    later = Later()
    rig = Rig(walled, later.submit)
    far = BEHIND.copy()
    far[0, 3] = 1.4
    rig.begin(far).run(0.05)
    later.finish()
    rig.run(0.05)
    assert "out of reach" in rig.outcome.reason and rig.sent == []
