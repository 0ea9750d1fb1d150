"""The architecture page shows every room, and the folders and files it sends a reader to are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PLACE = re.compile(r"`([\w/]+/(?:[\w]+\.py)?)`")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "architecture.md").read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """Return what stands under `## title`."""
    return page.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_room_has_a_line_and_a_place_in_the_picture(page: str, root: Path) -> None:
    source = root / "src" / "openmtz"
    rooms = {path.parent.name for path in source.glob("*/__init__.py")}
    text = section(page, "The rooms")
    listed = set(re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE))
    assert listed == rooms
    picture = text.split("```")[1]
    assert not [room for room in rooms if not re.search(rf"\b{room}\b", picture)]
    for room in ("planning", "simulation"):
        inside = {path.parent.name for path in source.glob(f"{room}/*/__init__.py")}
        shown = re.search(rf'{room}\["{room}: ([^"]+)"\]', picture)
        assert shown and set(shown[1].split(", ")) == inside


@pytest.mark.parametrize("title", ["The rooms", "From density to photon", "Where logic lives"])
def test_every_place_named_is_there(page: str, root: Path, title: str) -> None:
    text = section(page, title)
    places = {place.removeprefix("src/openmtz/") for place in PLACE.findall(text)}
    assert len(places) > 5
    lost = [p for p in places if not (root / "src/openmtz" / p).exists() and not (root / p).exists()]
    assert not lost
