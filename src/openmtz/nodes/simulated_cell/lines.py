"""The interlock lines of the simulated cell on its wires. Part of node `simulation`.

What holds and what was asked of a line stands in `openmtz.simulation.faults.HeldLines`; here it meets the
wires to the scan head, the arm's stop, and the parameters of the two faults that only the graph has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openmtz.safety import INTERLOCK_LINES, LINE_NAMES
from openmtz.simulation.faults import CLOSED_AT_START, Asked, HeldLines, LineError, require_line
from openmtz.simulation.scan_head_device import WireServer

STOPS_ARM = frozenset(line.name for line in INTERLOCK_LINES if line.stops_arm)


class CellLines:
    """What was asked of each line, what the wires carry, what the topic says.

    Args:
        wires: to the scan head. None: without a head there is nobody to protect; every line begins closed.
        on_stop: called with True when a line that stops the arm is open, with False when it is closed.
        refused: lines that may not be closed, and why.
    """

    def __init__(
        self,
        wires: WireServer | None,
        on_stop: Callable[[bool], None],
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self._wires, self._on_stop = wires, on_stop
        self._closed = LINE_NAMES if wires is None else CLOSED_AT_START
        self._lines = HeldLines(self._closed, refused, self._carry)
        self.to_start()

    def _carry(self, name: str, value: bool) -> None:
        if self._wires is not None:
            self._wires.set_line(name, value)
        if name in STOPS_ARM:
            self._on_stop(self.stop_is_open)

    @property
    def stop_is_open(self) -> bool:
        """A line that stops the arm is open on its wire, whatever the topic says."""
        return not all(self._lines.carried(name) for name in STOPS_ARM)

    def to_start(self) -> None:
        """Bring every line to where it is at the start; what a fault holds stays held."""
        self._lines.to_start(self._closed)

    def ask(self, name: str, value: bool) -> Asked:
        """Move a line, now or when the faults that hold it end.

        Raises:
            LineError: no such line.
        """
        return self._lines.ask(name, value)

    def read(self) -> dict[str, bool]:
        """Return what the topic says."""
        return self._lines.read()

    def switch_fault(self, fault: str, active: bool, _parameters: Mapping[str, Any]) -> None:
        """Begin or end a fault of the catalogue that holds a line open."""
        self._lines.switch_fault(fault, active)

    def fault_stuck(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch `line_stuck`.

        Raises:
            LineError: no such line, or a value that is none.
        """
        name = require_line(parameters.get("line"))
        value = _value(parameters, self._lines.carried(name))
        self._lines.stick(name, value if active else None)

    def fault_misread(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch `line_misread`.

        Raises:
            LineError: no such line, or a value that is none.
        """
        name = require_line(parameters.get("line", "door_closed"))
        value = _value(parameters, True)
        self._lines.misread(name, value if active else None)


def _value(parameters: Mapping[str, Any], default: bool) -> bool:
    value = parameters.get("value", default)
    if not isinstance(value, bool):
        raise LineError(f"value must be true or false, got {value!r}")
    return value
