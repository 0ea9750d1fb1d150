"""One motion at a time: what is refused, what stops it, when it has arrived."""

from __future__ import annotations

import numpy as np
import pytest
from mover_rig import NEAR, STEP_S, Rig

from openmtz.robot import ArmKinematics, CellCollision, Trajectory


@pytest.fixture(scope="module")
def kinematics() -> ArmKinematics:
    return ArmKinematics()


@pytest.fixture(scope="module")
def free() -> CellCollision:
    return CellCollision()


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
    assert rig.outcome.late == (cause in ("joints", "safety")), "asked for again, it may succeed"
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
