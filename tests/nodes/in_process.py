"""One node in this process, and a hostile client beside it, in the ROS domain of the tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
import rclpy.node
from rclpy.experimental import EventsExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from openmtz.graph import make_secret, read_secret


class Bench:
    """`add` a node, `publish` to it, `spin`; an exception of a callback comes out of `spin`.

    `secret` is that of the stack which the nodes take themselves for.
    """

    def __init__(self) -> None:
        self._secret_file = make_secret()
        self.secret = read_secret()
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.client = rclpy.node.Node("hostile_client")
        self.executor = EventsExecutor()
        self.executor.add_node(self.client)
        self.nodes: list[Any] = []
        self._publishers: dict[str, Any] = {}

    def add(self, create: Callable[[list[Parameter]], Any], **parameters: Any) -> Any:
        node = create([Parameter(k, value=v) for k, v in parameters.items()])
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def request(self, kind: Any, fields: dict[str, Any]) -> Any:
        """A request of the stack's own user: with the secret where one is asked for, unless one is given."""
        return self._with_secret(kind.Request, fields)

    def goal(self, kind: Any, fields: dict[str, Any]) -> Any:
        """A goal of the stack's own user, likewise."""
        return self._with_secret(kind.Goal, fields)

    def _with_secret(self, message: Any, fields: dict[str, Any]) -> Any:
        if "secret" in message.get_fields_and_field_types():
            fields.setdefault("secret", self.secret)
        return message(**fields)

    def publisher(self, topic: Any) -> Any:
        if topic.name not in self._publishers:
            publisher = self._publishers[topic.name] = topic.publisher(self.client)
            self.wait(lambda: publisher.get_subscription_count() > 0, f"a reader of {topic.name}")
        return self._publishers[topic.name]

    def publish(self, topic: Any, *messages: Any) -> None:
        publisher = self.publisher(topic)
        for message in messages:
            publisher.publish(message)
            self.spin(0.05)

    def spin(self, seconds: float = 0.1) -> None:
        # Always the same timeout: with another one rclpy begins anew, and an awaiting goal starves timers.
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.02)

    def wait(self, done: Callable[[], Any], what: str, timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, f"nothing within {timeout_s} s: {what}"
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        for node in self.nodes:
            for name in ("make_safe", "close"):
                if hasattr(node, name):
                    getattr(node, name)()
        self.executor.shutdown(timeout_sec=0.5)
        for node in [*self.nodes, self.client]:
            node.destroy_node()
        rclpy.shutdown()
        self._secret_file.unlink()
