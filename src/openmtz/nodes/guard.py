"""Services that arm, approve or reset: done for those who tell the stack's secret."""

from __future__ import annotations

from typing import Any

import rclpy.node

from openmtz.graph import SecretError, read_secret, secret_path
from openmtz.safety import StackSecret


class Guard:
    """Knows the secret of the stack that this node was started in; where there is none, nobody passes."""

    def __init__(self, node: rclpy.node.Node) -> None:
        self._node = node
        try:
            self._secret = StackSecret(read_secret(), str(secret_path()))
        except SecretError as error:
            self._secret = StackSecret("", str(error))

    def refusal(self, given: str, service: str) -> str:
        """Return why a call is refused, empty where it may go on; says so in the log."""
        why = self._secret.refusal(given)
        if why:
            self._node.get_logger().error(f"{service} was refused: {why}", throttle_duration_sec=1.0)
        return why


def own_secret() -> str:
    """Return the secret to be told to other nodes of the stack, empty where there is none."""
    try:
        return read_secret()
    except SecretError:
        return ""


def twin_server(node: rclpy.node.Node, service: str, request: Any) -> str:
    """Return why a request that bears the secret must not be sent, empty where it may."""
    if not getattr(request, "secret", "") or node.count_services(service) < 2:
        return ""
    return f"{service} has more than one server, and they would be told the stack's secret: end the other one"
