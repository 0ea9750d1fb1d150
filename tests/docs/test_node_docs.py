"""The pages of the nodes show what the source says."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from needs import needs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """Return tools/generate_node_docs.py as a module."""
    spec = importlib.util.spec_from_file_location(
        "generate_node_docs", ROOT / "tools" / "generate_node_docs.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_node_has_a_page(generator: ModuleType) -> None:
    missing = [n for n in generator.node_names() if not (ROOT / "docs" / "nodes" / f"{n}.md").is_file()]
    assert not missing


def test_pages_are_current(generator: ModuleType) -> None:
    stale = [str(p.relative_to(ROOT)) for p in generator.stale_pages()]
    assert not stale, f"run python tools/generate_node_docs.py: {', '.join(stale)}"


def test_a_change_of_the_source_makes_a_page_stale(generator: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "arm.md"
    page.write_text((ROOT / "docs" / "nodes" / "arm.md").read_text().replace("0.0005", "0.0006"))
    assert generator.render(page, generator.node_part("arm")) != page.read_text()


def test_every_topic_is_published_by_a_node(generator: ModuleType) -> None:
    published = {key for n in generator.node_names() for key in generator.read_node(n).publishes}
    assert published == set(generator.read_topics())


def test_every_action_of_the_recorder_has_a_server(generator: ModuleType) -> None:
    served = {
        name: kind.rsplit("/", 1)[1]
        for n in generator.node_names()
        for name, kind in generator.read_node(n).actions
    }
    assert served == generator.read_actions()


def test_every_service_called_is_served(generator: ModuleType) -> None:
    facts = [generator.read_node(n) for n in generator.node_names()]
    served = {pair for f in facts for pair in f.services}
    assert {pair for f in facts for pair in f.calls} <= served


@pytest.mark.parametrize("node", ["recorder", "safety_monitor", "scan_head"])
def test_parameters_read_are_those_of_the_config(generator: ModuleType, node: str) -> None:
    """The page is made from the source text: it must say what Python makes of it."""
    needs("rclpy")
    module = importlib.import_module(f"openmtz.nodes.{node}")
    (config,) = [
        c for name, c in vars(module).items()
        if name.endswith("Config") and getattr(c, "__module__", "").startswith(module.__name__)
    ]  # fmt: skip
    real = [
        (f.name, f.default, f.metadata["text"], f.metadata["low"], f.metadata["high"]) for f in fields(config)
    ]
    read = [(p.name, p.default, p.text, p.low, p.high) for p in generator.read_node(node).parameters]
    assert read == real


def test_every_parameter_has_a_text(generator: ModuleType) -> None:
    for node in generator.node_names():
        for parameter in generator.read_node(node).parameters:
            assert parameter.text, f"{node}.{parameter.name}"


def test_parameters_in_the_graph_exist(generator: ModuleType) -> None:
    from openmtz.graph import load_graph

    for node, values in load_graph(ROOT / "config" / "graph.yaml").parameters.items():
        known = {p.name for p in generator.read_node(node).parameters}
        assert set(values) <= known, node
