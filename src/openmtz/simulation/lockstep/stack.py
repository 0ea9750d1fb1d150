"""The software side of the lockstep simulation: the graph's own work loops, each at its period.

Here is only who works when; who hears what stands in `topics`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import in_line_worker
from openmtz.devices import FiredGap, LinkLost
from openmtz.optics import FieldCalibration
from openmtz.plan import Finding, TreatmentPlan
from openmtz.planning import PlanningResult
from openmtz.procedure import Act, Procedure, ScriptedOperator
from openmtz.robot import (
    CAMERA_FRAME,
    JOINT_NAMES as JOINTS,
    SCAN_HEAD_FRAME,
    ArmKinematics,
    Mover,
    Trajectory,
)
from openmtz.safety import (
    Approve,
    Outputs,
    Reply,
    Request,
    SafetyConfig,
    SafetyMonitor,
    SetReady,
)
from openmtz.simulation.arm import TrajectoryRejected
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.clients import LockstepClients
from openmtz.simulation.lockstep.log import EventLog
from openmtz.simulation.lockstep.ports import CellCamera, CellLine, TimedPlanning
from openmtz.simulation.lockstep.processes import Processes
from openmtz.simulation.lockstep.story import Story
from openmtz.simulation.lockstep.topics import Loops, Topics
from openmtz.stack import (
    Captured,
    CaptureFailed,
    CaptureFeedback,
    Capturing,
    Firing,
    FiringEnded,
    FiringProgress,
    HeadHeard,
    Monitoring,
    Planned,
    Planner,
    Planning,
    PlanningFailed,
    ShotReport,
    SpotsLoaded,
    Treating,
    TreatingConfig,
    TreatRequest,
    Turn,
)

Array = NDArray[np.float64]

TICK_S = 0.005
"""Period of the monitor's and the scan head's work loops."""
SLOW_TICKS = 4
"""The others work every 20 ms."""
PLANNING_S = 1.0
"""What planning takes of virtual time."""


@dataclass
class LockstepStack:
    """Call `tick` once per `TICK_S` after the cell was advanced."""

    cell: LockstepCell
    planner: Planner
    request: TreatRequest = field(default_factory=TreatRequest)
    scan: TreatingConfig = field(default_factory=TreatingConfig)
    log: EventLog = field(default_factory=EventLog)
    operator: ScriptedOperator = field(default_factory=ScriptedOperator)
    calibration: FieldCalibration | None = None
    """Of the scan head's field: monitor and head each go by it; None: the nominal map."""

    def __post_init__(self) -> None:
        kinematics = ArmKinematics()

        def pose_of(frame: str) -> Callable[[Array], Array]:
            return lambda joints: kinematics.forward(joints, frame)

        self.processes = Processes()
        self.line = CellLine(self.cell, lambda: self.now)
        config = SafetyConfig(
            calibration=self.calibration, calibration_id="" if self.calibration else "nominal"
        )
        monitor = SafetyMonitor(config, f"lockstep-{self.cell.seed}", self.cell.time_s)
        self.monitoring = Monitoring(monitor, pose_of(SCAN_HEAD_FRAME), ())
        self.monitoring.inbox.progress = self.processes.samples
        self.firing = Firing(self.line, pose_of(SCAN_HEAD_FRAME), self.calibration)
        self.capturing = Capturing(in_line_worker, CellCamera(self.cell), pose_of(CAMERA_FRAME))
        self.planning = Planning(self.planner, self._plan_later)
        self.mover = Mover(self._follow_trajectory, kinematics=kinematics)
        self.clients = LockstepClients(self.processes.runs, lambda: self.now, self.ask)
        self.clients.mover, self.clients.firing = self.mover, self.firing
        self.clients.capturing, self.clients.planning = self.capturing, self.planning
        self.treating = Treating(self.clients, self.scan)
        self.topics = Topics(
            self.cell,
            self.processes,
            Loops(self.monitoring, self.firing, self.capturing, self.planning, self.treating, self.mover),
        )
        self.findings: tuple[Finding, ...] = ()
        self.over = False
        """Whether the treatment has ended, with all it used."""
        self._ticks = 0
        self._story = Story(self.log)

    @property
    def procedure(self) -> Procedure:
        """The treatment's state machine."""
        return self.treating.dispatcher.procedure

    @property
    def plan(self) -> TreatmentPlan | None:
        """The newest plan."""
        return self.topics.plan

    @property
    def outputs(self) -> Outputs | None:
        """What the safety monitor said last."""
        return self.monitoring.outputs

    @property
    def now(self) -> float:
        """The host's clock [s]: virtual time, unless a fault sets it wrong."""
        return self.cell.host_time_s

    # ---- the clockwork --------------------------------------------------------------------------

    def start(self) -> None:
        """Ask for the treatment."""
        self.treating.start(self.request, self.now)

    def cancel(self, reason: str) -> None:
        """The operator stops it."""
        self.treating.cancel(reason)

    def tick(self) -> None:
        """Let every process that is due do its work."""
        now, runs = self.now, self.processes.runs
        self._ticks += 1
        slow = self._ticks % SLOW_TICKS == 0
        self.processes.work(now)
        self.cell.head.served = runs("scan_head")
        if runs("simulation"):
            self.topics.publish_cell(now)
        if runs("scan_head"):
            self._work_laser(now)
        if runs("safety_monitor"):
            self._tell(
                self.monitoring.step(
                    now,
                    run_line_ok=self.processes.run_line_ok,
                    strangers=self.processes.publishers.found(),
                )
            )
        self.topics.deliver_states(now)
        if slow and runs("arm"):
            self._work_arm(now)
        if slow and runs("surface_capture"):
            self._work_capture(now)
        if slow and runs("mtz_planner"):
            self._work_planning(now)
        if slow and runs("treatment"):
            turn = self.treating.work(now)
            self.over |= turn.ended is not None
            self._story.tell_status(self.procedure.status, self.now)
        for act in self.operator.act(self.procedure.status, now):
            self._do_act(act)

    # ---- scan head ------------------------------------------------------------------------------

    def _work_laser(self, now: float) -> None:
        for outcome in self.firing.work(now):
            match outcome:
                case HeadHeard():
                    self.topics.publish_head(outcome, now)
                case SpotsLoaded():
                    self.topics.publish_loaded(outcome)
                case ShotReport():
                    self.topics.publish_fired(outcome)
                case FiringProgress(next_spot):
                    self.clients.spots_fired(next_spot)
                case FiringEnded(success, reason, next_spot):
                    name = "fired" if success else "interrupted"
                    self.log.add(now, "group", name, next_spot=next_spot, reason=reason)
                    self.clients.firing_ended(outcome)
                case FiredGap(first, end):
                    text = f"spots {first} to {end} are in doubt: fired, but not reported"
                    self.log.add(now, "device", "fired-gap", text=text)
                case LinkLost(reason):
                    self.log.add(now, "device", "line-lost", text=reason)

    # ---- safety monitor -------------------------------------------------------------------------

    def ask(self, request: Request) -> Reply:
        """Ask the safety monitor as through a service; one that is gone answers nothing."""
        if not self.processes.runs("safety_monitor"):
            return Reply(False, "no-answer", "the safety monitor does not answer")
        reply, turn = self.monitoring.ask(
            request,
            self.now,
            run_line_ok=self.processes.run_line_ok,
            strangers=self.processes.publishers.found(),
        )
        self._tell(turn)
        return reply

    def _tell(self, turn: Turn) -> None:
        runs = self.processes.runs
        if turn.permit is not None and runs("scan_head"):
            self.firing.hear_permit(turn.permit.frame)
        if turn.outputs.reset_device and runs("scan_head"):
            self.line.reset_fault()
        if turn.tell_state:
            self.topics.queue_state(turn.outputs)
        self._story.tell_outputs(turn.outputs, self.now)

    # ---- arm, capture, planner ------------------------------------------------------------------

    def _work_arm(self, now: float) -> None:
        outcome = self.mover.work(now)
        if outcome is None:
            return
        if not outcome.success:
            self.log.add(now, "note", "move-failed", text=outcome.reason)
        self.clients.move_ended(outcome)

    def _follow_trajectory(self, trajectory: Trajectory) -> None:
        try:
            self.cell.world.follow(
                JOINTS, trajectory.times, trajectory.positions, trajectory.velocities,
                trajectory.accelerations,
            )  # fmt: skip
        except TrajectoryRejected as error:
            self.log.add(self.now, "note", "trajectory-rejected", text=str(error))

    def _work_capture(self, now: float) -> None:
        if self.cell.streaming:
            self.capturing.hear_intrinsics(self.cell.intrinsics)
        for frame in self.cell.take_frames():
            self.capturing.hear_frame(frame.stamp_s, frame.depth)
        for outcome in self.capturing.work(now):
            match outcome:
                case CaptureFeedback(_, fused, _):
                    self.clients.frames_fused(fused)
                case Captured(result, _):
                    self.topics.publish_surface(result.surface)
                    self.log.add(now, "note", "surface", surface_id=result.surface.surface_id)
                    self.clients.capture_ended(outcome)
                case CaptureFailed():
                    self.clients.capture_ended(outcome)

    def _plan_later(self, plan: Callable[[], PlanningResult]) -> TimedPlanning:
        due = self.now + PLANNING_S
        return TimedPlanning(plan, lambda: self.now >= due)

    def _work_planning(self, now: float) -> None:
        for outcome in self.planning.work(now):
            match outcome:
                case Planned(_, result):
                    self.findings = result.findings
                    self.cell.mount(result.plan)  # the tip that the plan names is the one mounted
                    self.topics.publish_plan(result.plan)
                    sha = result.plan.sha256
                    self.log.add(now, "note", "plan", plan_sha256=sha, spots=len(result.plan))
                    self.clients.planning_ended(outcome)
                case PlanningFailed():
                    self.clients.planning_ended(outcome)

    # ---- operator -------------------------------------------------------------------------------

    def _do_act(self, act: Act) -> None:
        if act.kind == "line":
            self.log.add(self.now, "operator", f"{act.line}={act.value}")
            self.cell.set_line(act.line, act.value)
            return
        if act.kind == "approve":
            sha = self.procedure.status.plan_sha256
            reply = self.ask(Approve(sha, self.monitoring.monitor.boot_id, "simulated operator"))
        else:
            reply = self.ask(SetReady(True))
        self.log.add(self.now, "operator", act.kind, accepted=reply.accepted, text=reply.text)
        if not reply.accepted:
            self.operator.refused()
