"""The interlock lines, one row each: all that any part of the software knows of a line stands here.

From this table are made: the fields of `Interlocks` and what the monitor watches (`lines.py`), the rows of
`CONDITIONS`, the wires of the simulated cell and the values they begin with, the faults that open a line in
the simulation, and the tables of the docs. A new line is a field of `Interlocks.msg`, a row here, and a test;
docs/how_to/interlock_line.md walks through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from openmtz.safety.states import SafetyState


class HeadWire(Enum):
    """What the scan head does by itself, without any software of the host, when a line opens."""

    NONE = "the line is not wired to the scan head"
    GATE = "the gate closes after the pulse under way"
    SOURCE = "the pulse under way is cut short"


@dataclass(frozen=True)
class InterlockLine:
    """One row.

    Attributes:
        name: the field of `Interlocks.msg`; true is good.
        condition: code of the condition that is active while the line is not good.
        leads_to: the state an armed monitor falls into with it (FAULT also from standby, OFF likewise).
        text, fix: what the condition means and what helps, for a person.
        fault: name of the fault that opens the line in the simulation. opening: what happens then.
        closed_at_start: the simulated cell begins with the line closed.
        normally_open: the line is the footswitch: pressed is an act, and only a fresh press counts.
        head: how the scan head acts on the line as a second channel beside the monitor.
        stops_arm: the arm brakes by itself when the line opens.
        seen_by_head: the scan head also reports the line, under the same condition.
        expires: the `SafetyConfig` field [s] after which a good line counts as bad again, or empty.
    """

    name: str
    condition: str
    leads_to: SafetyState
    text: str
    fix: str
    fault: str
    opening: str
    closed_at_start: bool = True
    normally_open: bool = False
    head: HeadWire = HeadWire.NONE
    stops_arm: bool = False
    seen_by_head: bool = False
    expires: str = ""

    @property
    def to_head(self) -> bool:
        """The line is wired to the scan head."""
        return self.head is not HeadWire.NONE

    @property
    def limit(self) -> str:
        """The `SafetyConfig` field [s] that governs the line: its expiry, else its settling; or empty."""
        return "" if self.normally_open else self.expires or "line_settle_s"

    @property
    def sources(self) -> str:
        """From what the monitor judges the line."""
        return "interlocks, head" if self.seen_by_head else "interlocks"


INTERLOCK_LINES: tuple[InterlockLine, ...] = (
    InterlockLine(
        "emergency_stop_closed", "emergency-stop", SafetyState.FAULT,
        "The emergency stop is open, seen on the interlock lines or by the scan head.",
        "Release the emergency stop, then reset.",
        "emergency_stop", "the emergency stop is pressed",
        head=HeadWire.SOURCE, stops_arm=True, seen_by_head=True,
    ),
    InterlockLine(
        "key_on", "key-off", SafetyState.OFF, "The key switch is off.", "Turn the key.",
        "key_off", "the key is turned off", head=HeadWire.SOURCE,
    ),
    InterlockLine(
        "door_closed", "door-open", SafetyState.STANDBY,
        "The door interlock is open.", "Close the door and ask for ready again.",
        "door_open", "the door opens",
    ),
    InterlockLine(
        "footswitch_pressed", "footswitch-released", SafetyState.HOLD,
        "The footswitch is released.", "Press it to go on.",
        "footswitch_released", "the footswitch is released",
        closed_at_start=False, normally_open=True, head=HeadWire.GATE,
    ),
    InterlockLine(
        "smoke_evacuator_on", "smoke-evacuator-off", SafetyState.STANDBY,
        "The smoke evacuator is off.", "Switch it on and ask for ready again.",
        "smoke_evacuator_off", "the smoke evacuator stops",
    ),
    InterlockLine(
        "eyewear_attested", "eyewear-not-attested", SafetyState.STANDBY,
        "Eyewear is not attested, or the attestation expired with the session.",
        "Check everyone's eyewear and attest it anew.",
        "eyewear_off", "the eyewear attestation is withdrawn",
        closed_at_start=False, expires="session_s",
    ),
)  # fmt: skip
"""Every line, in the order of the fields of `Interlocks.msg`."""

(FOOTSWITCH,) = (line for line in INTERLOCK_LINES if line.normally_open)
"""The one line that is normally open."""
