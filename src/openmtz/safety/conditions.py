"""What the monitor watches, as rows of data: what each finding does, from which state to which.

A condition that is active withholds permits, whatever its row says. `revoke` says that it is evidence
against firing (the door is open) and not a mere gap in the data (one late message): then a permit with
no credit is sent at once instead of letting the last one run out. `moves` are the state changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.safety.interlock_lines import INTERLOCK_LINES
from openmtz.safety.states import SafetyState as S

ON = (S.STANDBY, S.ARMING, S.READY, S.FIRING, S.HOLD)
ARMED = (S.ARMING, S.READY, S.FIRING, S.HOLD)
Moves = tuple[tuple[tuple[S, ...], S], ...]

TO_FAULT: Moves = ((ON, S.FAULT),)
TO_OFF: Moves = ((ON, S.OFF),)
TO_STANDBY: Moves = ((ARMED, S.STANDBY),)
TO_HOLD: Moves = (((S.FIRING,), S.HOLD),)
LOST: Moves = ((ARMED, S.FAULT), ((S.STANDBY,), S.OFF))
"""A source that went silent: latched once armed; in standby the stack is merely incomplete again."""
BROKEN_OFF: Moves = (((S.FIRING, S.HOLD), S.FAULT), ((S.ARMING, S.READY), S.STANDBY))
"""Something that must not happen in the middle of emission and is only a nuisance before it."""
MOVES_TO: dict[S, Moves] = {S.FAULT: TO_FAULT, S.OFF: TO_OFF, S.STANDBY: TO_STANDBY, S.HOLD: TO_HOLD}
"""What a line does, by the state it leads to."""


@dataclass(frozen=True)
class Condition:
    """One row.

    Attributes:
        code: stable identifier, shown in `withheld` and as the cause of a transition.
        source: the input it is judged from.
        line: `normally-closed` (true is good), `normally-open`, or `-` for what is not a line.
        limit: name of the `SafetyConfig` field with its age, debounce or persistence [s], or empty.
        revoke: send a permit without credit at once.
        moves: ((from states), to state), empty where it only withholds.
        text, fix: for a person.
        needed: while it is active the monitor stays in OFF: the stack is not complete.
        passing: a matter of course outside of firing, and nothing against becoming ready.
    """

    code: str
    source: str
    line: str
    limit: str
    revoke: bool
    moves: Moves
    text: str
    fix: str
    needed: bool = False
    passing: bool = False

    @property
    def latched(self) -> bool:
        """True if one of its moves ends in FAULT."""
        return any(to is S.FAULT for _, to in self.moves)


UNKNOWN = "finding-unknown"
"""What a finding counts as whose own code stands in no row: it must not vanish, for it may be a danger."""
_NC, _NO, _X = "normally-closed", "normally-open", "-"


def _of_lines(leads_to: S) -> tuple[Condition, ...]:
    """Return the rows of the interlock lines that lead to a state."""
    return tuple(
        Condition(
            line.condition, line.sources, _NO if line.normally_open else _NC, line.limit, True,
            MOVES_TO[leads_to], line.text, line.fix,
            needed=leads_to in (S.FAULT, S.OFF), passing=line.normally_open,
        )
        for line in INTERLOCK_LINES
        if line.leads_to is leads_to
    )  # fmt: skip


_ROWS: tuple[Condition, ...] = (
    # latched faults
    *_of_lines(S.FAULT),
    Condition("run-line-down", "supervisor", _NC, "", True, TO_FAULT,
        "The supervisor's run line is down: a process of the stack died or is being stopped.",
        "Look at the supervisor's last lines, restart the stack.", needed=True),
    Condition(UNKNOWN, "the monitor itself", _X, "", True, TO_FAULT,
        "A part of the monitor found something that no row of this table names.",
        "A fault of the software: do not fire; report it with the details shown.", needed=True),
    Condition("clock-invalid", "clock", _X, "", True, TO_FAULT,
        "The monitor's clock went back or is not a number.",
        "Restart the stack; the clock must be monotonic.", needed=True),
    Condition("interlocks-lost", "interlocks", _X, "interlocks_lost_s", True, LOST,
        "The interlock lines have not been read for too long.",
        "Check the interlock reader and its wiring, then reset.", needed=True),
    Condition("head-lost", "head", _X, "head_lost_s", True, LOST,
        "The scan head's status has been missing for too long.",
        "Check the scan_head process and the serial cable, then reset.", needed=True),
    Condition("clocks-disagree", "clock, head", _X, "head_lost_s", True, LOST,
        "Between two statuses the scan head's clock and the monitor's advanced by very different times.",
        "Look at the machine's clock and load, restart the stack, then reset.", needed=True),
    Condition("progress-stopped", "progress", _X, "progress_lost_s", True, LOST,
        "The work loop of a required node has stopped.",
        "Look at that node's log, restart the stack, then reset.", needed=True),
    Condition("progress-restarted", "progress", _X, "", True, BROKEN_OFF,
        "The progress counter of a required node went back: the node was restarted.",
        "Reset and make ready again."),
    Condition("device-fault", "head", _X, "", True, TO_FAULT,
        "The scan head reports a fault.",
        "Remove its cause (docs/serial_protocol.md lists the codes), then reset."),
    Condition("device-restarted", "head", _X, "", True, BROKEN_OFF,
        "The scan head has a new boot id: it was restarted.",
        "Reset and make ready again; look at what it executed."),
    Condition("head-disconnected", "head", _NC, "", True, BROKEN_OFF,
        "The scan head does not answer on its serial line.",
        "Check power and cable of the scan head.", needed=True),
    Condition("gate-open-without-permit", "head", _X, "gate_margin_s", True, TO_FAULT,
        "The laser gate is open although no permit lives: a stuck shutter.",
        "Switch the laser off by its key. Do not use it before service.", needed=True),
    Condition("fired-outside-credit", "fired, head", _X, "", True, TO_FAULT,
        "A spot was executed beyond the credit granted, or of another plan.",
        "Compare the scan head's log with the record before any reset."),
    Condition("spots-in-doubt", "fired, head", _X, "", True, TO_FAULT,
        "The executed index passed over spots without credit and without report: skipped, or fired.",
        "Look at the skin and at the scan head's log before any reset; these spots are not fired again."),
    Condition("executed-impossible", "head", _X, "", True, TO_FAULT,
        "The scan head's status names an executed index beyond the plan's last spot.",
        "Look who publishes the status and at the scan head's log; then reset."),
    Condition("permit-counter-jumped", "head", _X, "", True, TO_FAULT,
        "The scan head names a permit that this monitor did not grant.",
        "Look for a second monitor, or who publishes the status; then reset."),
    Condition("permit-unmade", "the monitor itself", _X, "", True, TO_FAULT,
        "A permit was due and could not be put on the wire.",
        "A fault of the software: restart the stack; report it with the details shown."),
    Condition("spot-repeated", "fired, head", _X, "", True, TO_FAULT,
        "A spot was reported as fired twice, or the executed index went back.",
        "Compare the scan head's log with the record before any reset."),
    Condition("fired-counts-disagree", "fired, head", _X, "fired_disagree_s", True, TO_FAULT,
        "The shots reported and the executed index of the scan head do not agree.",
        "Review which spots are in doubt before any reset."),
    Condition("output-deviates", "fired", _X, "", True, TO_FAULT,
        "The energy measured by the scan head is off the plan's by more than the tolerance.",
        "Check the laser's power calibration."),
    # key
    *_of_lines(S.OFF),
    # standby, to be made ready again by hand
    *_of_lines(S.STANDBY),
    Condition("approval-ended", "plan, surface", _X, "approval_s", True, TO_STANDBY,
        "The approval ended: the plan or the surface changed, or it grew too old.",
        "Look at the plan and approve it again.", passing=True),
    Condition("recorder-stopped", "progress", _X, "progress_lost_s", True, TO_STANDBY,
        "The recorder makes no progress: no evidence, no emission.",
        "Check free disk space and the recorder's log.", needed=True),
    Condition("topic-shared", "graph", _X, "", True, TO_STANDBY,
        "Somebody else publishes on a topic that decides: another stack, a played record, a test left"
        " running.",
        "End the other publisher (`ros2 topic info -v` names it), then ask for ready again."),
    Condition("speaker-foreign", "every message", _X, "", True, TO_STANDBY,
        "A message on a topic that decides came from another publisher than the one known: refused.",
        "End the node named (`ros2 topic info -v` tells gids), then ask for ready again."),
    Condition("speaker-changed", "graph", _X, "", True, TO_STANDBY,
        "Another publisher has taken the place of one that left.",
        "Look whether it is the one you started, then ask for ready again."),
    Condition("service-shared", "graph", _X, "", True, TO_STANDBY,
        "Somebody else serves a service that decides: answers may come from there.",
        "End the other server (`ros2 node list`, `ros2 node info`), then ask for ready again."),
    Condition("name-shared", "graph", _X, "", True, TO_STANDBY,
        "Two nodes bear one name of this stack.",
        "End the other node, or give it a name of its own, then ask for ready again."),
    Condition("ready-timeout", "clock", _X, "ready_timeout_s", True, (((S.READY,), S.STANDBY),),
        "Ready was not used for too long.", "Ask for ready again."),
    Condition("hold-timeout", "clock", _X, "hold_timeout_s", True, (((S.HOLD,), S.STANDBY),),
        "The hold lasted too long.", "Ask for ready again."),
    Condition("footswitch-in-arming", "interlocks", _NO, "", True, (((S.ARMING,), S.STANDBY),),
        "The footswitch was pressed while arming.",
        "Release the footswitch, then ask for ready again."),
    # hold, resumed by a fresh press
    *_of_lines(S.HOLD),
    Condition("arm-moving", "arm", _X, "arm_rest_s", True, TO_HOLD,
        "The arm is not at rest.", "Wait for the arm, or look why it moves."),
    Condition("arm-off-station", "arm", _X, "", True, TO_HOLD,
        "The scan head is not within tolerance of its station's pose.",
        "Move to the station again."),
    Condition("arm-pose-invalid", "arm", _X, "", True, TO_HOLD,
        "The measured pose of the scan head is not a rigid, finite pose.",
        "Check the joint states."),
    Condition("arm-lost", "arm", _X, "arm_lost_s", True, TO_HOLD,
        "Joint states have been missing for too long.", "Check the arm's driver.", needed=True),
    Condition("aim-refused", "arm, loaded", _X, "aim_persist_s", False, TO_HOLD,
        "The next spot would land out of tolerance, or differs from the plan.",
        "Move to the station again; if it stays, capture and plan again."),
    # only withheld
    Condition("interlocks-stale", "interlocks", _X, "interlocks_stale_s", False, (),
        "The interlock lines are late.", "None if it passes; else look at the load of the machine.",
        needed=True),
    Condition("head-stale", "head", _X, "head_stale_s", False, (),
        "The scan head's status is late.", "None if it passes; else look at the load of the machine.",
        needed=True),
    Condition("arm-stale", "arm", _X, "arm_stale_s", False, (),
        "Joint states are late.", "None if it passes; else look at the load of the machine.",
        needed=True),
    Condition("progress-late", "progress", _X, "progress_late_s", False, (),
        "The work loop of a required node is late.", "None if it passes; else look at that node's log."),
)  # fmt: skip

CONDITIONS: dict[str, Condition] = {row.code: row for row in _ROWS}
"""Every condition by code, in order of precedence among equals."""

GRANT_CAUSES: dict[str, str] = {
    "not-firing": "The state is not FIRING.",
    "no-emission-token": "The laser does not hold the token.",
    "other-plan-selected": "The scan head has not selected the approved plan.",
    "in-doubt": "The scan head would fire spots again that were reported as fired. Capture and plan again.",
    "nothing-loaded": "The scan head holds no spot that may be fired next. Load after the token is granted.",
    "group-complete": "Every spot of this station and pass is executed.",
    "heat-limit": "The energy limit within 1 cm2 in 10 s is reached; it ends by waiting.",
}
"""Further causes that may stand in `withheld`; they change no state."""
