"""What the graph shows a node of who publishes, who serves and who bears which name."""

from __future__ import annotations

from collections.abc import Iterable

import rclpy.node

from openmtz.safety import Endpoint


class GraphLook:
    """Asks the graph; topics and services by their names relative to the node."""

    def __init__(self, node: rclpy.node.Node) -> None:
        self._node = node
        self._counts: dict[str, int] = {}

    def changed(self, topics: Iterable[str]) -> list[str]:
        """Return those with another number of publishers than last time: counting is cheap, asking is not."""
        counts = {name: self._node.count_publishers(name) for name in topics}
        changed = [name for name, count in counts.items() if count != self._counts.get(name)]
        self._counts = counts
        return changed

    def endpoints(self, topic: str) -> list[Endpoint]:
        """Return who publishes."""
        found = self._node.get_publishers_info_by_topic(topic)
        return [
            Endpoint(bytes(one.endpoint_gid), "" if one.node_name.startswith("_NODE_") else one.node_name)
            for one in found
        ]

    def servers(self, services: Iterable[str]) -> dict[str, int]:
        """Return how many servers each service has."""
        return {name: self._node.count_services(name) for name in services}

    def names(self) -> list[str]:
        """Return the names of all nodes in the node's own namespace, each as often as it is there."""
        here = self._node.get_namespace()
        return [name for name, namespace in self._node.get_node_names_and_namespaces() if namespace == here]
