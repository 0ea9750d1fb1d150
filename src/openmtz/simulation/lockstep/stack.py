"""The software side of the lockstep simulation: procedure, safety, arm, laser, capture, planner.

As in the ROS graph, each stepped at its period on virtual time, with direct calls in place of topics.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CaptureError, CaptureSettings, scan_views
from openmtz.geometry import SkinSurface, pose_from_vector
from openmtz.hooks import PluginError, UnknownIndication
from openmtz.optics import FieldCalibration
from openmtz.plan import Finding, TreatmentPlan
from openmtz.planning import PlanningError, RequestError
from openmtz.procedure import Procedure, ProcedureConfig, commands, events, groups_of
from openmtz.procedure.scripted_operator import Act, ScriptedOperator
from openmtz.records import verify
from openmtz.robot import HOME, ArmKinematics, Mover, Trajectory
from openmtz.robot import JOINT_NAMES as JOINTS
from openmtz.safety import Approve, RequestToken, SafetyMonitor, SetReady, Token
from openmtz.simulation.controller import TrajectoryRejected
from openmtz.simulation.lockstep.capture import LockstepCapture
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.laser_side import LaserSide
from openmtz.simulation.lockstep.log import EventLog
from openmtz.simulation.lockstep.monitor_side import MonitorSide
from openmtz.simulation.lockstep.processes import Processes

TICK_S = 0.005
"""Period of the monitor's and the scan head's work loops."""
SLOW_TICKS = 4
"""The others work every 20 ms."""
STATE_PERIOD_S = 0.1
PLANNING_S = 1.0
VERIFY_DELAY_S = 0.3
TOKENS = {"motion": Token.MOTION, "emission": Token.EMISSION}

Planner = Callable[[SkinSurface], "tuple[TreatmentPlan, tuple[Finding, ...]]"]
"""Plans on a surface; raises what `plan_treatment` raises."""


@dataclass(frozen=True)
class ScanSettings:
    """How the skin is scanned; the parameters of node `treatment` explain them."""

    center_m: tuple[float, float, float] = (0.50, 0.0, 0.05)
    direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    radius_m: float = 0.045
    voxel_m: float = 0.001
    standoff_m: float = 0.30
    tilt_rad: float = math.radians(18.0)
    views: int = 6
    frames_per_view: int = 5
    speed_fraction: float = 0.7


@dataclass
class JointFaults:
    """What is wrong with the joint states on their way from the arm."""

    lost: bool = False
    frozen: bool = False
    offset_rad: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))
    _held: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def tell(
        self, position: NDArray[np.float64], velocity: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return positions and velocities as published, None if nothing is."""
        if self.lost:
            return None
        if not self.frozen or self._held is None:
            self._held = (position + self.offset_rad, velocity)
        return self._held


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
        self.procedure = Procedure(
            ProcedureConfig(
                views=scan.views, views_min=min(3, scan.views), frames_per_view=scan.frames_per_view
            )
        )
        self._views = scan_views(scan.center_m, scan.direction, scan.standoff_m, scan.tilt_rad, scan.views)
        self._home = self.kinematics.forward(HOME, "scan_head")
        self._events: deque[events.Event] = deque()
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._stepping = False
        self._ticks = 0
        self._capture: tuple[int, LockstepCapture] | None = None
        self._fused = 0
        self._move_ticket = self._fire_ticket = 0
        self._fire_told = -1
        self._state_due = 0.0
        self._told: tuple[Any, ...] = ()
        self._approved = ""
        self._shown: tuple[Any, ...] = ()
        self.clock_offset_s = 0.0
        """What the host's clock is ahead by."""
        self.joint_faults = JointFaults()
        self.surface: SkinSurface | None = None
        self.plan: TreatmentPlan | None = None
        self.findings: tuple[Finding, ...] = ()
        self.cancel_reason = ""

    @property
    def now(self) -> float:
        """The host's clock [s]: virtual time, unless a fault sets it wrong."""
        return self.cell.time_s + self.clock_offset_s

    # ---- the clockwork --------------------------------------------------------------------------

    def start(self) -> None:
        """Ask for the treatment."""
        self._step(events.Tick(self.now))
        self._step(events.TreatRequested())

    def cancel(self, reason: str) -> None:
        """The operator stops it."""
        self._step(events.CancelRequested(reason))

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
            self._step(events.Tick(now))
            self._show_status()
        for act in self.operator.act(self.procedure.status, now):
            self._do_act(act)

    def _publish_joints(self, now: float) -> None:
        state = self.cell.world.joint_state()
        told = self.joint_faults.tell(state.position, state.velocity)
        if told is None:
            return
        position, velocity = told
        self.safety.hear_joints(position, now)
        self.laser.take_joints(position, now)
        self.mover.take_joints(position, velocity, now)
        if self._capture is not None:
            self._capture[1].take_joints(state.time_s, position)

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
        self._step(events.SafetyChanged(outputs.state.name, outputs.detail or outputs.cause))
        status = self.procedure.status
        approved, self._approved = self._approved, outputs.approved_plan_sha256
        if status.plan_sha256 and self._approved == status.plan_sha256:
            if status.state == "approving":
                self._step(events.Approved(self._approved))
        elif approved and status.stage == "treat":
            self._step(events.ApprovalEnded())

    def _work_laser(self, now: float) -> None:
        outcome = self.laser.work(now)
        spot = self.laser.next_spot
        if spot is not None and spot != self._fire_told:
            self._fire_told = spot
            self._step(events.FireProgress(self._fire_ticket, spot))
        if outcome is not None:
            self.log.add(
                now, "group", "fired" if outcome.success else "interrupted",
                next_spot=outcome.next_spot, reason=outcome.reason,
            )  # fmt: skip
            if outcome.success:
                self._step(events.GroupFired(self._fire_ticket, outcome.next_spot))
            else:
                self._step(events.FireInterrupted(self._fire_ticket, outcome.next_spot, outcome.reason))

    def _work_arm(self, now: float) -> None:
        outcome = self.mover.work(now)
        if outcome is None:
            return
        if outcome.success:
            self._step(events.Arrived(self._move_ticket))
        else:
            self.log.add(now, "note", "move-failed", text=outcome.reason)
            self._step(events.MoveFailed(self._move_ticket, outcome.reason))

    def _work_capture(self) -> None:
        if self._capture is None:
            self.cell.take_frames()
            return
        ticket, capture = self._capture
        for frame in self.cell.take_frames():
            capture.take_frame(frame)
        try:
            capture.work()
        except CaptureError as error:
            self._end_capture()
            self._step(events.CaptureFailed(ticket, str(error)))
            return
        if capture.fuser.frames_fused != self._fused:
            self._fused = capture.fuser.frames_fused
            self._step(events.FramesFused(ticket, self._fused))

    def _work_later(self, now: float) -> None:
        due = [act for at, act in self._later if at <= now]
        self._later = [(at, act) for at, act in self._later if at > now]
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

    def _step(self, event: events.Event) -> None:
        """Take one event to its end before the next: a command may be answered while it is given."""
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events:
                for command in self.procedure.step(self._events.popleft()):
                    getattr(self, f"_do_{type(command).__name__}")(command)
        finally:
            self._stepping = False

    def _do_StartCapture(self, command: commands.StartCapture) -> None:
        settings = CaptureSettings(
            center=self.scan.center_m,
            radius_m=self.scan.radius_m,
            voxel_m=self.scan.voxel_m,
            intrinsics=self.cell.intrinsics,
        )
        self._capture = (
            command.ticket,
            LockstepCapture(settings, self.scan.frames_per_view, self.kinematics),
        )
        self._fused = 0
        self.cell.streaming = True
        self._step(events.CaptureStarted(command.ticket))

    def _do_FinishCapture(self, command: commands.FinishCapture) -> None:
        capture = self._capture
        if capture is None:
            self._step(events.CaptureFailed(command.ticket, "no capture is running"))
            return
        self._end_capture()
        try:
            self.surface = capture[1].finish()
        except CaptureError as error:
            self._step(events.CaptureFailed(command.ticket, str(error)))
            return
        self.safety.surface_id = self.surface.surface_id
        self.mover.collision.set_patient(self.surface.mesh)
        self.log.add(self.now, "note", "surface", surface_id=self.surface.surface_id)
        self._step(events.CaptureDone(command.ticket, self.surface.surface_id))

    def _end_capture(self) -> None:
        self._capture = None
        self.cell.streaming = False

    def _do_CancelCapture(self, _command: commands.CancelCapture) -> None:
        self._end_capture()

    def _do_CancelPlan(self, _command: commands.CancelPlan) -> None:
        """The plan is made at once; what comes later carries a ticket nobody waits for."""

    def _do_RequestPlan(self, command: commands.RequestPlan) -> None:
        def tell() -> None:
            if self.surface is None or not self.processes.runs("mtz_planner"):
                return  # nobody answers; the procedure's own limit ends the wait
            try:
                self.plan, self.findings = self.planner(self.surface)
            except (PlanningError, PluginError, UnknownIndication, RequestError, ValueError) as error:
                self._step(events.PlanFailed(command.ticket, str(error)))
                return
            self.safety.plan = self.plan
            self.cell.mount(self.plan)
            self.log.add(self.now, "note", "plan", plan_sha256=self.plan.sha256, spots=len(self.plan))
            self._step(events.PlanReady(command.ticket, self.plan.sha256, groups_of(self.plan)))

        self._later.append((self.now + PLANNING_S, tell))

    def _do_AskApproval(self, _command: commands.AskApproval) -> None:
        """The operator sees it in the procedure's status."""

    def _do_RequestToken(self, command: commands.RequestToken) -> None:
        request = RequestToken(TOKENS[command.token], command.station, command.pass_index)
        reply = self.safety.ask(request, self.now)
        if reply.accepted:
            self._step(events.TokenGranted(command.ticket))
        else:
            self._step(events.TokenRefused(command.ticket, reply.text))

    def _do_ReturnToken(self, _command: commands.ReturnToken) -> None:
        self.safety.ask(RequestToken(Token.NONE), self.now)

    def _do_WithdrawReady(self, _command: commands.WithdrawReady) -> None:
        self.safety.ask(SetReady(False), self.now)

    def _do_MoveTo(self, command: commands.MoveTo) -> None:
        self._move_ticket = command.ticket
        target = self._target(command)
        if self.processes.runs("arm"):
            self.mover.begin(target, command.tool, self.scan.speed_fraction, self.now)

    def _target(self, command: commands.MoveTo) -> NDArray[np.float64]:
        if command.target == "view":
            return self._views[command.index]
        if command.target == "station" and self.plan is not None:
            return pose_from_vector(self.plan.station_pose[command.index])
        return self._home

    def _do_StopArm(self, _command: commands.StopArm) -> None:
        if self.processes.runs("arm"):
            self.mover.cancel(self.now)

    def _follow_trajectory(self, trajectory: Trajectory) -> None:
        try:
            self.cell.world.follow(
                JOINTS, trajectory.times, trajectory.positions, trajectory.velocities,
                trajectory.accelerations,
            )  # fmt: skip
        except TrajectoryRejected as error:
            self.log.add(self.now, "note", "trajectory-rejected", text=str(error))

    def _do_Fire(self, command: commands.Fire) -> None:
        self._fire_ticket, self._fire_told = command.ticket, -1
        if self.plan is not None and self.processes.runs("scan_head"):
            self.laser.begin(self.plan, command.station, command.pass_index, command.first, self.now)

    def _do_CancelFire(self, _command: commands.CancelFire) -> None:
        if self.processes.runs("scan_head"):
            self.laser.interrupt("cancelled")

    def _do_Verify(self, command: commands.Verify) -> None:
        def tell() -> None:
            plan = self.plan
            if plan is None or plan.sha256 != command.plan_sha256:
                self._step(events.Verified(command.ticket, False, "the plan is gone"))
                return
            result = verify(plan, self.laser.fired(plan.sha256))
            reason = "" if result.ok else "; ".join(f.text for f in result.findings)
            self._step(events.Verified(command.ticket, result.ok, reason))

        self._later.append((self.now + VERIFY_DELAY_S, tell))
