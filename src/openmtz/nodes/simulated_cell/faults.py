"""The service that switches faults of the simulated cell. What they do is `openmtz.simulation.faults`'.

Part of node `simulation`.
"""

from __future__ import annotations

from typing import Any

import rclpy.node
from openmtz_interfaces.srv import InjectFault

from openmtz.nodes import topics
from openmtz.nodes.guard import Guard
from openmtz.simulation.cell import CameraSwitches, PlayedCell, graph_panel


class CellFaults:
    """Hands requests to the panel and says what came of them."""

    def __init__(self, node: rclpy.node.Node, cell: PlayedCell, camera: CameraSwitches, guard: Guard) -> None:
        self._guard = guard
        self.panel = graph_panel(cell, camera, SecondPublishers(node))
        node.create_service(InjectFault, "simulation/inject_fault", self._on_inject_fault)

    def _on_inject_fault(self, request: Any, response: Any) -> Any:
        response.message = self._guard.refusal(request.secret, "simulation/inject_fault")
        if not response.message:
            response.message = self.panel.ask(request.fault, request.active, request.parameters_json)
        response.success = not response.message
        return response


class SecondPublishers:
    """Publishers that should not be there: they say nothing, but whoever counts finds one too many."""

    def __init__(self, node: rclpy.node.Node) -> None:
        self._node = node
        self._open: dict[str, Any] = {}

    def add(self, topic: str) -> None:
        """Open one more publisher on a topic, by its name."""
        if topic not in self._open:
            kind = next(one for one in topics.ALL if one.name == topic)
            self._open[topic] = kind.publisher(self._node)

    def remove(self, topic: str) -> None:
        """Close it again."""
        publisher = self._open.pop(topic, None)
        if publisher is not None:
            self._node.destroy_publisher(publisher)
