"""The ports of the work loops in lockstep: the line to the head, the camera, the interlock lines' topic.

What a fault does to things on their way is done here, never in the software under test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from openmtz.devices import Event, LinkCore, Select, Status, decode_records, encode_records
from openmtz.plan import TreatmentPlan
from openmtz.planning import PlanningResult
from openmtz.safety import Interlocks
from openmtz.simulation.lockstep.cell import LockstepCell


class CellLine:
    """The host's end of the line to the simulated head; see `openmtz.stack.ports.HeadLine`."""

    def __init__(self, cell: LockstepCell, clock: Callable[[], float]) -> None:
        self._cell, self._clock = cell, clock
        self.energy_factor = 1.0
        """Fault: the device is loaded with energies changed by this, whatever the monitor is told."""
        self.replayed: bytes | None = None
        """Fault: a permit's frame that is sent in place of every new one."""
        self.last_frame = b""

    @property
    def _link(self) -> LinkCore:
        return self._cell.head.link

    @property
    def status(self) -> Status | None:
        """The status received last, None before the first."""
        return self._link.status

    @property
    def connected(self) -> bool:
        """Whether the device has been heard lately."""
        return self._link.heard_lately(self._cell.time_s)

    @property
    def work_count(self) -> int:
        """The progress of the processes is acted elsewhere (`processes`)."""
        return 0

    def events(self) -> Sequence[Event]:
        """Return and forget what has happened since the last call, in order."""
        return self._link.take_events()

    def begin_selection(self, select: Select) -> None:
        """Ask for a selection."""
        self._link.select(select, self._clock())

    def load(self, first: int, records: bytes) -> None:
        """Hand over the records of spots `first`, ... in order."""
        if self.energy_factor != 1.0:
            said = decode_records(records)
            energy = np.rint(said.energy_uj * self.energy_factor).astype(np.uint32)
            records = encode_records(said.counts, energy, said.pulse_us, said.not_before_us)
        self._link.load(first, records)

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on."""
        self.last_frame = frame
        self._link.relay_permit(self.replayed or frame)

    def close_gate(self) -> None:
        """Close the gate and forget the selection."""
        self._link.close_gate()

    def reset_fault(self) -> None:
        """Ask the device to clear a latched fault."""
        self._link.reset_fault()


class CellCamera:
    """The camera's switch."""

    def __init__(self, cell: LockstepCell) -> None:
        self._cell = cell

    def stream(self, on: bool) -> None:
        """Ask for pictures, or for none."""
        self._cell.streaming = on


class LinesTopic:
    """What the topic of the interlock lines says."""

    def __init__(self, cell: LockstepCell) -> None:
        self._cell = cell
        self.misread: dict[str, bool] = {}
        """Fault: lines the topic tells wrongly, with what it says."""

    def read(self, now: float) -> Interlocks:
        """Return the lines as told at `now` [s]."""
        return Interlocks(now, **{**self._cell.lines, **self.misread})


class TimedPlanning:
    """A planning that is over at an instant of virtual time."""

    def __init__(self, plan: Callable[[], PlanningResult], due: Callable[[], bool], offset_m: float) -> None:
        self._plan, self._due, self._offset_m = plan, due, offset_m

    def done(self) -> bool:
        """Whether its time has come."""
        return self._due()

    def result(self) -> Any:
        """Plan."""
        result = self._plan()
        return result if self._offset_m == 0.0 else _lifted(result, self._offset_m)


def _lifted(result: PlanningResult, by_m: float) -> PlanningResult:
    """Return a result whose plan has spots and stations moved up in the world."""
    plan: TreatmentPlan = result.plan
    position_nm, poses = plan.position_nm.copy(), plan.station_pose.copy()
    position_nm[:, 2] += round(by_m * 1e9)
    poses[:, 2] += by_m
    return replace(result, plan=replace(plan, position_nm=position_nm, station_pose=poses))
