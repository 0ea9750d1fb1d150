"""A service whose answer comes when the work is done, without a callback that waits."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import Any

import rclpy.node
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor


class DeferredService:
    """Requests are fetched with `asked` and answered by their future, from the node's own thread.

    A thread waits in the callback, with a node and an executor of its own. A coroutine would be the way of
    rclpy, but its EventsExecutor takes none for services, and the other executors ask a suspended one over
    and over whether it can go on.
    """

    def __init__(self, node: rclpy.node.Node, kind: Any, name: str) -> None:
        self._asked: queue.SimpleQueue[tuple[Any, Future[Any]]] = queue.SimpleQueue()
        self._closed = False
        self._open: set[Future[Any]] = set()
        own = f"{node.get_name()}_{name.rpartition('/')[2]}"
        self._node = rclpy.node.Node(
            own,
            context=node.context,
            namespace=node.get_namespace(),
            use_global_arguments=False,
            start_parameter_services=False,
            enable_rosout=False,
        )
        self._node.create_service(kind, name, self._wait)
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name=own, daemon=True)
        self._thread.start()

    def asked(self) -> list[tuple[Any, Future[Any]]]:
        """Return requests not seen before, each with the future its response is to be set on."""
        found = []
        while not self._asked.empty():
            found.append(self._asked.get())
        return found

    def close(self) -> None:
        """Leave the graph; calls that still wait get an empty response."""
        self._closed = True
        self._executor.shutdown(timeout_sec=0.0)
        for future in list(self._open):
            future.cancel()
        self._thread.join(0.5)
        self._node.destroy_node()

    def _spin(self) -> None:
        while not self._closed:
            try:
                self._executor.spin_once(timeout_sec=0.5)
            except ExternalShutdownException:
                return

    def _wait(self, request: Any, response: Any) -> Any:
        future: Future[Any] = Future()
        self._open.add(future)
        self._asked.put((request, future))
        try:
            return future.result()
        except BaseException:  # cancelled: nobody will answer any more
            return response
        finally:
            self._open.discard(future)
