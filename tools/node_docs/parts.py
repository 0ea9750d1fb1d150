"""The generated parts: of a node's page, and of the index."""

from __future__ import annotations

from typing import Any

from node_docs.extras import EXTRAS
from node_docs.markdown import interface, number, table
from node_docs.source import ROOT, NodeFacts, node_names, read_actions, read_node, read_qos, read_topics


def _topic_tables(facts: NodeFacts) -> list[str]:
    topics = read_topics()
    parts = []
    for title, names in (("Publishes", facts.publishes), ("Subscribes", facts.subscribes)):
        rows = [topics[n] for n in dict.fromkeys(names)]
        if rows:
            body = [
                (
                    f"`{t.name}`",
                    interface(t.type),
                    t.qos,
                    t.text + (" (simulation only)" if t.simulation else ""),
                )
                for t in rows
            ]
            parts += [f"### {title}", table(("Topic", "Type", "QoS", "What"), body)]
    return parts


def _named(title: str, kind: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    return [f"### {title}", table((kind, "Type"), [(f"`{n}`", interface(t)) for n, t in rows])]


def _parameter_table(facts: NodeFacts, given: dict[str, Any]) -> list[str]:
    if not facts.parameters:
        return []
    rows = []
    for p in facts.parameters:
        text, _, unit = p.text.partition(" [")
        unit, _, rest = unit.partition("]")
        span = f"{number(p.low)} to {number(p.high)}" if p.low is not None else ""
        names = {"float": "double", "str": "string"}
        kind = "double[]" if p.type.startswith("tuple") else names.get(p.type, p.type)
        set_to = f"`{given[p.name]}`" if p.name in given else ""
        rows.append((f"`{p.name}`", kind, number(p.default), span, unit, text + rest, set_to))
    head = ("Parameter", "Type", "Default", "Range", "Unit", "What", "In config/graph.yaml")
    return ["### Parameters", table(head, rows)]


def node_part(name: str) -> str:
    """Return the generated part of a node's page."""
    from openmtz.graph import load_graph

    graph = load_graph(ROOT / "config" / "graph.yaml")
    facts = read_node(name)
    process = next(p for p in graph.processes if name in p.nodes)
    alone = "alone" if len(process.nodes) == 1 else "with " + ", ".join(n for n in process.nodes if n != name)
    where = f"Process `{process.name}` ({alone})"
    where += ", time-critical" if process.critical else ""
    where += f", in {process.only} only" if process.only else ""
    parts = [f"{where}. Source: [src/openmtz/nodes/{name}.py](../../src/openmtz/nodes/{name}.py)."]
    parts += _topic_tables(facts)
    if name == "recorder":
        parts.append("Also the topic `<action>/_action/status` of each action: "
                     + ", ".join(f"`{a}`" for a in read_actions()) + ".")  # fmt: skip
    parts += _named("Serves", "Service", facts.services)
    parts += _named("Actions", "Action", facts.actions)
    parts += _named("Calls services of others", "Service", facts.calls)
    parts += _named("Sends goals to others", "Action", facts.sends)
    parts += _parameter_table(facts, graph.parameters.get(name, {}))
    if name in EXTRAS:
        parts += EXTRAS[name]()
    return "\n\n".join(parts)


def index_part() -> str:
    """Return the generated part of the index: processes, QoS, who publishes and who subscribes."""
    from openmtz.graph import load_graph

    graph = load_graph(ROOT / "config" / "graph.yaml")
    processes = [
        (
            f"`{p.name}`", ", ".join(f"[{n}]({n}.md)" for n in p.nodes) or f"program `{p.program}`",
            p.only or "both", "yes" if p.critical else "",
        )
        for p in graph.processes
    ]  # fmt: skip
    all_facts = [read_node(n) for n in node_names()]
    rows = []
    for key, topic in read_topics().items():
        gives = [f.name for f in all_facts if key in f.publishes]
        takes = [f.name for f in all_facts if key in f.subscribes and f.name != "recorder"]
        rows.append(
            (
                f"`{topic.name}`",
                interface(topic.type),
                topic.qos,
                ", ".join(gives),
                ", ".join(takes),
                topic.text,
            )
        )
    servers = [
        (f"`{name}`", kind, interface(type_name), f.name)
        for f in all_facts
        for kind, pairs in (("action", f.actions), ("service", f.services))
        for name, type_name in pairs
    ]
    return "\n\n".join(
        (
            "## Processes",
            table(("Process", "Nodes", "Mode", "Time-critical"), processes),
            "## Topics",
            "Every topic is also written by the [recorder](recorder.md).",
            table(("Topic", "Type", "QoS", "From", "To", "What"), rows),
            "## Actions and services",
            table(("Name", "Kind", "Type", "Server"), sorted(servers, key=lambda r: (r[1], r[0]))),
            "## QoS profiles",
            table(("Name", "Settings", "Intent"), read_qos())
            + "\n\n`sensor data` is rclpy's `qos_profile_sensor_data`.",
        )
    )
