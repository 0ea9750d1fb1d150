"""What breaks a rule, as lines to print; nothing here knows import-linter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tools.import_contracts.house import House, Import


def inside(module: str, package: str) -> bool:
    """Say whether `module` is `package` or lies in it."""
    return module == package or module.startswith(package + ".")


def past_faces(house: House) -> list[Import]:
    """Return the imports that name a module of another room and not that room's face.

    The modules of the rooms around one's own are one's own house. A module that stands on its room's face,
    as a namespace, is imported through it.
    """
    return [
        each
        for each in house.imports
        if (room := house.room(each.named)) and each.named != room and not inside(each.importer, room)
    ]


def underscores(house: House) -> list[Import]:
    """Return the imports of a module with a leading underscore from outside its room, by face or past it."""
    return [
        each
        for each in house.imports
        if any(part.startswith("_") for part in each.imported.split("."))
        and not inside(each.importer, house.room(each.imported) or each.imported.rpartition(".")[0])
    ]


def steps(house: House, container: str) -> dict[tuple[str, str], list[Import]]:
    """Return the imports between the rooms right inside `container`, by the short names of both."""
    found: dict[tuple[str, str], list[Import]] = {}
    for each in house.imports:
        pair = _child(house, container, each.importer), _child(house, container, each.imported)
        if all(pair) and pair[0] != pair[1]:
            found.setdefault(pair, []).append(each)
    return found


def _child(house: House, container: str, module: str) -> str:
    """The package right inside `container` that `module` lies in; "" for the container's own modules."""
    if not module.startswith(container + "."):
        return ""
    child = module[len(container) + 1 :].partition(".")[0]
    return child if f"{container}.{child}" in house.packages else ""


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return one shortest circle, its first node again at its end; empty where there is none."""
    best: list[str] = []
    for component in _components(graph):
        for start in sorted(component):
            found = _way_back(graph, start, component)
            if found and (not best or len(found) < len(best)):
                best = found
    return best


def _components(graph: Mapping[str, Collection[str]]) -> list[set[str]]:
    """The sets of nodes in which every node reaches every other, of two and more (Kosaraju)."""
    order: list[str] = []
    seen: set[str] = set()
    for root in graph:
        _finish(graph, root, seen, order)
    back: dict[str, list[str]] = {node: [] for node in graph}
    for node, others in graph.items():
        for other in others:
            back.setdefault(other, []).append(node)
    seen = set()
    components = []
    for root in reversed(order):
        found: list[str] = []
        _finish(back, root, seen, found)
        if len(found) > 1:
            components.append(set(found))
    return components


def _finish(graph: Mapping[str, Iterable[str]], root: str, seen: set[str], order: list[str]) -> None:
    """Append what `root` reaches and was not seen before to `order`, each after what it reaches itself."""
    if root in seen:
        return
    seen.add(root)
    stack = [(root, iter(graph.get(root, ())))]
    while stack:
        node, others = stack[-1]
        other = next((o for o in others if o not in seen), None)
        if other is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(other)
            stack.append((other, iter(graph.get(other, ()))))


def _way_back(graph: Mapping[str, Collection[str]], start: str, within: set[str]) -> list[str]:
    came: dict[str, str] = {}
    front = [start]
    while front:
        reached = []
        for node in front:
            for other in sorted(set(graph[node]) & within):
                if other == start:
                    path = [start, node]
                    while path[-1] != start:
                        path.append(came[path[-1]])
                    return path[::-1]
                if other not in came:
                    came[other] = node
                    reached.append(other)
        front = reached
    return []


def circles(house: House, containers: Iterable[str], allowed: Collection[str] = ()) -> list[str]:
    """Return circles between modules, and between sibling rooms of each container, as lines.

    The shortest first; each module and room is in one line at most. `allowed` steps `a -> b` are left out.
    """
    graphs = [{module: set(others) for module, others in house.graph.items()}]
    for container in containers:
        rooms: dict[str, set[str]] = {}
        for importer, imported in steps(house, container):
            rooms.setdefault(f"{container}.{imported}", set())
            rooms.setdefault(f"{container}.{importer}", set()).add(f"{container}.{imported}")
        graphs.append(rooms)
    lines = []
    for graph in graphs:
        for step in allowed:
            importer, _, imported = step.partition(" -> ")
            graph.get(importer, set()).discard(imported)
        lines += _drained(graph)
    return lines


def _drained(graph: dict[str, set[str]]) -> list[str]:
    lines = []
    while found := circle(graph):
        lines.append(" -> ".join(found))
        for node in found:
            graph[node] = set()
    return lines


def reached_outside(house: House, room: str, ground: Collection[str]) -> list[str]:
    """Return the shortest way from `room` to each other room that is not in `ground`, as lines."""
    came: dict[str, str] = {}
    front = [module for module in house.files if inside(module, room)]
    seen = set(front)
    lines, met = [], set()
    while front:
        reached = []
        for module in front:
            for other in sorted(house.graph[module] - seen):
                seen.add(other)
                came[other] = module
                if any(inside(other, each) for each in (room, *ground)):
                    reached.append(other)
                elif (owner := house.room(other) or other) not in met and other not in house.faces:
                    met.add(owner)
                    lines.append(_way(came, other))
        front = reached
    return lines


def _way(came: Mapping[str, str], end: str) -> str:
    way = [end]
    while way[-1] in came:
        way.append(came[way[-1]])
    return " -> ".join(reversed(way))
