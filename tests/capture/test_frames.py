"""Only frames taken at rest are fused, and which ones does not depend on timing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.capture import FrameGate

HOME = np.zeros(6)


def joints(gate: FrameGate, start: float, end: float, q0: float, q1: float, period: float = 0.01) -> None:
    for k in range(round((end - start) / period)):
        share = k * period / (end - start)
        gate.add_joints(start + k * period, HOME + q0 + share * (q1 - q0))


def scripted(per_standstill: int = 2) -> FrameGate:
    """At home until 1 s, moving until 2 s, at rest at 0.5 rad until 3 s, moving again until 4 s."""
    gate = FrameGate(per_standstill=per_standstill, memory_s=10.0)
    joints(gate, 0.0, 1.0, 0.0, 0.0)
    joints(gate, 1.0, 2.0, 0.0, 0.5)
    joints(gate, 2.0, 3.0, 0.5, 0.5)
    joints(gate, 3.0, 4.0, 0.5, 0.9)
    return gate


def test_frames_at_rest_are_taken_in_order_with_the_joints_at_rest() -> None:
    gate = scripted()
    for stamp in (2.2, 2.1):
        gate.add_frame(stamp, f"frame {stamp}")
    taken = gate.drain()
    assert [(f.payload, f.index) for f in taken] == [("frame 2.1", 0), ("frame 2.2", 1)]
    assert all(np.array_equal(f.joints, HOME + 0.5) for f in taken)
    assert taken[0].standstill == taken[1].standstill


@pytest.mark.parametrize(
    ("stamp", "cause"),
    [
        (0.5, "before the first move"),
        (1.5, "arm moving"),
        (2.03, "arm moving"),  # at rest, but not yet for the settling time
        (3.005, "arm moving"),  # the joint state after it has moved
        (-0.1, "no joint states"),
    ],
)
def test_a_frame_not_at_rest_is_rejected_with_its_cause(stamp: float, cause: str) -> None:
    gate = scripted()
    joints(gate, 3.0, 3.1, 0.5, 0.9)
    gate.add_frame(stamp, None)
    assert gate.drain() == []
    assert gate.rejection_texts() == [f"{cause}: 1"]


def test_more_frames_than_wanted_at_one_rest_are_surplus() -> None:
    gate = scripted(per_standstill=2)
    for k in range(5):
        gate.add_frame(2.1 + 0.1 * k, k)
    assert [f.payload for f in gate.drain()] == [0, 1]
    assert gate.rejection_texts() == ["surplus: 3"]
    assert (gate.received, gate.accepted) == (5, 2)


def test_a_frame_waits_for_the_joint_state_after_it_and_the_end_rejects_it() -> None:
    gate = FrameGate()
    joints(gate, 0.0, 1.0, 0.0, 0.3)
    joints(gate, 1.0, 1.5, 0.3, 0.3)
    gate.add_frame(1.6, "late")
    assert gate.drain() == [] and gate.waiting == 1
    gate.add_joints(1.61, HOME + 0.3)
    assert [f.payload for f in gate.drain()] == ["late"]
    gate.add_frame(1.7, "never")
    assert gate.drain(final=True) == []
    assert gate.rejection_texts() == ["no joint states: 1"]


def test_a_stall_of_the_joint_states_at_rest_does_not_start_a_new_rest() -> None:
    gate = FrameGate(per_standstill=1)
    joints(gate, 0.0, 1.0, 0.0, 0.3)
    joints(gate, 1.0, 1.2, 0.3, 0.3)
    joints(gate, 1.9, 2.3, 0.3, 0.3)
    for stamp in (1.15, 2.1):
        gate.add_frame(stamp, stamp)
    assert [f.payload for f in gate.drain()] == [1.15]
    assert gate.rejection_texts() == ["surplus: 1"]


def test_joints_that_are_not_finite_count_as_motion() -> None:
    gate = FrameGate()
    joints(gate, 0.0, 1.0, 0.0, 0.3)
    joints(gate, 1.0, 1.5, 0.3, np.nan)
    gate.add_frame(1.3, None)
    assert gate.drain() == []
    assert gate.rejection_texts() == ["arm moving: 1"]


def test_slow_drift_below_the_tolerance_is_motion_in_the_end() -> None:
    gate = FrameGate(tolerance_rad=1e-3)
    joints(gate, 0.0, 1.0, 0.0, 0.3)
    joints(gate, 1.0, 3.0, 0.3, 0.31)  # 0.05 mrad per state, 10 mrad in all
    rests = {state.rest for state in gate._states}
    assert len(rests) >= 9


def test_a_fixed_camera_may_take_the_first_rest() -> None:
    gate = FrameGate(after_move_only=False)
    joints(gate, 0.0, 1.0, 0.0, 0.0)
    gate.add_frame(0.5, "frame")
    assert [f.payload for f in gate.drain()] == ["frame"]


def test_waiting_frames_and_memory_are_bounded() -> None:
    gate = FrameGate(max_waiting=3)
    for k in range(10):
        gate.add_frame(float(k), k)
    assert gate.waiting == 3 and gate.rejections["no joint states"] == 7
    long = FrameGate()
    for k in range(20000):
        long.add_joints(k * 0.01, HOME)
    assert len(long._states) < 1000


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.floats(0.0, 0.9))
def test_the_frames_taken_do_not_depend_on_when_things_arrive(random, late: float) -> None:
    """Same stamps, any order of arrival between the two streams: same frames."""
    states = [(round(0.01 * k, 4), 0.0 if k < 50 else min(0.01 * (k - 50), 0.5)) for k in range(300)]
    frames = [(1.15 + 0.1 * k) for k in range(12)]
    gate = FrameGate(per_standstill=3)
    taken = []
    while states or frames:
        if states and (not frames or random.random() < late + 0.05):
            stamp, q = states.pop(0)
            gate.add_joints(stamp, HOME + q)
        else:
            gate.add_frame(frames[0], frames.pop(0))
        taken += [f.payload for f in gate.drain()]
    taken += [f.payload for f in gate.drain(final=True)]
    assert taken == pytest.approx([1.15, 1.25, 1.35])
