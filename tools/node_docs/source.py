"""What the source of the nodes says of their interfaces; read, not imported: no ROS 2 is needed.

Parameters come from the calls of `parameter(...)` in the frozen config, topics from
`topics.NAME.publisher/subscription` and `ear.subscribe(topics.NAME, ...)`, services from `create_service`,
`DeferredService`, `create_client` and `ServiceQueue.call`, actions from `GoalSlot` and `GoalClient`.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NODES = ROOT / "src" / "openmtz" / "nodes"


@dataclass(frozen=True)
class TopicRow:
    """One topic of topics.py."""

    name: str
    type: str
    qos: str
    text: str
    simulation: bool


@dataclass(frozen=True)
class ParameterRow:
    """One field of a node's config."""

    name: str
    type: str
    default: Any
    text: str
    low: float | None
    high: float | None


@dataclass
class NodeFacts:
    """What a node's source says of its interfaces. Services and actions: (name, type)."""

    name: str
    publishes: list[str] = field(default_factory=list)
    subscribes: list[str] = field(default_factory=list)
    services: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    actions: list[tuple[str, str]] = field(default_factory=list)
    sends: list[tuple[str, str]] = field(default_factory=list)
    parameters: list[ParameterRow] = field(default_factory=list)


def syntax_tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _value(node: ast.expr) -> Any:
    """Return the value of a constant expression: `2**32 - 1`, `math.pi`, `FiringConfig.joint_age_s`."""
    from openmtz.robot import CAMERA_FRAME
    from openmtz.stack import FiringConfig

    known = {"__builtins__": {}, "math": math, "FiringConfig": FiringConfig, "CAMERA_FRAME": CAMERA_FRAME}
    return eval(compile(ast.Expression(node), "<source>", "eval"), known)


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return `Name as used -> package/kind/Name` of the interface types a module imports."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, kind = node.module.partition(".")
            if kind in ("msg", "srv", "action"):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{package}/{kind}/{alias.name}"
    return found


@cache
def read_topics() -> dict[str, TopicRow]:
    """Return the table of topics.py by the name of its constant."""
    tree = syntax_tree(NODES / "topics.py")
    types = _imports(tree)
    rows = {}
    for node in tree.body:
        call = node.value if isinstance(node, ast.Assign) else None
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Topic"):
            continue
        assert isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        name, kind, qos, text = call.args
        qos_name = qos.attr if isinstance(qos, ast.Attribute) else "sensor data"
        simulation = any(k.arg == "simulation" and _value(k.value) for k in call.keywords)
        rows[node.targets[0].id] = TopicRow(
            _value(name), types[ast.unparse(kind)], qos_name, _value(text), simulation
        )
    return rows


@cache
def read_actions() -> dict[str, str]:
    """Return action names and types, as the recorder takes them."""
    for node in syntax_tree(NODES / "topics.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ACTIONS":
            names: dict[str, str] = _value(node.value)
            return names
    raise LookupError("topics.py has no ACTIONS")


def read_qos() -> list[tuple[str, str, str]]:
    """Return (name, settings, intent) of every profile in qos.py."""
    body = syntax_tree(NODES / "qos.py").body
    rows = []
    for node, after in pairwise(body):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(after, ast.Expr):
            options = {str(k.arg): _value(k.value) for k in node.value.keywords}
            settings = [
                "reliable" if options.get("reliable", True) else "best effort",
                "transient local" if options.get("latched") else "volatile",
                f"keep last {_value(node.value.args[0])}",
            ]
            rows.append((ast.unparse(node.targets[0]), ", ".join(settings), _value(after.value)))
    return rows


def read_node(name: str) -> NodeFacts:
    """Return what the source of a node says, its parts (`NAME_*.py`) included."""
    facts = NodeFacts(name)
    parts = [NODES / f"{name}.py", *sorted(NODES.glob(f"{name}_*.py"))]
    if name == "simulation":
        parts += sorted(NODES.glob("simulated_cell/[!_]*.py"))
    for part in parts:
        _read_part(syntax_tree(part), facts)
    return facts


def _read_part(tree: ast.Module, facts: NodeFacts) -> None:
    types = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and ast.unparse(node.iter) == "topics.ALL":
            facts.subscribes += list(read_topics())
        elif isinstance(node, ast.Call):
            _read_call(node, types, facts)
        elif isinstance(node, ast.ClassDef) and node.name.endswith("Config"):
            facts.parameters += _read_parameters(node)


def _read_call(call: ast.Call, types: dict[str, str], facts: NodeFacts) -> None:
    text, arguments = ast.unparse(call.func), [ast.unparse(a) for a in call.args]
    parts = text.split(".")
    if parts[0] == "topics" and len(parts) == 3 and parts[1] in read_topics():
        (facts.publishes if parts[2] == "publisher" else facts.subscribes).append(parts[1])
    elif parts[-2:] == ["ear", "subscribe"]:
        facts.subscribes.append(arguments[0].removeprefix("topics."))
    elif text == "ProgressCounter":
        facts.publishes.append("PROGRESS")
    elif parts[-1] in ("create_service", "create_client", "call", "_call") and len(call.args) > 1:
        if arguments[0] in types and isinstance(call.args[1], ast.Constant):
            row = (str(_value(call.args[1])), types[arguments[0]])
            target = facts.services if parts[-1] == "create_service" else facts.calls
            if row not in target:
                target.append(row)
    elif text == "DeferredService":
        facts.services.append((str(_value(call.args[2])), types[arguments[1]]))
    elif text in ("GoalSlot", "GoalClient"):
        row = (str(_value(call.args[2])), types[arguments[1]])
        (facts.actions if text == "GoalSlot" else facts.sends).append(row)


def _read_parameters(config: ast.ClassDef) -> list[ParameterRow]:
    rows = []
    for node in config.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            given = [_value(a) for a in node.value.args]
            default, text, low, high = [*given, *[None] * (4 - len(given))]
            assert isinstance(node.target, ast.Name)
            rows.append(ParameterRow(node.target.id, ast.unparse(node.annotation), default, text, low, high))
    return rows


def node_names() -> tuple[str, ...]:
    """Return the names of all nodes."""
    from openmtz.graph.description import NODE_NAMES

    return NODE_NAMES
