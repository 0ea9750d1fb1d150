"""Faults beside the catalogue: they are carried out on demand, but no campaign shows whether they do harm."""

from __future__ import annotations

from openmtz.simulation.faults.catalogue import FAULTS
from openmtz.simulation.faults.fault import Fault

_EXTRAS: tuple[Fault, ...] = (
    Fault("line_stuck", "lines", "the wire of `line` stays at `value` (as it is), whatever is asked",
          free=("line", "value")),
    Fault("clock_stopped", "clocks", "`/clock` is published no more"),
    Fault("clock_jump", "clocks", "every time stamp of the cell is shifted by a time", {"s": 1.0}),
)  # fmt: skip
EXTRAS: dict[str, Fault] = {fault.name: fault for fault in _EXTRAS}
"""Those by name."""
ALL_FAULTS: dict[str, Fault] = {**FAULTS, **EXTRAS}
"""Every fault that a rig may carry out, by name: the catalogue and the extras."""
