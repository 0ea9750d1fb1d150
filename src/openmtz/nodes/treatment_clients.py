"""How node `treatment` reaches the other nodes: goals and service calls (`stack.TreatmentClients`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy.node
from geometry_msgs.msg import Point
from openmtz_interfaces.action import CaptureSurface, FireStation, MoveToStation, PlanTreatment
from openmtz_interfaces.msg import SafetyState
from openmtz_interfaces.srv import RequestReady, RequestToken
from std_srvs.srv import Trigger

from openmtz.nodes import convert
from openmtz.nodes.clients import GoalClient, ServiceQueue
from openmtz.nodes.guard import own_secret
from openmtz.stack import CaptureOrder, FireOrder, MoveDone, MoveOrder, PlanOrder, TokenOrder

TOKENS = {"motion": SafetyState.TOKEN_MOTION, "emission": SafetyState.TOKEN_EMISSION}


def _why(result: Any, why: str) -> str:
    """Return why a result is none, empty where it is one."""
    if result is None:
        return why
    return "" if result.success else why or result.reason


class NodeClients:
    """Converts orders to goals and requests, and results to answers."""

    def __init__(self, node: rclpy.node.Node) -> None:
        self._node, self._calls, self._secret = node, ServiceQueue(node), own_secret()
        self._capture = GoalClient(node, CaptureSurface, "capture_surface")
        self._planner = GoalClient(node, PlanTreatment, "plan_treatment")
        self.arm = GoalClient(node, MoveToStation, "move_to_station")
        self._laser = GoalClient(node, FireStation, "fire_station")
        self._all = (self._calls, self._capture, self._planner, self.arm, self._laser)

    @property
    def busy(self) -> bool:
        """Whether anything asked for has not ended."""
        return any(client.busy for client in self._all)

    def work(self, now: float) -> None:
        """Send what waits for its server; `now` [s, monotonic]."""
        for client in self._all:
            client.work(now)

    def start_capture(
        self, order: CaptureOrder, fused: Callable[[int], None], done: Callable[[str, str], None]
    ) -> None:
        """See `TreatmentClients`."""
        x, y, z = order.center_m
        goal = CaptureSurface.Goal(
            center=Point(x=x, y=y, z=z),
            radius_m=order.radius_m,
            voxel_m=order.voxel_m,
            frames_per_rest=order.frames_per_rest,
            min_frames=order.min_frames,
        )
        self._capture.send(
            goal,
            lambda result, why: done(result.surface_id if result else "", _why(result, why)),
            lambda feedback: fused(feedback.frames_fused),
        )

    def finish_capture(self, done: Callable[[str], None]) -> None:
        """See `TreatmentClients`."""

        def answered(response: Any, why: str) -> None:
            done(why if response is None else "" if response.success else response.message)

        self._call(Trigger, "surface_capture/finish", Trigger.Request(), answered)

    def cancel_capture(self) -> None:
        """See `TreatmentClients`."""
        self._capture.cancel()

    def request_plan(self, order: PlanOrder, done: Callable[[str, str], None]) -> None:
        """See `TreatmentClients`."""
        self._planner.send(
            PlanTreatment.Goal(**order._asdict()),
            lambda result, why: done(result.plan_sha256 if result else "", _why(result, why)),
        )

    def cancel_plan(self) -> None:
        """See `TreatmentClients`."""
        self._planner.cancel()

    def move(self, order: MoveOrder, done: MoveDone) -> None:
        """See `TreatmentClients`."""
        stamp = self._node.get_clock().now().to_msg()
        goal = MoveToStation.Goal(
            target=convert.pose_stamped(order.pose, "world", stamp),
            tool=order.tool,
            speed_fraction=order.speed_fraction,
            secret=self._secret,
        )
        self.arm.send(
            goal, lambda result, why: done(_why(result, why), bool(result is not None and result.late))
        )

    def stop_arm(self) -> None:
        """See `TreatmentClients`."""
        self.arm.cancel()

    def fire(self, order: FireOrder, fired: Callable[[int], None], done: Callable[[int, str], None]) -> None:
        """See `TreatmentClients`."""

        def ended(result: Any, why: str) -> None:
            done(order.first if result is None else result.next_spot, _why(result, why))

        self._laser.send(
            FireStation.Goal(**order._asdict()), ended, lambda feedback: fired(feedback.next_spot)
        )

    def cancel_fire(self) -> None:
        """See `TreatmentClients`."""
        self._laser.cancel()

    def request_token(self, order: TokenOrder, done: Callable[[str], None]) -> None:
        """See `TreatmentClients`."""
        asked = {**order._asdict(), "token": TOKENS[order.token]}
        request = RequestToken.Request(**asked, secret=self._secret)

        def answered(response: Any, why: str) -> None:
            done(why if response is None else "" if response.granted else response.reason)

        self._call(RequestToken, "safety/request_token", request, answered)

    def return_token(self) -> None:
        """See `TreatmentClients`."""
        request = RequestToken.Request(token=SafetyState.TOKEN_NONE)
        self._call(RequestToken, "safety/request_token", request)

    def withdraw_ready(self) -> None:
        """See `TreatmentClients`."""
        self._call(RequestReady, "safety/request_ready", RequestReady.Request(ready=False))

    def _call(
        self,
        kind: Any,
        name: str,
        request: Any,
        answered: Callable[[Any, str], None] = lambda *_: None,
    ) -> None:
        self._calls.call(kind, name, request, answered, time.monotonic())
