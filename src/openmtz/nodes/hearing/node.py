"""A node that hears through an ear."""

from __future__ import annotations

import time
from typing import Any

import rclpy.node
from rclpy.parameter import Parameter

from openmtz.nodes.hearing.ear import Ear


class ListeningNode(rclpy.node.Node):
    """Has an `ear`, whose subscriptions end with it; the work loop calls `ear.look`.

    Args:
        heard: arguments of `Ear`.
    """

    def __init__(self, name: str, overrides: list[Parameter], **heard: Any) -> None:
        super().__init__(name, parameter_overrides=overrides)
        self.ear = Ear(self, time.monotonic, **heard)

    def destroy_node(self) -> None:
        """End the subscriptions, then the node."""
        self.ear.close()
        super().destroy_node()
