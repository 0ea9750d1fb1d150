"""The arm and messages that contradict themselves or stop coming: nothing moves, a motion stops."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from asking import good_messages, send_goal

pytestmark = pytest.mark.ros


def test_arm_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from geometry_msgs.msg import PoseStamped
    from openmtz_interfaces.action import MoveToStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import arm, topics
    from openmtz.robot import HOME, JOINT_NAMES

    surface, _ = good_messages(plan)
    node = bench.add(arm.create)
    trajectories: list[Any] = []
    topics.TRAJECTORY.subscription(bench.client, trajectories.append)
    bench.publish(topics.SURFACE, *hostile.surfaces(surface))
    states = hostile.joint_states()
    bench.publish(topics.JOINT_STATES, *states)
    assert np.isfinite(node._mover._joints).all() and np.isfinite(node._mover._velocity).all()
    at_home = JointState(name=list(JOINT_NAMES), position=list(HOME), velocity=[0.0] * 6)
    token = SafetyState(state=SafetyState.READY, token=SafetyState.TOKEN_MOTION)
    for x, w, speed in (
        (np.nan, 1.0, 0.5),
        (1e300, 1.0, 0.5),
        (0.5, 0.0, 0.5),
        (0.5, 1.0, np.nan),
        (0.5, 1.0, -1.0),
    ):
        bench.publish(topics.SAFETY_STATE, token)
        bench.publish(topics.JOINT_STATES, at_home)
        target = PoseStamped()
        target.header.frame_id = "world"
        target.pose.position.x, target.pose.orientation.w = float(x), float(w)
        handle = send_goal(
            bench, MoveToStation, "move_to_station", target=target, speed_fraction=float(speed)
        )
        result = handle.get_result_async()
        bench.wait(result.done, "the refusal")
        assert not result.result().result.success and result.result().result.reason
    assert trajectories == [], "nothing of it moved the arm"


def test_arm_stops_without_velocities_and_without_a_safety_monitor(bench: Any) -> None:
    """Velocities are optional in JointState; a monitor that says nothing any more is none."""
    from openmtz_interfaces.action import MoveToStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import arm, convert, topics
    from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics

    node = bench.add(arm.create, safety_age_s=0.5)
    trajectories: list[Any] = []
    topics.TRAJECTORY.subscription(bench.client, trajectories.append)
    token = SafetyState(state=SafetyState.READY, token=SafetyState.TOKEN_MOTION)
    q, pan = np.array(HOME), np.eye(6)[0]
    pose = ArmKinematics().forward(q + 0.3 * pan, "scan_head")

    def joints(velocity: list[float]) -> None:
        bench.publisher(topics.JOINT_STATES).publish(
            JointState(name=list(JOINT_NAMES), position=q.tolist(), velocity=velocity)
        )
        bench.spin(0.01)

    bench.publish(topics.SAFETY_STATE, token)
    joints([])
    target = convert.pose_stamped(pose, "world", bench.client.get_clock().now().to_msg())
    handle = send_goal(bench, MoveToStation, "move_to_station", target=target, tool="scan_head")
    result = handle.get_result_async()
    bench.wait(lambda: trajectories, "the motion")
    while not result.done():  # joints go on, the safety monitor is silent
        q = q + 0.002 * pan
        joints([float("nan")] * 6)
        assert len(q) == 6 and q[0] < HOME[0] + 1.0, "it never stopped"
    assert "no safety state" in result.result().result.reason
    assert len(trajectories) == 2, "one motion, one stop"
    stop = np.array([p.positions for p in trajectories[1].points])
    assert np.isfinite(stop).all()
    assert stop[-1][0] > q[0] - 0.1, "it stops about where it is"
    now = time.monotonic()
    node._mover._joints_at = now - 0.01
    node._on_joints(JointState(name=list(JOINT_NAMES), position=(node._mover._joints + 0.002 * pan).tolist()))
    assert 0.05 < node._mover._velocity[0] < 0.3, "the speed is taken from the joints themselves"


def test_a_move_cancelled_before_it_began_never_begins(bench: Any) -> None:
    from openmtz_interfaces.action import MoveToStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import arm, convert, topics
    from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics

    bench.add(arm.create, token_wait_s=3.0)
    trajectories: list[Any] = []
    topics.TRAJECTORY.subscription(bench.client, trajectories.append)
    pose = ArmKinematics().forward(np.array(HOME) + 0.1 * np.eye(6)[0], "scan_head")
    target = convert.pose_stamped(pose, "world", bench.client.get_clock().now().to_msg())
    handle = send_goal(bench, MoveToStation, "move_to_station", target=target)
    result = handle.get_result_async()
    bench.spin(0.1)
    cancelled = handle.cancel_goal_async()
    bench.wait(cancelled.done, "the cancel")
    bench.wait(result.done, "the end", 1.0)
    bench.publish(topics.JOINT_STATES, JointState(name=list(JOINT_NAMES), position=list(HOME)))
    bench.publish(topics.SAFETY_STATE, SafetyState(token=SafetyState.TOKEN_MOTION))
    bench.spin(0.3)
    assert trajectories == [], "it moved after it was cancelled"
