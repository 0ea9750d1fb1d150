"""Who hears what in lockstep: direct calls in place of the graph's topics, only to processes that run."""

from __future__ import annotations

from typing import NamedTuple

from openmtz.devices import loaded_spots
from openmtz.geometry import SkinSurface
from openmtz.plan import TreatmentPlan
from openmtz.robot import Mover
from openmtz.safety import FiredBatch, HeadStatus, Interlocks, Outputs, Token
from openmtz.simulation.cell import LINES_PERIOD_S
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.processes import Processes
from openmtz.stack import (
    Capturing,
    FiredRecord,
    Firing,
    HeadHeard,
    Monitoring,
    Planning,
    ShotReport,
    SpotsLoaded,
    Treating,
)


class Loops(NamedTuple):
    """The work loops, one a process."""

    monitoring: Monitoring
    firing: Firing
    capturing: Capturing
    planning: Planning
    treating: Treating
    mover: Mover


class Topics:
    """What was published last is kept, as a record of the run would hold it."""

    def __init__(self, cell: LockstepCell, processes: Processes, loops: Loops) -> None:
        self._cell, self._processes, self._loops = cell, processes, loops
        self.fired = FiredRecord()
        self.surface: SkinSurface | None = None
        self.plan: TreatmentPlan | None = None
        self._lines_due = 0.0
        self._states: list[Outputs] = []

    def publish_cell(self, now: float) -> None:
        """The simulated cell's joints, and its interlock lines when they are due."""
        loops = self._loops
        if loops.monitoring.inbox.interlocks is None or now >= self._lines_due:
            self._lines_due = now + LINES_PERIOD_S
            loops.monitoring.inbox.interlocks = Interlocks(now, **self._cell.line_book.read())
        told = self._cell.read_joints()
        if told is None:
            return
        position, velocity = told.position, told.velocity
        loops.monitoring.inbox.hear_joints(position, now)
        loops.firing.hear_joints(position, now)
        loops.mover.take_joints(position, velocity, now)
        loops.capturing.hear_joints(told.time_s, position)

    def publish_head(self, heard: HeadHeard, now: float) -> None:
        """The scan head's status."""
        self._loops.monitoring.inbox.head = _head_status(heard, now)

    def publish_loaded(self, loaded: SpotsLoaded) -> None:
        """Records handed to the scan head."""
        chunk = loaded.chunk
        spots = loaded_spots(
            loaded.plan_sha256, loaded.station, loaded.pass_index, chunk.first, chunk.records,
            chunk.digest_before,
        )  # fmt: skip
        self._loops.monitoring.inbox.loaded.append(spots)

    def publish_fired(self, report: ShotReport) -> None:
        """Shots the device reported."""
        self.fired.add(report)
        index, energy = report.spot_index.astype("uint32"), report.energy_uj.astype("uint32")
        self._loops.monitoring.inbox.fired.append(
            FiredBatch(report.plan_sha256, report.boot_id, index, energy)
        )
        if self._processes.runs("treatment"):
            self._loops.treating.hear_fired(report)

    def publish_surface(self, surface: SkinSurface) -> None:
        """A captured surface."""
        self.surface = surface
        self._loops.monitoring.inbox.hear_surface(surface.surface_id, surface.mesh)
        self._loops.mover.collision.set_patient(surface.mesh)
        self._loops.planning.hear_surface(surface)

    def publish_plan(self, plan: TreatmentPlan) -> None:
        """A plan."""
        self.plan = self._loops.monitoring.inbox.plan = plan
        if self._processes.runs("scan_head"):
            self._loops.firing.hear_plan(plan)
        if self._processes.runs("treatment"):
            self._loops.treating.hear_plan(plan)

    def queue_state(self, outputs: Outputs) -> None:
        """The safety monitor's state, on its way until `deliver_states`."""
        self._states.append(outputs)

    def deliver_states(self, now: float) -> None:
        """What the monitor told arrives."""
        states, self._states = self._states, []
        for outputs in states:
            told = (outputs.state.name, outputs.detail or outputs.cause, outputs.approved_plan_sha256)
            if self._processes.runs("arm"):
                self._loops.mover.take_token(outputs.token is Token.MOTION, now)
            if self._processes.runs("scan_head"):
                self._loops.firing.hear_safety(*told)
            if self._processes.runs("treatment"):
                self._loops.treating.hear_safety(*told)


def _head_status(heard: HeadHeard, now: float) -> HeadStatus:
    """Return what the monitor hears of the head, as it would by the topic."""
    s = heard.status
    return HeadStatus(
        now, heard.connected, int(s.state), s.boot_id, s.device_tick_us, s.gate_open, s.emergency_stop_open,
        s.loaded_until, s.executed, s.permit_counter, s.fault_code, s.fault_text, s.plan_hex,
    )  # fmt: skip
