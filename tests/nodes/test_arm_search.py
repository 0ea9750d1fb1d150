"""A way that has to be sought takes seconds: meanwhile the arm node hears, counts and can be cancelled."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from asking import send_goal

pytestmark = pytest.mark.ros
BEHIND_M = (0.5, 0.25, 0.2)


class Searching:
    """The node with a wall before the target, in the middle of a search that ends when told to."""

    def __init__(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from openmtz_interfaces.action import MoveToStation
        from openmtz_interfaces.msg import SafetyState
        from sensor_msgs.msg import JointState

        from openmtz.geometry import look_along
        from openmtz.nodes import arm, convert, topics
        from openmtz.robot import HOME, JOINT_NAMES, mover

        self.bench, self.topics = bench, topics
        self.begun, self.go_on = threading.Event(), threading.Event()
        whole, caller = mover.plan_move, threading.current_thread()

        def plan_move(*arguments: Any, **options: Any) -> Any:
            if "searches" not in options:
                assert threading.current_thread() is not caller
                self.begun.set()
                assert self.go_on.wait(30.0)
            return whole(*arguments, **options)

        monkeypatch.setattr(mover, "plan_move", plan_move)
        self.node = bench.add(arm.create, safety_age_s=5.0, joint_age_s=5.0)
        self.node._mover.collision.add_box("wall", (0.5, 0.1, 0.35), (0.3, 0.02, 0.3))
        self.trajectories: list[Any] = []
        self.progress: list[int] = []
        topics.TRAJECTORY.subscription(bench.client, self.trajectories.append)
        topics.PROGRESS.subscription(bench.client, lambda m: self.progress.append(m.counter))
        self.tell_token(SafetyState.TOKEN_MOTION)
        bench.publish(
            topics.JOINT_STATES,
            JointState(name=list(JOINT_NAMES), position=list(HOME), velocity=[0.0] * 6),
        )
        pose = look_along(BEHIND_M, (0.0, 0.0, -1.0))
        target = convert.pose_stamped(pose, "world", bench.client.get_clock().now().to_msg())
        self.handle = send_goal(bench, MoveToStation, "move_to_station", target=target, speed_fraction=1.0)
        self.result = self.handle.get_result_async()
        bench.wait(self.begun.is_set, "the search")

    def tell_token(self, token: int) -> None:
        from openmtz_interfaces.msg import SafetyState

        self.bench.publish(self.topics.SAFETY_STATE, SafetyState(state=SafetyState.READY, token=token))

    def reason(self) -> str:
        self.bench.wait(self.result.done, "the outcome")
        return str(self.result.result().result.reason)


def test_the_node_works_on_while_a_way_is_sought(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Searching(bench, monkeypatch)
    arm.progress.clear()
    bench.wait(lambda: len(arm.progress) >= 3, "progress during the search")
    assert arm.progress[-1] > arm.progress[0] and not arm.result.done() and arm.trajectories == []
    arm.go_on.set()
    bench.wait(lambda: len(arm.trajectories) == 1, "the way found")


def test_a_token_lost_while_searching_ends_the_goal_at_once(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openmtz_interfaces.msg import SafetyState

    arm = Searching(bench, monkeypatch)
    arm.tell_token(SafetyState.TOKEN_NONE)
    assert "token was taken away while a way was sought" in arm.reason()
    arm.tell_token(SafetyState.TOKEN_MOTION)
    arm.go_on.set()
    bench.spin(0.5)
    assert arm.trajectories == []


def test_a_cancel_while_searching_is_answered_at_once(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Searching(bench, monkeypatch)
    bench.wait(arm.handle.cancel_goal_async().done, "the cancel")
    assert arm.reason() == "cancelled before it began"
    arm.go_on.set()
    bench.spin(0.5)
    assert arm.trajectories == []
