"""The simulated controller refuses what a real one would, and says why."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.robot import HOME, JOINT_NAMES, plan_motion, stop_motion
from openmtz.simulation.arm.joint_controller import (
    BRAKE_RAD_S2,
    ArmState,
    JointController,
)
from openmtz.simulation.arm.joint_trajectory import JointTrajectory, TrajectoryRejected

GOAL = HOME + np.array([0.3, -0.2, 0.2, 0.1, 0.2, -0.4])
LIMIT = np.full(6, 2 * np.pi)


def controller() -> JointController:
    return JointController(HOME, -LIMIT, LIMIT, np.full(6, np.pi))


def send(c: JointController, *, names=JOINT_NAMES, q=HOME, qd=None, now=0.0, **changes) -> None:
    motion = plan_motion(HOME, GOAL)
    row = {
        "times": motion.times,
        "positions": motion.positions,
        "velocities": motion.velocities,
        "accelerations": motion.accelerations,
    } | changes
    velocity = np.zeros(6) if qd is None else qd
    trajectory = JointTrajectory(names, *row.values())
    c.accept(trajectory, q, velocity, now)


def altered(name: str, index: tuple, value: float) -> dict:
    motion = plan_motion(HOME, GOAL)
    array = getattr(motion, name).copy()
    array[index] = value
    return {name: array}


REFUSED = [
    ({"names": JOINT_NAMES[:5]}, "missing .*wrist_3_joint"),
    ({"names": (*JOINT_NAMES[:5], "gripper")}, "gripper"),
    ({"names": (*JOINT_NAMES[:5], JOINT_NAMES[0])}, "repeated .*shoulder_pan_joint"),
    (altered("positions", (3, 2), np.nan), "positions hold NaN"),
    (altered("velocities", (3, 2), np.inf), "velocities hold NaN"),
    (altered("times", (5,), 0.0), "increase"),
    (altered("times", (0,), -0.1), "increase"),
    (altered("times", (5,), np.nan), "increase"),
    (altered("positions", (-1, 4), 7.0), "wrist_2_joint would be at 7.000 rad"),
    (altered("positions", (9, 4), 0.5), "wrist_2_joint would move at"),
    (altered("velocities", (9, 1), 4.0), "shoulder_lift_joint would move at 4.00 rad/s"),
    ({"q": HOME + np.array([0, 0, 0.06, 0, 0, 0])}, "elbow_joint is"),
    ({"qd": np.array([0, 0, 0, 0.5, 0, 0])}, "wrist_1_joint moves at 0.50"),
    ({"positions": np.zeros((4, 6))}, r"positions must be \(\d+, 6\)"),
    ({"positions": [[1.0, 2.0], [3.0]]}, "positions must be"),
    ({"velocities": np.zeros((2, 6))}, "velocities must be"),
]


@pytest.mark.parametrize(("changes", "text"), REFUSED, ids=[t for _, t in REFUSED])
def test_bad_trajectories_are_refused_by_cause_and_change_nothing(changes: dict, text: str) -> None:
    c = controller()
    with pytest.raises(TrajectoryRejected, match=text):
        send(c, **changes)
    assert c.state is ArmState.RESTING and np.array_equal(c.hold, HOME)
    assert np.array_equal(c.setpoint(1.0).position, HOME)


def test_an_open_emergency_stop_refuses_motion() -> None:
    c = controller()
    c.stopped_open = True
    with pytest.raises(TrajectoryRejected, match="emergency stop is open"):
        send(c)


def test_the_spline_goes_through_its_points_with_their_velocities() -> None:
    motion = plan_motion(HOME, GOAL)
    for with_accelerations in (True, False):
        c = controller()
        send(c, now=5.0, accelerations=motion.accelerations if with_accelerations else None)
        for t, p, v in zip(motion.times, motion.positions, motion.velocities, strict=True):
            point = c.setpoint(5.0 + t)
            assert np.abs(point.position - p).max() < 1e-9
            assert np.abs(point.velocity - v).max() < 1e-7
        # Consistent derivatives between the points.
        t, h = 5.1234, 1e-5
        slope = (c.setpoint(t + h).position - c.setpoint(t - h).position) / (2 * h)
        assert slope == pytest.approx(c.setpoint(t).velocity, abs=1e-6)
        bend = (c.setpoint(t + h).velocity - c.setpoint(t - h).velocity) / (2 * h)
        assert bend == pytest.approx(c.setpoint(t).acceleration, abs=1e-4)


def test_positions_alone_end_at_rest_at_the_goal() -> None:
    c = controller()
    way = [HOME, (HOME + GOAL) / 2, GOAL]
    send(c, times=[0.0, 0.5, 1.0], positions=way, velocities=None, accelerations=None)
    end = c.setpoint(1.0)
    assert np.array_equal(end.position, GOAL) and not end.velocity.any()


def test_one_point_is_reached_from_where_the_arm_is() -> None:
    c = controller()
    send(c, times=[1.0], positions=[GOAL], velocities=None, accelerations=None)
    assert c.setpoint(0.0).position == pytest.approx(HOME)
    assert np.array_equal(c.setpoint(1.0).position, GOAL)


def test_joints_in_another_order_are_put_in_ours() -> None:
    c = controller()
    motion = plan_motion(HOME, GOAL)
    turn = [5, 4, 3, 2, 1, 0]
    send(
        c,
        names=tuple(reversed(JOINT_NAMES)),
        positions=motion.positions[:, turn],
        velocities=motion.velocities[:, turn],
        accelerations=motion.accelerations[:, turn],
    )
    assert np.array_equal(c.hold, GOAL)


def test_an_empty_trajectory_is_discarded_as_by_jazzys_controller() -> None:
    c = controller()
    send(c)
    here = c.setpoint(0.2)
    with pytest.raises(TrajectoryRejected, match="no points"):
        send(c, q=here.position, qd=here.velocity, now=0.2, names=(), times=[], positions=[], velocities=[])
    assert c.state is ArmState.TRACKING, "the motion goes on"


def test_braking_is_as_short_as_the_brakes_allow_and_never_turns_back() -> None:
    c = controller()
    send(c)
    q, qd = c.setpoint(0.25).position, np.array([1.0, -2.0, 0.5, 0.0, 3.0, -0.1])
    c.brake(q, qd, 0.25, "test")
    assert c.hold == pytest.approx(q + 0.5 * qd * np.abs(qd) / BRAKE_RAD_S2)
    at = [c.setpoint(0.25 + t) for t in np.arange(0, 0.12, 0.001)]
    way = np.array([s.position for s in at])
    assert (np.diff(way, axis=0) * np.sign(qd) >= -1e-12).all()
    assert np.abs(at[-1].velocity).max() == 0 and np.array_equal(at[-1].position, c.hold)
    assert all((s.velocity * qd >= 0).all() for s in at)


def test_a_joint_that_falls_behind_ends_the_motion_and_is_named() -> None:
    c = controller()
    send(c)
    behind = c.setpoint(0.3).position + np.array([0, 0, 0.06, 0, 0, 0])
    assert c.observe(behind, np.zeros(6), 0.3) is None
    assert c.state is ArmState.BRAKING and "elbow_joint fell 0.060 rad behind" in c.reason
    held = c.observe(behind, np.zeros(6), 0.4)
    assert held is not None and np.array_equal(held, behind) and c.state is ArmState.RESTING


def test_what_never_settles_is_held_where_it_is_and_said() -> None:
    c = controller()
    send(c)
    off = GOAL + np.array([0, 0, 0, 0.01, 0, 0])
    end = plan_motion(HOME, GOAL).duration_s
    assert c.observe(off, np.zeros(6), end + 0.01) is None and c.state is ArmState.SETTLING
    held = c.observe(off, np.zeros(6), end + 1.1)
    assert held is not None and np.array_equal(held, off)
    assert "wrist_1_joint stayed 0.0100 rad off its goal" in c.reason


@pytest.mark.parametrize(
    ("stamp", "text"), [(4.0, "1.00 s ago"), (5.5, "0.50 s from now"), (np.nan, "stale")]
)
def test_stale_and_early_stamps_are_refused(stamp: float, text: str) -> None:
    c = controller()
    motion = plan_motion(HOME, GOAL)
    rows = motion.times, motion.positions, motion.velocities, motion.accelerations
    with pytest.raises(TrajectoryRejected, match=text):
        c.accept(JointTrajectory(JOINT_NAMES, *rows), HOME, np.zeros(6), 5.0, stamp)
    assert c.state is ArmState.RESTING
    c.accept(JointTrajectory(JOINT_NAMES, *rows), HOME, np.zeros(6), 5.0, 4.95)
    assert c.state is ArmState.TRACKING


def test_positions_and_velocities_that_do_not_fit_are_refused_by_name() -> None:
    """Each point is within limits, the spline between them is not: it would swing out."""
    c = controller()
    velocities = np.zeros((3, 6))
    velocities[1, 4] = -3.0
    way = [HOME, HOME + np.array([0, 0, 0, 0, 0.9, 0]), HOME + np.array([0, 0, 0, 0, 1.8, 0])]
    with pytest.raises(TrajectoryRejected, match=r"wrist_2_joint would swing at .* do not fit"):
        send(c, times=[0.0, 0.4, 0.8], positions=way, velocities=velocities, accelerations=None)
    assert c.state is ArmState.RESTING


def test_a_stop_seen_late_is_not_refused_for_the_way_to_its_first_point() -> None:
    """At full speed, planned from joints 20 ms old: the first point lies behind the arm by now."""
    c = controller()
    motion = plan_motion(HOME, HOME + np.array([1.5, 0, 0, 0, 0, 0]))
    send(c, **{n: getattr(motion, n) for n in ("times", "positions", "velocities", "accelerations")})
    middle = motion.duration_s / 2
    then, now = c.setpoint(middle), c.setpoint(middle + 0.02)
    stop = stop_motion(then.position, then.velocity)
    c.accept(
        JointTrajectory(
            JOINT_NAMES, stop.times[1:], stop.positions[1:], stop.velocities[1:], stop.accelerations[1:]
        ),
        now.position,
        now.velocity,
        middle + 0.02,
    )
    assert c.hold[0] < HOME[0] + 1.0
