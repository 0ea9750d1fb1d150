"""The graph as a description, and the supervisor that runs it. No ROS in here: it starts processes."""

from openmtz.graph.death import ProcessDied
from openmtz.graph.description import GraphDescription, GraphError, ProcessSpec, load_graph
from openmtz.graph.supervisor import Supervisor

__all__ = ["GraphDescription", "GraphError", "ProcessDied", "ProcessSpec", "Supervisor", "load_graph"]
