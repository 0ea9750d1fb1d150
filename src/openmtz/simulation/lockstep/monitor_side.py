"""The safety monitor in lockstep: what node `safety_monitor` would have heard, its step, its permits."""

from __future__ import annotations

from typing import Any

from openmtz.devices import GroupFiring, LoadedChunk, loaded_spots, permit_frame
from openmtz.optics import FieldCalibration
from openmtz.robot import ArmKinematics
from openmtz.safety import (
    HeadStatus,
    Inbox,
    Interlocks,
    Outputs,
    PermitGrant,
    Reply,
    Request,
    SafetyConfig,
    SafetyMonitor,
)
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.log import EventLog
from openmtz.simulation.lockstep.processes import Processes

LINES_PERIOD_S = 0.02
"""As node `simulation` publishes them."""


class MonitorSide:
    """One run of the monitor on the cell. `outputs` is what it said last."""

    def __init__(
        self,
        cell: LockstepCell,
        processes: Processes,
        log: EventLog,
        monitor: SafetyMonitor | None = None,
        calibration: FieldCalibration | None = None,
    ) -> None:
        config = SafetyConfig(calibration=calibration, calibration_id="" if calibration else "nominal")
        self.monitor = monitor or SafetyMonitor(config, f"lockstep-{cell.seed}", cell.time_s)
        self.cell, self.processes, self.log = cell, processes, log
        self.inbox = Inbox(ArmKinematics().forward)
        self.inbox.progress = processes.samples
        self.outputs: Outputs | None = None
        self._lines_due = 0.0
        self._said: tuple[Any, ...] = ()

    # ---- what it hears --------------------------------------------------------------------------

    def hear_head(self, now: float) -> None:
        """Take the status the scan-head process heard last."""
        link = self.cell.head.link
        s = link.status
        if s is not None:
            self.inbox.head = HeadStatus(
                now, link.heard_lately(self.cell.time_s), int(s.state), s.boot_id,
                s.device_tick_us, s.gate_open, s.emergency_stop_open, s.loaded_until, s.executed,
                s.permit_counter, s.fault_code, s.fault_text, s.plan_hex,
            )  # fmt: skip

    def hear_loaded(self, firing: GroupFiring, chunk: LoadedChunk) -> None:
        """Take what was loaded into the head."""
        group = firing.group
        self.inbox.loaded.append(
            loaded_spots(
                firing.plan.sha256, group.station, group.pass_index, chunk.first, chunk.records,
                chunk.digest_before,
            )
        )  # fmt: skip

    # ---- steps ----------------------------------------------------------------------------------

    def ask(self, request: Request, now: float) -> Reply:
        """Ask as through a service; a monitor that is gone answers nothing."""
        if not self.processes.runs("safety_monitor"):
            return Reply(False, "no-answer", "the safety monitor does not answer")
        outputs = self.step(now, (request,))
        return outputs.replies[0]

    def step(self, now: float, requests: tuple[Request, ...] = ()) -> Outputs:
        """One step of the monitor at `now` [s]."""
        if self.inbox.interlocks is None or now >= self._lines_due:
            self._lines_due = now + LINES_PERIOD_S
            if self.processes.runs("simulation"):
                self.inbox.interlocks = Interlocks(now, **self.cell.line_book.read())
        inputs = self.inbox.take(
            requests,
            run_line_ok=self.processes.run_line_ok,
            shared_topics=self.processes.publishers.shared(),
        )
        outputs = self.monitor.step(inputs, now)
        self.outputs = outputs
        if outputs.grant is not None:
            self._send(outputs.grant)
        if outputs.reset_device and self.processes.runs("scan_head"):
            self.cell.head.link.reset_fault()
        self._note(outputs, now)
        return outputs

    def _send(self, grant: PermitGrant) -> None:
        if self.processes.runs("scan_head"):
            self.cell.head.link.relay_permit(permit_frame(grant))

    def _note(self, outputs: Outputs, now: float) -> None:
        for event in outputs.events:
            if event.kind == "state":
                self.log.add(now, "safety", outputs.state.name, cause=event.code, text=event.text)
            elif event.kind != "permit":
                self.log.add(now, event.kind, event.code, text=event.text)
        withheld = outputs.withheld if outputs.state.name == "FIRING" else ()
        if withheld != self._said:
            self._said = withheld
            self.log.add(now, "withheld", ", ".join(withheld))
