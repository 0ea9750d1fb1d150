"""Which rig has which ports, and so which faults it carries out: a table for the rigs and the documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openmtz.simulation.faults.rig import Absent

LOCKSTEP, GRAPH = "lockstep", "graph"
_OTHERS = "that process is not the simulation's: do it to the process itself"
LACKS: Mapping[str, Mapping[str, str]] = {
    LOCKSTEP: {
        "topic_clock": "in lockstep nothing is published, neither `/clock` nor stamps",
    },
    GRAPH: {
        "supply": "the scan head is a device of its own: end its process",
        "device_clock": "the scan head is a device of its own, and its clock is the machine's",
        "host_clock": "the host's clock is the machine's own",
        "processes": _OTHERS,
        "records": "records go from node scan_head to the device; " + _OTHERS,
        "permits": "permits go from node scan_head to the device; " + _OTHERS,
        "planner": "plans are made by node mtz_planner; " + _OTHERS,
        "plans": "plans are published by node mtz_planner; ask it for another one",
        "surfaces": "surfaces are published by node surface_capture; ask it for another one",
    },
}
"""Rig -> port it does not have -> why."""


def absent(rig: str, port: str) -> Any:
    """Return the port that a rig does not have, by the table; stands in for any port."""
    return Absent(LACKS[rig][port])


def why_not(rig: str, uses: tuple[str, ...]) -> str:
    """Return why a rig cannot carry out what uses these ports, or nothing if it can."""
    return next((LACKS[rig][port] for port in uses if port in LACKS[rig]), "")
