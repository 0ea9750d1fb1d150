"""The whole package: its modules, its rooms, and which module imports which, seen through the faces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tools.import_contracts.faces import read_face
from tools.import_contracts.imports import Source, Statement, read_source


class Import(NamedTuple):
    """That module `importer` imports from the house.

    `named` is the module that the statement names, `imported` the one that has what is asked for: the same,
    unless `named` is a face. `line` is where it stands, `late` whether inside a function.
    """

    importer: str
    named: str
    imported: str
    line: int
    late: bool

    def __str__(self) -> str:
        through = "" if self.named == self.imported else f" (through {self.named})"
        return f"{self.importer}:{self.line} -> {self.imported}{through}"


class House:
    """The modules under a folder, read from their source without importing them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.files = {_module(path, folder, name): path for path in _python_files(folder)}
        packages = {m: p.parent for m, p in self.files.items() if p.stem == "__init__"}
        faces = {m: read_face(where, m) for m, where in packages.items()}
        self.packages = frozenset(packages)
        self.faces = {m: face for m, face in faces.items() if face is not None}

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import of a module of the house by another."""
        return tuple(dict.fromkeys(self._imports()))

    @cached_property
    def graph(self) -> dict[str, frozenset[str]]:
        """For each module those it imports, where faces are seen through."""
        graph: dict[str, set[str]] = {module: set() for module in self.files}
        for each in self.imports:
            graph[each.importer].add(each.imported)
        return {module: frozenset(found) for module, found in graph.items()}

    def room(self, module: str) -> str:
        """Return the innermost package with a face that `module` is or lies in; "" outside all rooms."""
        while module and module not in self.faces:
            module = module.rpartition(".")[0]
        return module

    def find(self, module: str, name: str) -> str:
        """Return the module of the house that `from module import name` reads from.

        A name on a face leads to the module that defines it, through as many faces as it takes. A name that
        is neither on a face nor a module belongs to `module` itself.
        """
        named = self.faces.get(module, {}).get(name)
        if named is not None and named != (module, name):
            return self.find(*named)
        inner = f"{module}.{name}"
        return inner if inner in self.files else module

    def _imports(self) -> Iterator[Import]:
        for module, path in self.files.items():
            source = read_source(path, module)
            for statement in source.statements:
                if statement.module.partition(".")[0] != self.name:
                    continue
                named = self._named(statement)
                for imported in sorted(self._reached(statement, source)):
                    if imported != module:
                        yield Import(module, named, imported, statement.line, statement.late)

    def _named(self, statement: Statement) -> str:
        """The module that the statement itself names: a face stays a face."""
        if statement.name is None or statement.name in self.faces.get(statement.module, {}):
            return statement.module
        inner = f"{statement.module}.{statement.name}"
        return inner if inner in self.files else statement.module

    def _reached(self, statement: Statement, source: Source) -> set[str]:
        if statement.name is not None and statement.name != "*":
            found = self.find(statement.module, statement.name)
        else:
            found = statement.module
        if found not in self.faces or (statement.name is not None and statement.module == found):
            return {found}
        # The room itself was imported: what is asked of it counts, all of it where that cannot be told.
        names = source.attributes.get(statement.alias, frozenset())
        whole = statement.alias in source.bare or not names
        return {found} | {self.find(found, name) for name in (self.faces[found] if whole else names)}


def _python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def _module(path: Path, folder: Path, name: str) -> str:
    inner = path.relative_to(folder).with_suffix("").parts
    return ".".join([name, *(inner[:-1] if inner[-1] == "__init__" else inner)])


@cache
def house_of(package: str) -> House:
    """Return the house of an importable package; read once per process.

    Raises ValueError where the package is not found as source.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"package {package} is not found: is it installed, or src on PYTHONPATH?")
    return House(Path(next(iter(spec.submodule_search_locations))), package)
