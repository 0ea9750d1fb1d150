"""The rules as contract types of import-linter."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application.use_cases import read_user_options

from tools.import_contracts import rules
from tools.import_contracts.house import House, house_of

EXCEPTION = re.compile(r"^\s*([\w.]+)\s*->\s*([\w.]+)\s*:\s*(\S.+)$", re.DOTALL)


class Allowed(NamedTuple):
    """A step that is allowed, and why."""

    importer: str
    imported: str
    why: str

    @property
    def step(self) -> str:
        """Return the step as `a -> b`."""
        return f"{self.importer} -> {self.imported}"


class AllowedField(fields.Field):  # type: ignore[type-arg]
    """`a -> b: why`; without a reason it is refused."""

    def parse(self, raw_data: str | list[str]) -> Allowed:
        """Return what one line allows; raises ValidationError where it gives no reason."""
        match = EXCEPTION.match(str(raw_data))
        if match is None:
            raise fields.ValidationError(f'"{raw_data}" is not "importer -> imported: why"')
        return Allowed(*match.groups())


class HouseContract(Contract):
    """A rule that needs the whole house; `problems` says what breaks it, a line each."""

    advice = ""

    @abstractmethod
    def problems(self, house: House) -> Iterable[str]:
        """Return one line for each place that breaks the rule."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every root package."""
        houses = [house_of(package) for package in self.session_options["root_packages"]]
        found = [line for house in houses for line in self.problems(house)]
        return ContractCheck(kept=not found, metadata={"lines": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the lines, and what to do."""
        for line in check.metadata["lines"]:
            output.print_error(f"-   {line}", bold=False)
        output.new_line()
        output.print(self.advice)
        output.new_line()


class FacesContract(HouseContract):
    """Another room is imported through its face only."""

    type_name = "faces"
    advice = "Import the name from the room (its __init__.pyi says what it offers), or put it on that face."

    def problems(self, house: House) -> Iterable[str]:
        """Return the imports past a face."""
        return [str(each) for each in rules.past_faces(house)]


class UnderscoresContract(HouseContract):
    """A module with a leading underscore is its room's own, also for what the room's face names."""

    type_name = "underscores"
    advice = "What other rooms use is not private: rename the module, or keep them away from it."

    def problems(self, house: House) -> Iterable[str]:
        """Return the imports of such modules from other rooms."""
        return [str(each) for each in rules.underscores(house)]


class CirclesContract(HouseContract):
    """No circle between modules, none between sibling rooms, except by a step with a reason.

    Options: `containers`, the packages whose rooms are looked at; `allowed`, lines `a -> b: why` with full
    names of modules or rooms.
    """

    type_name = "circles"
    containers = fields.SetField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=AllowedField(), required=False, default=[])
    advice = "Move what both need into a third module (or room) below them."

    def problems(self, house: House) -> Iterable[str]:
        """Return the circles, and the steps that are allowed without need."""
        containers = sorted(self.containers)  # type: ignore[call-overload]
        allowed: list[Allowed] = self.allowed  # type: ignore[assignment]
        yield from rules.circles(house, containers, {each.step for each in allowed})
        for each in allowed:
            others = {other.step for other in allowed if other is not each}
            if not any(each.step in line for line in rules.circles(house, containers, others)):
                yield f"{each.step} closes no circle: strike out the line that allows it"


class SiblingsContract(HouseContract):
    """Rooms side by side do not know each other, except by a line with a reason.

    Options: `container`; `ground`, rooms that all may import; `above`, rooms that may import all others;
    `allowed`, lines `a -> b: why` with names inside the container.
    """

    type_name = "siblings"
    container = fields.StringField()
    ground = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())
    above = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())
    allowed = fields.ListField(subfield=AllowedField(), required=False, default=[])
    advice = "Let the room above both bring them together, or allow the step by a line that says why."

    def problems(self, house: House) -> Iterable[str]:
        """Return the steps nobody allowed, and those allowed without need."""
        steps = rules.steps(house, str(self.container))
        needed = {pair for pair in steps if pair[1] not in self.ground and pair[0] not in self.above}  # type: ignore[operator]
        allowed = {(each.importer, each.imported) for each in self.allowed}  # type: ignore[attr-defined]
        for pair in sorted(needed - allowed):
            yield f"{pair[0]} -> {pair[1]}: " + "; ".join(str(each) for each in steps[pair])
        for pair in sorted(allowed - needed):
            yield f"{pair[0]} -> {pair[1]} is not needed: strike out the line that allows it"


class StandsOnContract(HouseContract):
    """Whatever a room reaches, directly or not, lies in it or in the rooms it stands on.

    Options: `room` and `on`, full names.
    """

    type_name = "stands_on"
    room = fields.StringField()
    on = fields.SetField(subfield=fields.StringField())
    advice = "Hand in what the room needs as a value, or move it into a room below."

    def problems(self, house: House) -> Iterable[str]:
        """Return the ways that lead elsewhere."""
        return rules.reached_outside(house, str(self.room), set(self.on))  # type: ignore[call-overload]


class RoomsExistContract(HouseContract):
    """Each package that a contract names is there; "(optional)" does not excuse it."""

    type_name = "rooms_exist"
    advice = "Strike it out of pyproject.toml, or write it as it is called now."

    def problems(self, house: House) -> Iterable[str]:
        """Return the names that no package or module has."""
        for contract in read_user_options().contracts_options:
            for name in sorted(set(_names(contract, house.name)) - house.files.keys()):
                yield f'{name}, in "{contract["name"]}"'


def _names(contract: dict[str, Any], root: str) -> Iterator[str]:
    """Every name of a module of the house in the options of a contract, those in containers completed."""
    containers = _texts(contract.get("containers", [])) + _texts(contract.get("container", []))
    for option, value in contract.items():
        for text in _texts(value):
            step = text.partition(":")[0] if option == "allowed" else text
            words = re.findall(r"[A-Za-z_][\w.]*", step.replace(".**", "").replace(".*", ""))
            if option in ("layers", "ground", "above") or (option == "allowed" and "container" in contract):
                relative = [word for word in words if not rules.inside(word, root)]
                yield from (f"{container}.{word}" for word in relative for container in containers)
            if option not in ("name", "type", "id"):
                yield from (word for word in words if rules.inside(word, root))


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, set, tuple)) else [str(value)]
