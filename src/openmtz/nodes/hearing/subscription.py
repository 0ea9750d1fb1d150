"""A subscription whose callback is told who published, for any executor of rclpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rclpy.node
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.serialization import deserialize_message
from rclpy.type_support import check_is_valid_msg_type
from rclpy.waitable import NumberOfEntities, Waitable

from openmtz.nodes.hearing.rcl_take import MessageTaker, Taken


class GidSubscription(Waitable):
    """Calls `heard(message, gid)` for each message; one that cannot be read is none."""

    def __init__(
        self,
        node: rclpy.node.Node,
        message_type: Any,
        topic: str,
        profile: Any,
        heard: Callable[[Any, bytes], None],
    ) -> None:
        super().__init__(node.default_callback_group)
        check_is_valid_msg_type(message_type)
        self._node, self._type, self._topic, self._heard = node, message_type, topic, heard
        self._taker = MessageTaker()
        self._index, self._closed = 0, False
        with node.handle:
            self._handle = rclpy_implementation.Subscription(
                node.handle, message_type, topic, profile.get_c_qos_profile()
            )
        node.add_waitable(self)

    def __enter__(self) -> None:
        """Keep the subscription from being destroyed while an executor waits for it."""
        self._handle.__enter__()

    def __exit__(self, *error: object) -> None:
        """Let it go."""
        self._handle.__exit__(*error)

    def get_num_entities(self) -> NumberOfEntities:
        """Return what a wait set must have room for."""
        return NumberOfEntities(num_subs=0 if self._closed else 1)

    def add_to_wait_set(self, wait_set: Any) -> None:
        """Wait for messages."""
        if not self._closed:
            self._index = wait_set.add_subscription(self._handle)

    def is_ready(self, wait_set: Any) -> bool:
        """Return whether there is one."""
        return self._closed or bool(wait_set.is_ready("subscription", self._index))

    def take_data(self) -> Taken | None:
        """Take it."""
        return None if self._closed else self._taker.take(self._handle)

    async def execute(self, taken: Taken | None) -> None:
        """Hand it on. Bytes that are no message of this type must not end the node."""
        if taken is None:
            return
        try:
            message = deserialize_message(taken.data, self._type)
        except Exception as error:
            self._node.get_logger().error(
                f"bytes on {self._topic} are no message: {error}", throttle_duration_sec=1.0
            )
            return
        self._heard(message, taken.gid)

    def close(self) -> None:
        """Hear no more, and leave the topic as soon as no executor waits for it.

        It stays among the node's waitables: taking one away ends rclpy 7's events executor by a segmentation
        fault when it spins.
        """
        self._closed = True
        self._handle.destroy_when_not_in_use()
