"""The ports of the work loops in lockstep: the line to the head, the camera, the planning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openmtz.devices import Event, Select, Status
from openmtz.planning import PlanningResult
from openmtz.simulation.faults import SpoiledLink
from openmtz.simulation.lockstep.cell import LockstepCell


class CellLine:
    """The host's end of the line to the simulated head; see `openmtz.stack.ports.HeadLine`."""

    def __init__(self, cell: LockstepCell, clock: Callable[[], float]) -> None:
        self._cell, self._clock = cell, clock

    @property
    def _link(self) -> SpoiledLink:
        return self._cell.head.link

    @property
    def status(self) -> Status | None:
        """The status received last, None before the first."""
        status: Status | None = self._link.status
        return status

    @property
    def connected(self) -> bool:
        """Whether the device has been heard lately."""
        return bool(self._link.heard_lately(self._cell.time_s))

    @property
    def work_count(self) -> int:
        """The progress of the processes is acted elsewhere (`processes`)."""
        return 0

    def events(self) -> Sequence[Event]:
        """Return and forget what has happened since the last call, in order."""
        events: list[Event] = self._link.take_events()
        return events

    def begin_selection(self, select: Select) -> None:
        """Ask for a selection."""
        self._link.select(select, self._clock())

    def load(self, first: int, records: bytes) -> None:
        """Hand over the records of spots `first`, ... in order."""
        self._link.load(first, records)

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on."""
        self._link.relay_permit(frame)

    def show_plan(self, plan_sha256: bytes) -> None:
        """Ask the device to name a plan in its statuses."""
        self._link.show_plan(plan_sha256)

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


class TimedPlanning:
    """A planning that is over at an instant of virtual time."""

    def __init__(self, plan: Callable[[], PlanningResult], due: Callable[[], bool]) -> None:
        self._plan, self._due = plan, due

    def done(self) -> bool:
        """Whether its time has come."""
        return self._due()

    def result(self) -> PlanningResult:
        """Plan."""
        return self._plan()
