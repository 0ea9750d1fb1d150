"""Faults of the processes of the stack and of the interlock lines.

What the safety concept counts as a stop (a process died, no evidence is kept, an approval ended) and did not
end emission is the harm `emission-after-stop`, whatever the beam did to the skin.
"""

from __future__ import annotations

from openmtz.safety import INTERLOCK_LINES, HeadWire, InterlockLine, SafetyState
from openmtz.simulation.faults.device import EXPIRY, IN_FLIGHT
from openmtz.simulation.faults.fault import Fault

_AFTER = "emission-after-stop"
_SOON = 0.1
"""A lost heartbeat must end emission within 100 ms [M]."""
_AT_ONCE = 0.001
"""A line that acts in hardware ends emission within 1 ms [M]."""
_RUN_LINE = "the run line tells the monitor of a death"
_HANGS = 1.6
"""Permits are withheld after three promised periods of at most 0.5 s (`progress_period_max_s`)."""
_CUT = {"under-energy": 1}
"""The pulse under way is cut short."""
_ALONE = "the safety monitor does not answer"

PROCESSES: tuple[Fault, ...] = (
    Fault("safety_monitor_killed", "processes", "kill -9 of safety_monitor while it works", {},
          harm=_AFTER, ends_s=_SOON, guard=EXPIRY, outcome="failed", cause=_ALONE),
    Fault("scan_head_killed", "processes", "kill -9 of scan_head while it works", {},
          harm=_AFTER, ends_s=_SOON, guard=EXPIRY + "; " + _RUN_LINE, left=IN_FLIGHT,
          outcome="stopped", cause="run-line-down"),
    *(Fault(f"{name}_killed", "processes", f"kill -9 of {name} while it works", {},
            harm=_AFTER, ends_s=_SOON, guard=_RUN_LINE, cause="run-line-down",
            # Without the process that leads the treatment nobody ends it.
            outcome="failed" if name == "treatment" else "stopped")
      for name in ("arm", "recorder", "treatment")),
    Fault("safety_monitor_hangs", "processes", "safety_monitor lives, but does nothing", {},
          harm=_AFTER, ends_s=_SOON, guard=EXPIRY, outcome="failed", cause=_ALONE),
    Fault("scan_head_hangs", "processes", "scan_head lives, but does nothing", {},
          harm=_AFTER, ends_s=_SOON, guard=EXPIRY + "; progress counters of work loops", left=IN_FLIGHT,
          outcome="stopped", cause="fired-counts-disagree"),
    Fault("arm_hangs", "processes", "arm lives, but does nothing", {},
          guard="progress counters of work loops; without it the arm does not move", ends_s=_HANGS,
          outcome="stopped", cause="progress-stopped"),
    Fault("recorder_hangs", "processes", "recorder lives, but does nothing", {},
          harm=_AFTER, ends_s=_HANGS, guard="progress counters of work loops (recorder-stopped)",
          cause="recorder-stopped"),
    Fault("second_publisher", "processes", "a second node publishes interlock lines", {},
          harm=_AFTER, ends_s=_SOON, together=("line_misread", "door_open"), cause="topic-shared",
          guard="a deciding topic with two publishers leads to standby (topic-shared)"),
    Fault("plan_replaced", "processes", "another plan appears while the approved one is fired", {},
          harm=_AFTER, ends_s=_SOON, guard="approvals name a plan's hash and end with it",
          outcome="stopped", cause="approval-ended"),
    Fault("plan_off_skin", "processes", "the planner plans on skin that lies elsewhere", {"offset_m": 0.003},
          harm="defocus", outcome="failed", cause="farther than 0.3 mm from the captured skin",
          guard="the monitor compares the plan with its own copy of the captured skin (spots-off-skin)"),
    Fault("surface_replaced", "processes", "another surface is captured while the plan is fired", {},
          harm=_AFTER, ends_s=_SOON, guard="approvals end with the surface they were made on",
          outcome="stopped", cause="approval-ended"),
)  # fmt: skip

_TABLE = "the safety monitor's table"


def _opens(line: InterlockLine) -> Fault:
    """Return the fault that opens a line: what guards, and how the treatment ends, follows from its row."""
    guard = f"hard-wired into the device; {_TABLE}" if line.to_head else _TABLE
    cut = line.head is HeadWire.SOURCE
    return Fault(
        line.fault, "lines", line.opening, {},
        harm=_AFTER, ends_s=_AT_ONCE if line.to_head else _SOON,
        guard=guard + ("; hard-wired into the arm" if line.stops_arm else ""),
        left=_CUT if cut else {},
        outcome="stopped" if line.leads_to in (SafetyState.FAULT, SafetyState.OFF) else "done",
        cause=line.condition + (" or output-deviates" if cut else ""),
    )  # fmt: skip


LINES: tuple[Fault, ...] = (
    *(_opens(line) for line in INTERLOCK_LINES),
    Fault("line_misread", "lines", "the topic says `value` of `line`, whatever the wire carries",
          {"line": "door_closed", "value": True},
          harm=_AFTER, ends_s=_SOON, together=("door_open",),
          would_guard="a second channel for each line, read on another way; the door wired into the device"),
)  # fmt: skip
