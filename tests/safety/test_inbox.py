"""What was heard reaches the next step once; joints that are none give no pose."""

from __future__ import annotations

import numpy as np
from safety_cell import SKIN

from openmtz.safety import FiredBatch, Inbox


def forward(joints: np.ndarray) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = joints[:3]
    return pose


def test_what_is_new_is_handed_out_once_and_the_rest_stays() -> None:
    inbox = Inbox(forward)
    batch = FiredBatch("a" * 64, 1, np.array([0], np.uint32), np.array([1000], np.uint32))
    inbox.fired.append(batch)
    inbox.hear_surface("surface-1", SKIN)
    first, second = (
        inbox.take(run_line_ok=True),
        inbox.take(run_line_ok=False, strangers={"topic-shared": "x"}),
    )
    assert first.fired == (batch,) and second.fired == ()
    assert first.skin is second.skin is SKIN and second.surface_id == "surface-1"
    assert (first.run_line_ok, second.run_line_ok, second.strangers) == (True, False, {"topic-shared": "x"})


def test_a_surface_without_name_or_content_is_another_surface() -> None:
    inbox = Inbox(forward)
    assert inbox.take(run_line_ok=True).surface_id == ""
    inbox.hear_surface("surface-1", SKIN)
    inbox.hear_surface("", None)
    inputs = inbox.take(run_line_ok=True)
    assert inputs.surface_id == "unnamed" and inputs.skin is None


def test_joints_are_kept_with_their_pose_and_nothing_of_the_caller_s() -> None:
    calls = []
    inbox = Inbox(lambda joints: calls.append(joints) or forward(joints))
    joints = np.arange(6.0)
    inbox.hear_joints(joints, 1.0)
    joints[:] = 0.0
    inbox.hear_joints(np.arange(6.0), 2.0)
    arm = inbox.take(run_line_ok=True).arm
    assert arm is not None and arm.received_at == 2.0 and len(calls) == 1
    assert arm.joints_rad.tolist() == [0, 1, 2, 3, 4, 5] and arm.scan_head_pose[:3, 3].tolist() == [0, 1, 2]
    assert not arm.joints_rad.flags.writeable and not arm.scan_head_pose.flags.writeable
    inbox.hear_joints(np.array([0.0, np.nan, 0, 0, 0, 0]), 3.0)
    arm = inbox.take(run_line_ok=True).arm
    assert arm is not None and np.isnan(arm.scan_head_pose).all() and len(calls) == 1
