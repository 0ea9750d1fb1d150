"""The one declarative description of the graph (config/graph.yaml), read and checked.

`./openmtz up` and the launch file read the same description, so that there is one truth.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from openmtz import files

NODE_NAMES = (
    "safety_monitor",
    "scan_head",
    "simulation",
    "recorder",
    "mtz_planner",
    "surface_capture",
    "arm",
    "treatment",
)


CRITICAL_PRIORITY = 10
"""Real-time priority (SCHED_FIFO) of critical processes. Engineering default: above the others of a graph,
below the kernel's own threads (50 and up)."""


class GraphError(ValueError):
    """A graph description that cannot be run; the message names file, place and fix."""


class ProcessSpec(BaseModel):
    """One operating-system process: nodes of ours, or a program of its own.

    `last`: the nodes load with the others, but begin their work when those are ready. `critical`: real-time
    priority 10 and no garbage collection. `priority`: that real-time priority for another process of nodes,
    below the critical ones; 0 is the ordinary, fair share of the processor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    nodes: tuple[str, ...] = ()
    program: str | None = None
    arguments: tuple[str, ...] = ()
    only: Literal["simulation", "hardware"] | None = None
    critical: bool = False
    priority: int = Field(default=0, ge=0, lt=CRITICAL_PRIORITY)
    last: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> ProcessSpec:
        if bool(self.nodes) == bool(self.program):
            raise ValueError(f"process {self.name!r} needs either `nodes` or a `program`")
        if self.last and not self.nodes:
            raise ValueError(f"process {self.name!r}: only nodes can be `last`, a program begins at once")
        if self.priority and (self.critical or not self.nodes):
            raise ValueError(
                f"process {self.name!r}: `priority` is for processes of nodes that are not `critical`"
            )
        unknown = [n for n in self.nodes if n not in NODE_NAMES]
        if unknown:
            raise ValueError(f"unknown node {unknown[0]!r}; there are: {', '.join(NODE_NAMES)}")
        return self

    @property
    def own(self) -> bool:
        """Whether it starts nothing but what belongs to this installation."""
        return self.program is None or re.fullmatch(r"openmtz(\.[a-z_][a-z0-9_]*)+", self.program) is not None

    @property
    def simulated(self) -> bool:
        """Whether it is a part of the simulation."""
        return "simulation" in self.nodes or (self.program or "").startswith("openmtz.simulation")


class GraphDescription(BaseModel):
    """Processes in the order of starting, and parameters by node."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    processes: tuple[ProcessSpec, ...]
    parameters: dict[str, dict[str, Any]] = {}

    @model_validator(mode="after")
    def _consistent(self) -> GraphDescription:
        names = [p.name for p in self.processes]
        nodes = [n for p in self.processes for n in p.nodes]
        for kind, values in (("process", names), ("node", nodes)):
            twice = {v for v in values if values.count(v) > 1}
            if twice:
                raise ValueError(f"{kind} {sorted(twice)[0]!r} appears twice")
        unknown = [n for n in self.parameters if n not in NODE_NAMES]
        if unknown:
            raise ValueError(
                f"parameters for unknown node {unknown[0]!r}; there are: {', '.join(NODE_NAMES)}"
            )
        return self

    def for_mode(self, simulation: bool) -> list[ProcessSpec]:
        """Return the processes that run in simulation or on hardware."""
        skip = "hardware" if simulation else "simulation"
        return [p for p in self.processes if p.only != skip]

    def with_alone(self, name: str) -> GraphDescription:
        """Return the same nodes with one of them in a process of its own, and as few processes as may be.

        Critical processes, programs and what belongs to the simulation or to hardware stay as they are; every
        other node shares the last process, named `others`.

        Args:
            name: a node, or a process.
        """
        kept = [p for p in self.processes if p.critical or p.program or p.only or p.name == name]
        nodes = [node for p in self.processes if p not in kept for node in p.nodes]
        if name in nodes:
            nodes.remove(name)
            kept.append(ProcessSpec(name=name, nodes=(name,)))
        if nodes:
            kept.append(ProcessSpec(name="others", nodes=tuple(nodes)))
        return self.model_copy(update={"processes": tuple(kept)})

    def node_parameters(
        self,
        nodes: tuple[str, ...],
        substitutions: Mapping[str, str],
        overrides: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, dict[str, Any]]:
        """Return parameters by node, with `{...}` filled in and overrides applied."""
        out = {}
        for node in nodes:
            values = {k: fill(v, substitutions) for k, v in self.parameters.get(node, {}).items()}
            values.update(overrides.get(node, {}))
            out[node] = values
        return out


def fill(value: Any, substitutions: Mapping[str, str]) -> Any:
    """Fill `{name}` in a string; a value that is nothing but digits becomes a number.

    Raises:
        GraphError: a name nobody gave a value for, or braces that do not match.
    """
    if not isinstance(value, str):
        return value
    try:
        text = value.format_map(substitutions)
    except KeyError as missing:
        known = ", ".join(sorted(substitutions))
        raise GraphError(f"the graph asks for {{{missing.args[0]}}}, known are: {known}") from None
    except (ValueError, IndexError, AttributeError) as error:
        raise GraphError(f"the graph's value {value!r} cannot be filled in: {error}") from None
    return int(text) if value != text and text.isdigit() else text


def share_folder() -> Path:
    """Return the folder that holds config/, launch/ and urdf/: the checkout, or share/openmtz.

    Raises:
        GraphError: neither is there.
    """
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "config" / "graph.yaml").is_file():
        return checkout
    candidates = [Path(sys.prefix) / "share" / "openmtz"]
    with contextlib.suppress(metadata.PackageNotFoundError):
        candidates += [Path(str(metadata.distribution("openmtz").locate_file("../../../share/openmtz")))]
    for folder in candidates:
        if (folder / "config" / "graph.yaml").is_file():
            return folder.resolve()
    raise GraphError(
        f"config/graph.yaml is neither in {checkout} nor in {candidates[0]}: install OpenMTZ again"
    )


def load_graph(path: Path | None = None, *, allow_foreign_programs: bool = False) -> GraphDescription:
    """Read the description; the built-in one when no path is given.

    Args:
        allow_foreign_programs: it may start programs that are not of this installation, with the rights of
            who starts it.

    Raises:
        GraphError: missing file, broken YAML, unknown node, wrong version, a foreign program, a part of the
            simulation that would also run on hardware; names the place.
    """
    path = path or share_folder() / "config" / "graph.yaml"
    try:
        raw = files.read_yaml(path)
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror})") from error
    except files.UnsafeFileError as error:
        raise GraphError(f"no description of a graph: {error}") from error
    try:
        graph = GraphDescription.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"]) or "top level"
        raise GraphError(f"{path}: {place}: {first['msg']}") from error
    for spec in graph.processes:
        if spec.simulated and spec.only != "simulation":
            raise GraphError(
                f"{path}: process {spec.name!r} is a part of the simulation, whose services move interlock"
                " lines: it must not run on hardware; write `only: simulation`"
            )
        if spec.program and not spec.own and not allow_foreign_programs:
            raise GraphError(
                f"{path}: process {spec.name!r} would start {spec.program!r}, which is no program of OpenMTZ;"
                " read the file, and if you want that, allow it: --allow-foreign-programs (with `ros2"
                " launch`: allow_foreign_programs:=true)"
            )
    return graph
