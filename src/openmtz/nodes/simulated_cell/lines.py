"""The interlock lines of the simulated cell: their topic, and the service that moves one.

Part of node `simulation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rclpy.node
from openmtz_interfaces.msg import Interlocks
from openmtz_interfaces.srv import SetInterlock

from openmtz.nodes import convert, topics
from openmtz.nodes.guard import Guard
from openmtz.simulation.cell import PlayedCell
from openmtz.simulation.faults import LineError


class CellLines:
    """Publishes what is told of the lines, moves one when asked. `playing`: whether time runs by itself.

    Anybody may open a line or take the foot off: that stops. What closes one or presses is done for those
    who tell the stack's secret.
    """

    def __init__(
        self, node: rclpy.node.Node, cell: PlayedCell, playing: Callable[[], bool], guard: Guard
    ) -> None:
        self._cell, self._playing, self._guard = cell, playing, guard
        self._publisher = topics.INTERLOCKS.publisher(node)
        node.create_service(SetInterlock, "simulation/set_interlock", self._on_set_interlock)

    def _on_set_interlock(self, request: Any, response: Any) -> Any:
        if request.value:
            response.message = self._guard.refusal(request.secret, "simulation/set_interlock")
            if response.message:
                return response
        try:
            asked = self._cell.set_line(request.line, request.value, self._playing())
        except LineError as error:
            response.message = str(error)
            return response
        self.publish()
        response.success, response.message = asked.taken, asked.text
        return response

    def release_footswitch(self) -> None:
        """Take the foot off."""
        self._cell.release_footswitch()
        self.publish()

    def publish(self) -> None:
        """Also while paused: the lines are the room's, and the room does not stand still."""
        message = Interlocks(**self._cell.lines.read())
        message.header.stamp = convert.stamp_of(self._cell.clock.stamp_s(self._cell.world.time_s))
        self._publisher.publish(message)
