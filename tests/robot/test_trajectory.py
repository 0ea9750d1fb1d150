"""Motions begin and end exactly where asked, within the limits, whatever is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.robot import HOME, MotionError, plan_motion, stop_motion
from openmtz.robot.trajectory import (
    ACCELERATION_RAD_S2,
    JERK_RAD_S3,
    SAMPLE_S,
    STOP_ACCELERATION_RAD_S2,
    VELOCITY_RAD_S,
)

joints = st.lists(st.floats(-6.0, 6.0), min_size=6, max_size=6).map(np.array)
speeds = st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6).map(np.array)


@settings(max_examples=60, deadline=None)
@given(joints, joints, st.floats(0.05, 1.0))
def test_motions_keep_their_limits_and_their_ends(q0: np.ndarray, q1: np.ndarray, fraction: float) -> None:
    motion = plan_motion(q0, q1, fraction)
    assert np.array_equal(motion.positions[0], q0) and np.array_equal(motion.positions[-1], q1)
    assert motion.times[0] == 0 and (np.diff(motion.times) > 0).all()
    assert np.diff(motion.times).max() <= SAMPLE_S + 1e-9
    assert not motion.velocities[[0, -1]].any()
    assert (np.abs(motion.velocities) <= VELOCITY_RAD_S * fraction + 1e-6).all()
    assert (np.abs(motion.accelerations) <= ACCELERATION_RAD_S2 * fraction**2 + 1e-6).all()
    jerk = np.diff(motion.accelerations, axis=0) / np.diff(motion.times)[:, None]
    assert (np.abs(jerk) <= JERK_RAD_S3 * fraction**3 * 1.001 + 1e-3).all()


def test_the_path_is_a_straight_line_in_joint_space() -> None:
    goal = HOME + np.array([0.5, -0.3, 0.2, 0.1, -0.4, 0.9])
    motion = plan_motion(HOME, goal)
    along = (motion.positions - HOME) / (goal - HOME)
    assert np.ptp(along, axis=1).max() < 1e-9


def test_nowhere_to_go_is_still_a_motion() -> None:
    motion = plan_motion(HOME, HOME)
    assert len(motion.times) >= 2 and np.array_equal(motion.positions[-1], HOME)


def test_half_speed_is_the_same_path_in_twice_the_time() -> None:
    goal = HOME + 0.4
    assert plan_motion(HOME, goal, 0.5).duration_s == pytest.approx(2 * plan_motion(HOME, goal).duration_s)


@settings(max_examples=60, deadline=None)
@given(joints, speeds, speeds)
def test_stops_stop(q: np.ndarray, qd: np.ndarray, qdd: np.ndarray) -> None:
    motion = stop_motion(q, qd, qdd)
    assert np.array_equal(motion.positions[0], q)
    assert not motion.velocities[-1].any() and np.isfinite(motion.positions).all()
    assert (np.abs(motion.accelerations) <= STOP_ACCELERATION_RAD_S2 + 1e-6).all()
    assert motion.duration_s < 0.4


def test_a_stop_at_rest_goes_nowhere() -> None:
    motion = stop_motion(HOME, np.zeros(6))
    assert np.abs(motion.positions - HOME).max() < 1e-12


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.5, np.nan])
def test_bad_speed_is_refused(fraction: float) -> None:
    with pytest.raises(MotionError, match="speed_fraction"):
        plan_motion(HOME, HOME, fraction)


def test_bad_joints_are_refused() -> None:
    with pytest.raises(MotionError, match="q1"):
        plan_motion(HOME, np.full(6, np.nan))
    with pytest.raises(MotionError, match="q0"):
        plan_motion([0.0] * 5, HOME)
