"""The interlock lines of a simulated cell on their wires: to the scan head, and to the arm's stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from openmtz.safety import INTERLOCK_LINES
from openmtz.simulation.faults import CLOSED_AT_START, HeldLines

LINES_PERIOD_S = 0.02
"""The cell tells its interlock lines so often [s], in the graph and in lockstep (engineering default)."""
STOPS_ARM = frozenset(line.name for line in INTERLOCK_LINES if line.stops_arm)
"""Lines that brake the arm when they open, without any software."""


def wired_lines(
    to_head: Callable[[str, bool], None],
    on_stop: Callable[[bool], None],
    closed: Sequence[str] = CLOSED_AT_START,
    refused: Mapping[str, str] | None = None,
) -> HeldLines:
    """Return lines that act where they are wired to, from now on and at every change.

    Args:
        to_head: told of every line and what it carries.
        on_stop: told whether a line that stops the arm is open.
        closed: lines that begin closed. refused: lines that may not be closed at all, and why.
    """
    stops = dict.fromkeys(STOPS_ARM, True)

    def carry(name: str, value: bool) -> None:
        to_head(name, value)
        if name in stops:
            stops[name] = value
            on_stop(not all(stops.values()))

    lines = HeldLines(closed, refused, carry)
    lines.to_start(closed)
    return lines


def stop_is_open(lines: HeldLines) -> bool:
    """Return whether a line that stops the arm is open on its wire, whatever is told of it."""
    return not all(lines.carried(name) for name in STOPS_ARM)
