"""A stated fact is honoured or refused, never ignored: somebody reads each field of `PatientFacts`."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from openmtz.hooks import PatientFacts

HOLDERS = {"facts", "stated"}
"""Names under which the facts are passed; a header's are a mapping of the same name."""


def facts_read(source: str) -> set[str]:
    """Return the facts that a module reads: `facts.x`, `request.facts.x`, `facts["x"]`, `facts.get("x")`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _holds(node.value):
            found.add(node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _holds(node.value):
            found |= _texts([node.slice])
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and _holds(node.func.value)
        ):
            found |= _texts(node.args[:1])
    return found


def _holds(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name in HOLDERS


def _texts(nodes: Iterable[ast.expr]) -> set[str]:
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@pytest.fixture(scope="module")
def read(root: Path) -> set[str]:
    sources = [*(root / "src").rglob("*.py"), *(root / "plugins").glob("*/src/**/*.py")]
    assert len(sources) > 200, "the sources are elsewhere"
    return set().union(*(facts_read(path.read_text(encoding="utf-8")) for path in sources))


@pytest.mark.parametrize("fact", PatientFacts.model_fields)
def test_somebody_reads_every_fact(read: set[str], fact: str) -> None:
    assert fact in read, f"{fact} is accepted and read by nobody: honour it, or refuse it"


def test_what_counts_as_reading() -> None:
    assert facts_read("a = facts.site\nb = request.facts.agent\nc = facts.get('x')\nd = stated['y']") == {
        "site", "agent", "get", "x", "y",
    }  # fmt: skip
    assert facts_read("facts.site = 1\nother.agent\nfacts['x'] = 2\n'facts.y'\nPatientFacts(z=3)") == set()
