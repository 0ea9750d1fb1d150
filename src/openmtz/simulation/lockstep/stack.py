"""The software side of the lockstep simulation: procedure, safety, arm, laser, capture, planner.

As in the ROS graph, each stepped at its period on virtual time, with direct calls in place of topics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from openmtz.capture import CaptureError
from openmtz.geometry import SkinSurface
from openmtz.optics import FieldCalibration
from openmtz.plan import Finding, TreatmentPlan
from openmtz.procedure import Act, Dispatcher, Procedure, ProcedureConfig, ScriptedOperator, events
from openmtz.robot import JOINT_NAMES as JOINTS, ArmKinematics, Mover, Trajectory
from openmtz.safety import Approve, SafetyMonitor, SetReady, Token
from openmtz.simulation.arm import TrajectoryRejected
from openmtz.simulation.lockstep.capture import LockstepCapture
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.laser_side import LaserSide
from openmtz.simulation.lockstep.log import EventLog
from openmtz.simulation.lockstep.monitor_side import MonitorSide
from openmtz.simulation.lockstep.procedure_commands import ProcedureCommands
from openmtz.simulation.lockstep.processes import Processes
from openmtz.simulation.lockstep.scan import ScanSettings

TICK_S = 0.005
"""Period of the monitor's and the scan head's work loops."""
SLOW_TICKS = 4
"""The others work every 20 ms."""
STATE_PERIOD_S = 0.1

Planner = Callable[[SkinSurface], "tuple[TreatmentPlan, tuple[Finding, ...]]"]
"""Plans on a surface; raises what `plan_treatment` raises."""


@dataclass
class LockstepStack:
    """Call `tick` once per `TICK_S` after the cell was advanced."""

    cell: LockstepCell
    planner: Planner
    scan: ScanSettings = field(default_factory=ScanSettings)
    log: EventLog = field(default_factory=EventLog)
    operator: ScriptedOperator = field(default_factory=ScriptedOperator)
    monitor: SafetyMonitor | None = None
    calibration: FieldCalibration | None = None
    """Of the scan head's field: monitor and head each go by it; None: the nominal map."""

    def __post_init__(self) -> None:
        scan = self.scan
        self.processes = Processes()
        self.safety = MonitorSide(self.cell, self.processes, self.log, self.monitor, self.calibration)
        self.laser = LaserSide(self.cell, self.safety, self.log, self.calibration)
        self.kinematics = ArmKinematics()
        self.mover = Mover(self._follow_trajectory, kinematics=self.kinematics)
        config = ProcedureConfig(
            views=scan.views, views_min=min(3, scan.views), frames_per_view=scan.frames_per_view
        )
        self.commands = ProcedureCommands(self)
        self.dispatcher = Dispatcher(Procedure(config), self.commands.do)
        self.later: list[tuple[float, Callable[[], None]]] = []
        self._ticks = 0
        self.capture: tuple[int, LockstepCapture] | None = None
        self.fused = 0
        self.move_ticket = self.fire_ticket = 0
        self.fire_told = -1
        self._state_due = 0.0
        self._told: tuple[Any, ...] = ()
        self._shown: tuple[Any, ...] = ()
        self.surface: SkinSurface | None = None
        self.plan: TreatmentPlan | None = None
        self.findings: tuple[Finding, ...] = ()

    @property
    def procedure(self) -> Procedure:
        """The treatment's state machine."""
        return self.dispatcher.procedure

    @property
    def now(self) -> float:
        """The host's clock [s]: virtual time, unless a fault sets it wrong."""
        return self.cell.host_time_s

    # ---- the clockwork --------------------------------------------------------------------------

    def start(self) -> None:
        """Ask for the treatment."""
        self.step(events.Tick(self.now))
        self.step(events.TreatRequested())

    def cancel(self, reason: str) -> None:
        """The operator stops it."""
        self.step(events.CancelRequested(reason))

    @property
    def over(self) -> bool:
        """Whether the treatment has ended and the arm is done too."""
        return self.procedure.finished and not self.mover.busy

    def tick(self) -> None:
        """Let every process that is due do its work."""
        now, runs = self.now, self.processes.runs
        self._ticks += 1
        slow = self._ticks % SLOW_TICKS == 0
        self.processes.work(now)
        self.cell.head.served = runs("scan_head")
        if runs("simulation"):
            self._publish_joints(now)
        if runs("scan_head"):
            self._work_laser(now)
        if runs("safety_monitor"):
            self.safety.step(now)
        self._publish_state(now)
        if slow and runs("arm"):
            self._work_arm(now)
        if slow and runs("surface_capture"):
            self._work_capture()
        self._work_later(now)
        if slow and runs("treatment"):
            self.step(events.Tick(now))
            self._show_status()
        for act in self.operator.act(self.procedure.status, now):
            self._do_act(act)

    def _publish_joints(self, now: float) -> None:
        told = self.cell.read_joints()
        if told is None:
            return
        position, velocity = told.position, told.velocity
        self.safety.inbox.hear_joints(position, now)
        self.laser.take_joints(position, now)
        self.mover.take_joints(position, velocity, now)
        if self.capture is not None:
            self.capture[1].take_joints(told.time_s, position)

    def _publish_state(self, now: float) -> None:
        outputs = self.safety.outputs
        if outputs is None:
            return
        key = (outputs.state, outputs.token, outputs.cause, outputs.approved_plan_sha256)
        if not self.processes.runs("safety_monitor") or (key == self._told and now < self._state_due):
            return
        self._told, self._state_due = key, now + STATE_PERIOD_S
        if self.processes.runs("arm"):
            self.mover.take_token(outputs.token is Token.MOTION, now)
        if not self.processes.runs("treatment"):
            return
        self.dispatcher.safety_changed(
            outputs.state.name, outputs.detail or outputs.cause, outputs.approved_plan_sha256
        )

    def _work_laser(self, now: float) -> None:
        outcome = self.laser.work(now)
        spot = self.laser.next_spot
        if spot is not None and spot != self.fire_told:
            self.fire_told = spot
            self.step(events.FireProgress(self.fire_ticket, spot))
        if outcome is not None:
            self.log.add(
                now, "group", "fired" if outcome.success else "interrupted",
                next_spot=outcome.next_spot, reason=outcome.reason,
            )  # fmt: skip
            if outcome.success:
                self.step(events.GroupFired(self.fire_ticket, outcome.next_spot))
            else:
                self.step(events.FireInterrupted(self.fire_ticket, outcome.next_spot, outcome.reason))

    def _work_arm(self, now: float) -> None:
        outcome = self.mover.work(now)
        if outcome is None:
            return
        if outcome.success:
            self.step(events.Arrived(self.move_ticket))
        else:
            self.log.add(now, "note", "move-failed", text=outcome.reason)
            self.step(events.MoveFailed(self.move_ticket, outcome.reason))

    def _work_capture(self) -> None:
        if self.capture is None:
            self.cell.take_frames()
            return
        ticket, capture = self.capture
        for frame in self.cell.take_frames():
            capture.take_frame(frame)
        try:
            capture.work()
        except CaptureError as error:
            self.end_capture()
            self.step(events.CaptureFailed(ticket, str(error)))
            return
        if capture.fuser.frames_fused != self.fused:
            self.fused = capture.fuser.frames_fused
            self.step(events.FramesFused(ticket, self.fused))

    def end_capture(self) -> None:
        """No capture runs any more; the camera stops."""
        self.capture = None
        self.cell.streaming = False

    def _work_later(self, now: float) -> None:
        due = [act for at, act in self.later if at <= now]
        self.later = [(at, act) for at, act in self.later if at > now]
        for act in due:
            act()

    def _show_status(self) -> None:
        status = self.procedure.status
        key = (status.stage, status.state)
        if key != self._shown:
            if not self._shown or self._shown[0] != status.stage:
                self.log.add(self.now, "stage", status.stage)
            self._shown = key
            self.log.add(self.now, "procedure", status.state, detail=status.detail)

    def _do_act(self, act: Act) -> None:
        if act.kind == "line":
            self.log.add(self.now, "operator", f"{act.line}={act.value}")
            self.cell.set_line(act.line, act.value)
            return
        if act.kind == "approve":
            sha = self.procedure.status.plan_sha256
            reply = self.safety.ask(Approve(sha, self.safety.monitor.boot_id, "simulated operator"), self.now)
        else:
            reply = self.safety.ask(SetReady(True), self.now)
        self.log.add(self.now, "operator", act.kind, accepted=reply.accepted, text=reply.text)
        if not reply.accepted:
            self.operator.refused()

    # ---- procedure ------------------------------------------------------------------------------

    def step(self, event: events.Event) -> None:
        """Take one event to its end before the next."""
        self.dispatcher.step(event)

    def _follow_trajectory(self, trajectory: Trajectory) -> None:
        try:
            self.cell.world.follow(
                JOINTS, trajectory.times, trajectory.positions, trajectory.velocities,
                trajectory.accelerations,
            )  # fmt: skip
        except TrajectoryRejected as error:
            self.log.add(self.now, "note", "trajectory-rejected", text=str(error))
