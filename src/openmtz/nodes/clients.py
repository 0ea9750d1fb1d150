"""Calls to other nodes that never block: services one after another, one goal per action at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import rclpy.node
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient

from openmtz.nodes.guard import twin_server

Done = Callable[[Any, str], None]
"""Called with the response or result, or with None and why there is none."""


class ServiceQueue:
    """Calls services strictly in the order asked for: a token is given back before one is asked for."""

    def __init__(self, node: rclpy.node.Node) -> None:
        self._node = node
        self._clients: dict[str, Any] = {}
        self._waiting: deque[tuple[Any, str, Any, Done, float]] = deque()
        self._running: tuple[Any, Done, str, float] | None = None

    @property
    def busy(self) -> bool:
        """True while a call waits or runs."""
        return self._running is not None or bool(self._waiting)

    def call(
        self, kind: Any, name: str, request: Any, done: Done, now: float, timeout_s: float = 3.0
    ) -> None:
        """Queue a call; `now` is monotonic, the timeout counts from here."""
        if name not in self._clients:
            self._clients[name] = self._node.create_client(kind, name)
        self._waiting.append((kind, name, request, done, now + timeout_s))
        self.work(now)

    def work(self, now: float) -> None:
        """Take answers, start the next call. Call it from the work loop."""
        if self._running is not None:
            future, done, name, deadline = self._running
            if future.done():
                self._running = None
                done(future.result(), "")
            elif now > deadline:
                self._running = None
                self._clients[name].remove_pending_request(future)
                done(None, f"{name} did not answer")
        if self._running is None and self._waiting:
            _kind, name, request, done, deadline = self._waiting[0]
            client = self._clients[name]
            if why := twin_server(self._node, name, request):
                self._waiting.popleft()
                done(None, why)
            elif client.service_is_ready():
                self._waiting.popleft()
                self._running = (client.call_async(request), done, name, deadline)
            elif now > deadline:
                self._waiting.popleft()
                done(None, f"there is no service {name}: is its node running?")


class GoalClient:
    """Sends one goal at a time and tells feedback and result by callbacks."""

    def __init__(self, node: rclpy.node.Node, kind: Any, name: str) -> None:
        self._client = ActionClient(node, kind, name)
        self._name = name
        self._serial = 0
        self._handle: Any = None
        self._cancel_wanted = False
        self._open: set[int] = set()
        self._unsent: tuple[Callable[[], None], Done, float] | None = None

    @property
    def busy(self) -> bool:
        """True while a goal was sent, this one or an earlier one, whose end was not told yet."""
        return bool(self._open) or self._unsent is not None

    def work(self, now: float) -> None:
        """Send a goal that waits for its server; call it from the work loop. `now` [s, monotonic]."""
        if self._unsent is None:
            return
        send, done, deadline = self._unsent
        if self._client.server_is_ready():
            self._unsent = None
            send()
        elif now > deadline:
            self._unsent = None
            done(None, f"there is no action {self._name}: is its node running?")

    def send(
        self,
        goal: Any,
        done: Done,
        feedback: Callable[[Any], None] | None = None,
        timeout_s: float = 3.0,
    ) -> None:
        """Send a goal; whatever an earlier goal still says is dropped. A server that was not found yet is
        waited for during `timeout_s` [s]."""
        self._serial += 1
        serial = self._serial
        self._handle, self._cancel_wanted = None, False

        def on_feedback(message: Any) -> None:
            if feedback is not None and serial == self._serial:
                feedback(message.feedback)

        def on_result(future: Any) -> None:
            self._open.discard(serial)
            if serial != self._serial:
                return
            self._handle = None
            answer = future.result()
            why = "cancelled" if answer.status == GoalStatus.STATUS_CANCELED else ""
            done(answer.result, why)

        def on_accepted(future: Any) -> None:
            handle = future.result()
            if not handle.accepted:
                self._open.discard(serial)
                if serial == self._serial:
                    done(None, f"{self._name} refused the goal: another one is active")
                return
            handle.get_result_async().add_done_callback(on_result)
            if serial == self._serial:
                self._handle = handle
            if serial != self._serial or self._cancel_wanted:
                handle.cancel_goal_async()

        def dispatch() -> None:
            self._open.add(serial)
            self._client.send_goal_async(goal, feedback_callback=on_feedback).add_done_callback(on_accepted)

        self._unsent = (dispatch, done, time.monotonic() + timeout_s)
        self.work(time.monotonic())

    def cancel(self) -> None:
        """Cancel the goal that is under way, also one not yet accepted."""
        self._cancel_wanted = True
        if self._unsent is not None:
            (_, done, _), self._unsent = self._unsent, None
            done(None, "cancelled")
        if self._handle is not None:
            self._handle.cancel_goal_async()
