"""The gate: commanded open only while nothing speaks against it, and why it is closed."""

from __future__ import annotations

from openmtz.simulation.scan_head_device.exchange import Journal, Lines
from openmtz.simulation.scan_head_device.permits import PermitHolder
from openmtz.simulation.scan_head_device.plant import Plant


class Gate:
    """The command to the shutter. True while commanded open; `was_open` since the selection began."""

    def __init__(self, plant: Plant, journal: Journal) -> None:
        self._plant, self._journal = plant, journal
        self._commanded = False
        self.was_open = False

    def __bool__(self) -> bool:
        """Whether it is commanded open."""
        return self._commanded

    @property
    def light_possible(self) -> bool:
        """Whether light could come out: commanded open, or the shutter says open."""
        return self._commanded or self._plant.shutter_feedback(self._journal.now_us)

    def open(self, executed: int) -> None:
        """Command the shutter open."""
        self._commanded = self.was_open = True
        self._plant.command_shutter(True, self._journal.now_us)
        self._journal.note("gate_open", executed=executed)

    def close(self, because: str, executed: int) -> None:
        """Command the shutter closed, if it is not."""
        if self._commanded:
            self._commanded = False
            self._plant.command_shutter(False, self._journal.now_us)
            self._journal.note("gate_close", because=because, executed=executed)


def closed_because(
    *, fault: bool, selected: bool, lines: Lines, permits: PermitHolder, executed: int, loaded_until: int
) -> str:
    """Return why the gate must be closed, empty if it may be open."""
    if fault:
        return "fault"
    if not selected:
        return "nothing selected"
    if not lines.stop_closed:
        return "emergency stop"
    if not lines.key_on:
        return "key"
    if not lines.footswitch_pressed:
        return "footswitch"
    if permits.live is None:
        return "no permit"
    if executed >= min(permits.credit_until, loaded_until):
        return "no credit"
    return ""
