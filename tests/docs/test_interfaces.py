"""Every field of every interface says what it is and in which unit."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "ros2_ws" / "src" / "openmtz_interfaces"
FILES = sorted(p for kind in ("msg", "srv", "action") for p in (FOLDER / kind).iterdir())
NUMBERS = ("float", "int", "uint")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_field_is_explained(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#") or text == "---":
            continue
        declaration, _, comment = text.partition("#")
        if "=" in declaration:
            continue
        assert comment.strip(), f"{path.name}:{number}: {declaration.strip()} has no comment"
        kind = declaration.split()[0]
        of_constants = "constant" in comment or "CRC" in comment or "who may act" in comment
        if kind.startswith(NUMBERS) and not of_constants and "byte" not in comment and "OFF" not in comment:
            assert "[" in comment or "records" in declaration or "token" in declaration, (
                f"{path.name}:{number}: the number {declaration.strip()} has no unit in brackets"
            )
