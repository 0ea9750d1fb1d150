"""Faults on demand: a name and parameters from the world become switches of plant and line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from openmtz.simulation.scan_head_device.line import Line, LineFaults
from openmtz.simulation.scan_head_device.plant import PlantFaults

FAULTS = {
    "lost_bytes": "lose each byte with probability `p` (0.001)",
    "corrupt_bytes": "change each byte with probability `p` (0.001)",
    "late_bytes": "hold a chunk of bytes back by `ms` (30) with probability `p` (0.1)",
    "stuck_shutter": "the shutter stays `position` = closed (default) or open",
    "stuck_galvo": "the mirrors do not move; `hidden` = true: their feedback lies",
    "galvo_offset": "the x mirror stands off by `rad` (0.01) and its feedback does not see it",
    "lying_meter": "output times `gain` (1.6), and the energy meter shows what it should be",
    "drifting_power": "output times `gain` (1), drifting by `gain_per_s` (0.1, or 0 if `gain` is given)",
    "silent": "the device answers nothing any more",
    "reboot": "the device restarts once: new boot id, clock from zero, memory kept",
}
"""Name -> what it does. `direction` = both (default), rx (to the device) or tx for the first three."""


class InjectionError(ValueError):
    """No such fault, or parameters that make no sense."""


def _number(parameters: Mapping[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InjectionError(f"{name} must be a number, got {value!r}")
    if not low <= value <= high:
        raise InjectionError(f"{name} must lie in {low:g}..{high:g}, got {value:g}")
    return float(value)


def inject(
    name: str, active: bool, parameters: Mapping[str, Any], plant: PlantFaults, rx: Line, tx: Line
) -> bool:
    """Switch a fault on or off. Return True if the device must reboot now.

    Raises:
        InjectionError: unknown name (the message lists the valid ones) or parameters out of range.
    """
    if name not in FAULTS:
        raise InjectionError(f"no fault {name!r}: valid are {', '.join(FAULTS)}")
    direction = parameters.get("direction", "both")
    if direction not in ("both", "rx", "tx"):
        raise InjectionError(f"direction must be both, rx or tx, got {direction!r}")
    lines = [line.faults for line, key in ((rx, "rx"), (tx, "tx")) if direction in ("both", key)]
    if name in ("lost_bytes", "corrupt_bytes", "late_bytes", "silent"):
        _inject_line(name, active, parameters, lines if name != "silent" else [tx.faults])
    elif name == "stuck_shutter":
        position = parameters.get("position", "closed")
        if position not in ("closed", "open"):
            raise InjectionError(f"position must be closed or open, got {position!r}")
        plant.shutter_stuck = position if active else None
    elif name == "stuck_galvo":
        plant.galvo_stuck = active
        plant.galvo_hidden = active and bool(parameters.get("hidden", False))
    elif name == "galvo_offset":
        plant.offset_rad = _number(parameters, "rad", 0.01, -0.1, 0.1) if active else 0.0
    elif name == "lying_meter":
        gain = _number(parameters, "gain", 1.6, 0.1, 10.0) if active else 1.0
        plant.gain, plant.meter_gain = gain, 1.0 / gain
    elif name == "drifting_power":
        gain = _number(parameters, "gain", 1.0, 0.0, 10.0)
        per_s = _number(parameters, "gain_per_s", 0.0 if "gain" in parameters else 0.1, -10.0, 10.0)
        plant.gain, plant.gain_per_s = (gain, per_s) if active else (1.0, 0.0)
    return name == "reboot" and active


def _inject_line(name: str, active: bool, parameters: Mapping[str, Any], lines: list[LineFaults]) -> None:
    default = 0.1 if name == "late_bytes" else 0.001
    probability = _number(parameters, "p", default, 0.0, 1.0) if active else 0.0
    late_us = round(1000 * _number(parameters, "ms", 30.0, 0.0, 10_000.0))
    for faults in lines:
        if name == "lost_bytes":
            faults.lose = probability
        elif name == "corrupt_bytes":
            faults.corrupt = probability
        elif name == "late_bytes":
            faults.late, faults.late_us = probability, late_us
        else:
            faults.silent = active
