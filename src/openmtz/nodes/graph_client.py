"""A client of a running graph from outside its processes: every wait is bounded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from openmtz.nodes.guard import twin_server
from openmtz.nodes.hearing import ListeningNode

PUMP_S = 0.02


class GraphClient:
    """A node of its own; `pump` lets messages in, those heard through `node.ear` from who is known alone."""

    def __init__(self, name: str) -> None:
        self._own_context = not rclpy.ok()
        if self._own_context:
            rclpy.init(args=["openmtz"], signal_handler_options=SignalHandlerOptions.NO)
        self.node = ListeningNode(name, [])
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._services: dict[str, Any] = {}

    def pump(self, seconds: float = 0.05) -> None:
        """Let messages in for about so long.

        Always with the same timeout: with another one rclpy forgets who of the ready ones is next, and
        the topics subscribed to last would starve.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._spin_once()

    def wait(self, done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Pump until `done()`.

        Raises:
            TimeoutError: it did not come true in time.
        """
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: nothing after {timeout_s:.0f} s")
            self._spin_once()

    def _spin_once(self) -> None:
        self._executor.spin_once(timeout_sec=PUMP_S)
        self.node.ear.look(time.monotonic())

    def call(self, service_type: Any, name: str, request: Any, timeout_s: float = 5.0) -> Any:
        """Call a service and return its response.

        Raises:
            TimeoutError: no such service, or no answer in time.
            RuntimeError: it has two servers, and the request would tell both the stack's secret.
        """
        client = self._services.get(name)
        if client is None:
            client = self._services[name] = self.node.create_client(service_type, name)
        self.wait(client.service_is_ready, timeout_s, f"service {name}")
        why = twin_server(self.node, name, request)
        if why:
            raise RuntimeError(why)
        future = client.call_async(request)
        self.wait(future.done, timeout_s, f"answer of {name}")
        return future.result()

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=0.5)
        self.node.destroy_node()
        if self._own_context:
            rclpy.try_shutdown()
