"""What each fault does to a rig: one act per fault, by subject, in one table."""

from __future__ import annotations

from openmtz.simulation.faults.acts.act import Act
from openmtz.simulation.faults.acts.arm import ARM
from openmtz.simulation.faults.acts.clocks import CLOCKS
from openmtz.simulation.faults.acts.device import DEVICE
from openmtz.simulation.faults.acts.lines import LINES
from openmtz.simulation.faults.acts.patient import CAMERA, PATIENT
from openmtz.simulation.faults.acts.processes import PROCESSES

ACTS: dict[str, Act] = {**PATIENT, **CAMERA, **ARM, **DEVICE, **CLOCKS, **PROCESSES, **LINES}
"""Act of every fault by name."""
