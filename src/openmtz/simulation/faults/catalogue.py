"""The catalogue of faults, by name.

Here is what there is; what each does stands in `acts`, which rig carries it out in `rigs`.
docs/faults.md shows it, and tests/simulation/faults proves what it says of guards and harm.
"""

from __future__ import annotations

from openmtz.simulation.faults.around import ARM, CAMERA, PATIENT
from openmtz.simulation.faults.device import CLOCKS, SCAN_HEAD, SERIAL_LINE
from openmtz.simulation.faults.fault import Fault
from openmtz.simulation.faults.stack import LINES, PROCESSES

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for part in (PATIENT, CAMERA, ARM, SCAN_HEAD, SERIAL_LINE, CLOCKS, PROCESSES, LINES)
    for fault in part
}
"""Every fault by name."""
