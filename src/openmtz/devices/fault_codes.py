"""Latched faults of a scan head: number on the wire, what it means, what clears it."""

from __future__ import annotations

from enum import IntEnum


class FaultCode(IntEnum):
    """`fault_code` of the status. Latched until ResetFault arrives *and* the cause is gone."""

    NONE = 0
    EMERGENCY_STOP = 1
    HARD_LIMIT = 2
    GALVO = 3
    OUTPUT = 4
    SHUTTER = 5
    OVERRUN = 6
    DIGEST = 7
    INDEX = 8
    MEMORY = 9


FAULT_TEXT: dict[FaultCode, tuple[str, str]] = {
    FaultCode.EMERGENCY_STOP: ("emergency stop open", "release the stop (or mend its wire), then reset"),
    FaultCode.HARD_LIMIT: (
        "spot beyond the head's hard limits",
        "plan within energy, pulse and power limits",
    ),
    FaultCode.GALVO: ("galvo does not follow", "check the galvo, then reset"),
    FaultCode.OUTPUT: (
        "output deviates by more than 20 %",
        "check or calibrate the laser source, then reset",
    ),
    FaultCode.SHUTTER: ("shutter does not follow", "check the shutter, then reset"),
    FaultCode.OVERRUN: ("more spots sent than the buffer holds", "the host must wait for executed spots"),
    FaultCode.DIGEST: ("permit and loaded spots disagree", "select and load the spots again"),
    FaultCode.INDEX: ("spot index not increasing", "select again from the executed index on"),
    FaultCode.MEMORY: ("executed index cannot be kept", "replace the memory; review which spots were fired"),
}
"""Code -> (what, nearest fix)."""
