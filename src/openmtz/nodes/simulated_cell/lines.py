"""The interlock lines of the simulated cell, and what may be wrong with them. Part of node `simulation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openmtz.simulation.scan_head_device import LINES, WireServer

CLOSED_AT_START = ("emergency_stop_closed", "key_on", "door_closed", "smoke_evacuator_on")
"""From the first moment: a head that hears of an open stop line latches a fault."""


class LineFaultError(ValueError):
    """A line that there is not, or a value that is none."""


class CellLines:
    """What was asked of each line, what the wires carry, what the topic says.

    `stuck`: the wire stays at a value whatever is asked. `misread`: the topic says a value whatever the
    wire carries. `held`: lines that are kept open, and why.
    """

    def __init__(
        self,
        wires: WireServer | None,
        on_stop: Callable[[bool], None],
        held: Mapping[str, str] | None = None,
    ) -> None:
        self._wires, self._on_stop, self._held = wires, on_stop, dict(held or {})
        self._asked: dict[str, bool] = {}
        self._stuck: dict[str, bool] = {}
        self._misread: dict[str, bool] = {}
        self.to_start()

    def to_start(self) -> None:
        """Bring every line to where it is at the start."""
        for name in LINES:
            # Without a head there is nobody to protect and nothing to wire: every line reads closed.
            self._ask(name, self._wires is None or name in CLOSED_AT_START)

    def ask(self, name: str, value: bool) -> str:
        """Move a line; returns what stands in the way, or nothing.

        Raises:
            LineFaultError: no such line.
        """
        _check(name)
        if value and name in self._held:
            return f"{name} stays open: {self._held[name]}"
        self._ask(name, value)
        if name in self._stuck:
            return f"asked for, but the line is stuck at {self._stuck[name]} (fault line_stuck)"
        return ""

    def _ask(self, name: str, value: bool) -> None:
        self._asked[name] = value and name not in self._held
        self._apply(name)

    def _apply(self, name: str) -> None:
        value = self._stuck.get(name, self._asked[name])
        if self._wires is not None:
            self._wires.set_line(name, value)
        if name == "emergency_stop_closed":
            self._on_stop(not value)

    def read(self) -> dict[str, bool]:
        """Return what the topic says."""
        carried = {name: self._stuck.get(name, self._asked[name]) for name in LINES}
        return {**carried, **self._misread}

    def fault_stuck(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch `line_stuck`.

        Raises:
            LineFaultError: as `_line_and_value`.
        """
        name, value = _line_and_value(parameters, self._asked)
        if active:
            self._stuck[name] = value
        else:
            self._stuck.pop(name, None)
        self._apply(name)

    def fault_misread(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch `line_misread`.

        Raises:
            LineFaultError: as `_line_and_value`.
        """
        name, value = _line_and_value({"line": "door_closed", "value": True, **parameters}, self._asked)
        if active:
            self._misread[name] = value
        else:
            self._misread.pop(name, None)


def _check(name: Any) -> None:
    if name not in LINES:
        raise LineFaultError(f"no line {name!r}; there are: {', '.join(LINES)}")


def _line_and_value(parameters: Mapping[str, Any], asked: Mapping[str, bool]) -> tuple[str, bool]:
    name = parameters.get("line")
    _check(name)
    value = parameters.get("value", asked[str(name)])
    if not isinstance(value, bool):
        raise LineFaultError(f"value must be true or false, got {value!r}")
    return str(name), value
