"""The command line of one process of the graph: the same for the supervisor and for `ros2 launch`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openmtz.graph.description import GraphDescription, ProcessSpec, fill


def process_command(
    graph: GraphDescription,
    spec: ProcessSpec,
    *,
    simulation: bool,
    runtime_dir: Path,
    substitutions: Mapping[str, str],
    overrides: Mapping[str, Mapping[str, Any]],
    require_run_line: bool = False,
) -> list[str]:
    """Return the command; parameters of nodes are left in a file under `runtime_dir`.

    Args:
        require_run_line: told to the safety monitor: whoever starts it gives it a run line.

    Raises:
        GraphError: a substitution is missing.
    """
    if spec.program:
        return [sys.executable, "-m", spec.program, *(str(fill(a, substitutions)) for a in spec.arguments)]
    parameters = graph.node_parameters(spec.nodes, substitutions, overrides)
    if require_run_line and "safety_monitor" in parameters:
        parameters["safety_monitor"].setdefault("require_run_line", True)
    path = runtime_dir / f"{spec.name}.params.json"
    path.write_text(json.dumps(parameters))
    command = [sys.executable, "-m", "openmtz.nodes", "--parameters", str(path)]
    command += ["--use-sim-time"] if simulation else []
    command += ["--critical"] if spec.critical else []
    command += ["--priority", str(spec.priority)] if spec.priority else []
    return [*command, *spec.nodes]
