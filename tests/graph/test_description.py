"""The graph with one node alone: the same nodes, each once; what is critical keeps its process."""

from __future__ import annotations

import pytest

from openmtz.graph import load_graph
from openmtz.graph.description import NODE_NAMES

PROGRAM = "scan_head_device"


@pytest.mark.parametrize("name", [*NODE_NAMES, PROGRAM])
def test_one_alone_and_the_others_in_few_processes(name: str) -> None:
    whole = load_graph()
    graph = whole.with_alone(name)
    assert sorted(node for p in graph.processes for node in p.nodes) == sorted(NODE_NAMES)
    (alone,) = (p for p in graph.processes if name in (p.name, *p.nodes))
    assert alone.nodes == ((name,) if name in NODE_NAMES else ())
    kept = [p for p in whole.processes if p.critical or p.only]
    assert [p for p in graph.processes if p in kept] == kept, "as they are, in their order"
    assert len(graph.processes) <= len(kept) + 2
    assert graph.parameters == whole.parameters
