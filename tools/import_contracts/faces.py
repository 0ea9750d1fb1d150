"""What the face of a room names, and in which module each name is defined."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.import_contracts.imports import absolute

FACE = "__init__.pyi"


def read_face(folder: Path, package: str) -> dict[str, tuple[str, str]] | None:
    """Return for each name on the face of `package` the module it comes from and its name there.

    None when the package has no face. Only `from ... import` lines count: a face holds nothing else.
    """
    path = folder / FACE
    if not path.is_file():
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return {
        alias.asname or alias.name: (absolute(package, node), alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
