"""How a fault is played, and which guards are switched off to see its harm: all layers of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import guards_off as off
from fault_rig import Captured, Guard, Run, fault, play

from openmtz.safety import INTERLOCK_LINES, InterlockLine, SafetyState
from openmtz.simulation.faults import FAULTS

FIRING = "spots:midst"
"""`Captured.midst`: which spot that is hangs on the plan."""
_STALE = (
    "head-stale", "head-lost", "arm-stale", "arm-lost", "interlocks-stale", "interlocks-lost",
    "progress-late", "progress-stopped", "recorder-stopped", "clocks-disagree",
)  # fmt: skip
_METER = (off.device_limits(output_tolerance=off.NEVER), off.monitor_limits(output_tolerance=off.NEVER))
_REST = (off.monitor_deaf("arm-moving", "arm-off-station"), off.aim_unchecked)
_DEATH = (off.run_line_unwatched,)


@dataclass(frozen=True)
class Recipe:
    """`after` an event, or at an instant [s]; `guards` to switch off; `scan`: with capture and planning."""

    guards: tuple[Guard, ...] = ()
    after: str | float = FIRING
    plus_s: float = 0.0
    for_s: float | None = None
    scan: bool = False
    limit_s: float = 60.0


def _line_recipe(line: InterlockLine) -> Recipe:
    """Cut the wire to the head, where there is one, and make the monitor deaf. A line that ends no treatment
    closes again after a while, for as long as it is held nobody can close it."""
    wire = (off.wire_stuck(line.name),) if line.to_head else ()
    ends = line.leads_to in (SafetyState.FAULT, SafetyState.OFF)
    return Recipe((*wire, off.monitor_deaf(line.condition)), for_s=None if ends else 1.5)


_CAMERA = {name: Recipe(after=0.0, scan=True) for name, one in FAULTS.items() if one.part == "camera"}
RECIPES: dict[str, Recipe] = {
    **_CAMERA,
    "camera_stamps": Recipe((off.frames_ungated,), 0.0, scan=True),
    "patient_drift": Recipe(after="stage:treat"),
    # arm
    "arm_creeps": Recipe(_REST),
    "arm_driven": Recipe(_REST),
    "joints_lost": Recipe((off.monitor_deaf("arm-stale", "arm-lost"),), for_s=1.0),
    "encoder_offset": Recipe(
        (
            off.goal_unchecked,
            off.monitor_deaf("arm-off-station"),
            off.monitor_limits(station_position_m=off.NEVER, station_angle_rad=off.NEVER),
            off.aim_unchecked,
        ),
        after=0.0,
    ),
    "arm_protective_stop": Recipe(after="procedure:station_moving", plus_s=0.3),
    # scan head
    "stuck_galvo": Recipe((off.device_limits(galvo_tolerance_rad=off.NEVER),)),
    "drifting_power": Recipe(_METER),
    "wrong_power": Recipe(_METER),
    "head_reboot": Recipe(
        (
            off.memory_forgets,
            off.monitor_deaf(
                "device-restarted", "spot-repeated", "fired-counts-disagree", "fired-outside-credit"
            ),
        )
    ),
    # serial line
    "lost_bytes": Recipe(after="stage:treat"),
    "corrupt_bytes": Recipe(
        (
            off.device_limits(power_limit_w=1e12, output_tolerance=off.NEVER),
            off.records_unchecked,
            off.digests_ignored,
            off.monitor_limits(output_tolerance=off.NEVER),
        ),
        after="stage:treat",
        limit_s=15.0,
    ),
    "late_bytes": Recipe((off.permits_never_expire,), for_s=2.0),
    "silent_device": Recipe(
        (off.permits_never_expire, off.monitor_deaf("head-stale", "head-lost", "head-disconnected"))
    ),
    "permit_replayed": Recipe((off.permits_replayable, off.gate_close_unsent), for_s=1.5),
    "records_changed": Recipe((*_METER, off.digests_ignored), after="safety:READY"),
    # clocks
    "host_clock_ahead": Recipe((off.monitor_deaf(*_STALE),)),
    # processes
    **{
        f"{name}_{how}": Recipe(
            (off.permits_never_expire, off.run_line_unwatched, off.process_alive_for_show(name))
        )
        for name in ("safety_monitor", "scan_head")
        for how in ("killed", "hangs")
    },
    "arm_killed": Recipe((*_DEATH, off.process_alive_for_show("arm")), limit_s=20.0),
    "recorder_killed": Recipe((*_DEATH, off.process_alive_for_show("recorder"))),
    "treatment_killed": Recipe(_DEATH, limit_s=14.0),
    "recorder_hangs": Recipe((off.process_alive_for_show("recorder"),), for_s=3.0),
    "second_publisher": Recipe((off.monitor_deaf("topic-shared"),), for_s=1.5),
    "plan_off_skin": Recipe((off.skin_unchecked,), after=0.0),
    "plan_replaced": Recipe((off.monitor_deaf("approval-ended"),)),
    "surface_replaced": Recipe((off.monitor_deaf("approval-ended"),)),
    # lines
    **{line.fault: _line_recipe(line) for line in INTERLOCK_LINES},
}
"""What is not named here is played with its defaults in the midst of firing."""


def script(known: Captured, name: str, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the fault of a recipe, then those that have to happen as well."""
    recipe = replace(recipe, after=known.midst if recipe.after == FIRING else recipe.after)
    after, plus_s, for_s = recipe.after, recipe.plus_s, recipe.for_s
    together = [fault(other, after, plus_s, for_s) for other in FAULTS[name].together]
    return [fault(name, after, plus_s, for_s, **FAULTS[name].shown_with), *together]


def perform(known: Captured, name: str, *, guarded: bool, seed: int = 0, **changes: Any) -> Run:
    """Play a fault of the catalogue and those it needs beside it, with its guards on or off.

    `changes`: of the recipe, and `stop_s`; `guards` given here are switched off in any case.
    """
    stop_s = changes.pop("stop_s", FAULTS[name].ends_s)
    recipe = replace(RECIPES.get(name, Recipe()), **changes)
    switched_off = () if guarded and "guards" not in changes else recipe.guards
    return play(
        known,
        script(known, name, recipe),
        switched_off,
        stop_s=stop_s,
        seed=seed,
        scan=recipe.scan,
        limit_s=recipe.limit_s,
    )
