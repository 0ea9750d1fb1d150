"""The import statements of one file, also those inside functions and under TYPE_CHECKING."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Statement(NamedTuple):
    """One name that a file imports.

    `module` is absolute. `name` is what `from module import name` asks for, None for `import module`.
    `alias` is the local name for just that, empty after `import a.b`; `late` says: inside a function.
    """

    module: str
    name: str | None
    alias: str
    line: int
    late: bool


class Source(NamedTuple):
    """What one file imports, and which attributes it asks of which local names.

    `attributes` maps a local name to the attributes read from it; `bare` holds the names that are also
    used in another way, and so may be asked for anything.
    """

    statements: tuple[Statement, ...]
    attributes: dict[str, frozenset[str]]
    bare: frozenset[str]


def read_source(path: Path, module: str) -> Source:
    """Return the imports of the file at `path`, which is imported as `module`."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    statements = tuple(_statements(tree, package, late=False))
    return Source(statements, *_uses(tree))


def absolute(package: str, node: ast.ImportFrom) -> str:
    """Return the absolute name of the module that `from ... import` in `package` names."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _statements(node: ast.AST, package: str, late: bool) -> Iterator[Statement]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                bound = alias.asname or ("" if "." in alias.name else alias.name)
                yield Statement(alias.name, None, bound, child.lineno, late)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                where = absolute(package, child)
                yield Statement(where, alias.name, alias.asname or alias.name, child.lineno, late)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _statements(child, package, late or inside)


def _uses(tree: ast.AST) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    attributes: dict[str, set[str]] = {}
    owners: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.setdefault(node.value.id, set()).add(node.attr)
            owners.add(id(node.value))
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    bare = frozenset(node.id for node in names if id(node) not in owners)
    return {name: frozenset(found) for name, found in attributes.items()}, bare
