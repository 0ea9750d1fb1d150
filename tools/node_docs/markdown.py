"""Tables, types and numbers as the pages of the nodes show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def interface(name: str) -> str:
    """Return an interface type `package/kind/Name`, as a link if it is one of ours."""
    package, kind, short = name.split("/")
    if package in ("openmtz_interfaces", "simulation_interfaces"):
        return f"[{short}](../../ros2_ws/src/{package}/{kind}/{short}.{kind})"
    return f"`{name}`"


def number(value: Any) -> str:
    """Return a default or a limit as ROS 2 writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(number(v) for v in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return f'"{value}"' if isinstance(value, str) else str(value)
