"""Interlock lines open, stick or are misread."""

from __future__ import annotations

from openmtz.simulation.faults.acts.act import Act, Parameters, Switch
from openmtz.simulation.faults.faults_on import FaultsOn
from openmtz.simulation.faults.held_lines import LINE_OF_FAULT, LineError, require_line


def _opens(fault: str) -> Switch:
    def switch(on: FaultsOn, active: bool, _given: Parameters) -> None:
        on.rig.lines.switch_fault(fault, active)

    return switch


def stick(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Let the wire of `line` stay at `value`, or as it is, whatever is asked.

    Raises:
        ValueError: no such line, or no value of one.
    """
    name = require_line(given.get("line"))
    value = given.get("value", on.rig.lines.carried(name))
    if not isinstance(value, bool):
        raise LineError(f"value must be true or false, got {value!r}")
    on.rig.lines.stick(name, value if active else None)


def misread(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Let the topic say `value` of `line`, whatever the wire carries.

    Raises:
        ValueError: no such line.
    """
    on.rig.lines.misread(require_line(given["line"]), given["value"] if active else None)


LINES = {
    **{fault: Act(("lines",), _opens(fault)) for fault in LINE_OF_FAULT},
    "line_stuck": Act(("lines",), stick),
    "line_misread": Act(("lines",), misread),
}
