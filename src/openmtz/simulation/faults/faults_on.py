"""A rig, and what several faults bring about on it together."""

from __future__ import annotations

from openmtz.simulation.faults.device_screws import DeviceScrews
from openmtz.simulation.faults.rig import Rig
from openmtz.simulation.faults.sums import HostJumps, Motions, Pictures


class FaultsOn:
    """What acts work on: the ports of a rig, and sums of those faults that turn one thing together.

    Two motions of one patient, two errors of one camera, two faults of the head's output: what each adds is
    kept by its name, so that the end of one leaves the others. Interlock lines keep it themselves.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.motions = Motions(rig.patient)
        self.pictures = Pictures(rig.camera)
        self.screws = DeviceScrews(lambda name, active, given: rig.head.inject(name, active, given))
        self.host_jumps = HostJumps(rig.host_clock)
