"""What the procedure's commands do to the lockstep stack: one method for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CaptureError, CaptureSettings, scan_views
from openmtz.geometry import pose_from_vector
from openmtz.hooks import PluginError, UnknownIndication
from openmtz.planning import PlanningError, RequestError
from openmtz.procedure import commands, events, groups_of
from openmtz.records import verify
from openmtz.robot import HOME
from openmtz.safety import RequestToken, SetReady, Token
from openmtz.simulation.lockstep.capture import LockstepCapture

if TYPE_CHECKING:
    from openmtz.simulation.lockstep.stack import LockstepStack

PLANNING_S = 1.0
VERIFY_DELAY_S = 0.3
TOKENS = {"motion": Token.MOTION, "emission": Token.EMISSION}


class ProcedureCommands:
    """Carries commands out; answers go back as events."""

    def __init__(self, stack: LockstepStack) -> None:
        self._stack = stack
        scan = stack.scan
        self._views = scan_views(scan.center_m, scan.direction, scan.standoff_m, scan.tilt_rad, scan.views)
        self._home = stack.kinematics.forward(HOME, "scan_head")

    def do(self, command: commands.Command) -> None:
        """Carry out one command."""
        getattr(self, f"do_{type(command).__name__}")(command)

    def do_StartCapture(self, command: commands.StartCapture) -> None:
        stack = self._stack
        settings = CaptureSettings(
            center=stack.scan.center_m,
            radius_m=stack.scan.radius_m,
            voxel_m=stack.scan.voxel_m,
            intrinsics=stack.cell.intrinsics,
        )
        stack.capture = (
            command.ticket,
            LockstepCapture(settings, stack.scan.frames_per_view, stack.kinematics),
        )
        stack.fused = 0
        stack.cell.streaming = True
        stack.step(events.CaptureStarted(command.ticket))

    def do_FinishCapture(self, command: commands.FinishCapture) -> None:
        stack = self._stack
        capture = stack.capture
        if capture is None:
            stack.step(events.CaptureFailed(command.ticket, "no capture is running"))
            return
        stack.end_capture()
        try:
            stack.surface = capture[1].finish()
        except CaptureError as error:
            stack.step(events.CaptureFailed(command.ticket, str(error)))
            return
        stack.safety.inbox.hear_surface(stack.surface.surface_id, stack.surface.mesh)
        stack.mover.collision.set_patient(stack.surface.mesh)
        stack.log.add(stack.now, "note", "surface", surface_id=stack.surface.surface_id)
        stack.step(events.CaptureDone(command.ticket, stack.surface.surface_id))

    def do_CancelCapture(self, _command: commands.CancelCapture) -> None:
        self._stack.end_capture()

    def do_CancelPlan(self, _command: commands.CancelPlan) -> None:
        """The plan is made at once; what comes later carries a ticket nobody waits for."""

    def do_RequestPlan(self, command: commands.RequestPlan) -> None:
        stack = self._stack

        def tell() -> None:
            if stack.surface is None or not stack.processes.runs("mtz_planner"):
                return  # nobody answers; the procedure's own limit ends the wait
            try:
                stack.plan, stack.findings = stack.planner(stack.surface)
            except (PlanningError, PluginError, UnknownIndication, RequestError, ValueError) as error:
                stack.step(events.PlanFailed(command.ticket, str(error)))
                return
            stack.safety.inbox.plan = stack.plan
            stack.cell.mount(stack.plan)
            stack.log.add(
                stack.now,
                "note",
                "plan",
                plan_sha256=stack.plan.sha256,
                spots=len(stack.plan),
            )
            stack.step(events.PlanReady(command.ticket, stack.plan.sha256, groups_of(stack.plan)))

        stack.later.append((stack.now + PLANNING_S, tell))

    def do_AskApproval(self, _command: commands.AskApproval) -> None:
        """The operator sees it in the procedure's status."""

    def do_RequestToken(self, command: commands.RequestToken) -> None:
        stack = self._stack
        request = RequestToken(TOKENS[command.token], command.station, command.pass_index)
        reply = stack.safety.ask(request, stack.now)
        if reply.accepted:
            stack.step(events.TokenGranted(command.ticket))
        else:
            stack.step(events.TokenRefused(command.ticket, reply.text))

    def do_ReturnToken(self, _command: commands.ReturnToken) -> None:
        self._stack.safety.ask(RequestToken(Token.NONE), self._stack.now)

    def do_WithdrawReady(self, _command: commands.WithdrawReady) -> None:
        self._stack.safety.ask(SetReady(False), self._stack.now)

    def do_MoveTo(self, command: commands.MoveTo) -> None:
        stack = self._stack
        stack.move_ticket = command.ticket
        target = self._target(command)
        if stack.processes.runs("arm"):
            stack.mover.begin(target, command.tool, stack.scan.speed_fraction, stack.now)

    def _target(self, command: commands.MoveTo) -> NDArray[np.float64]:
        if command.target == "view":
            return self._views[command.index]
        if command.target == "station" and self._stack.plan is not None:
            return pose_from_vector(self._stack.plan.station_pose[command.index])
        return self._home

    def do_StopArm(self, _command: commands.StopArm) -> None:
        stack = self._stack
        if stack.processes.runs("arm"):
            stack.mover.cancel(stack.now)

    def do_Fire(self, command: commands.Fire) -> None:
        stack = self._stack
        stack.fire_ticket, stack.fire_told = command.ticket, -1
        if stack.plan is not None and stack.processes.runs("scan_head"):
            stack.laser.begin(stack.plan, command.station, command.pass_index, command.first, stack.now)

    def do_CancelFire(self, _command: commands.CancelFire) -> None:
        if self._stack.processes.runs("scan_head"):
            self._stack.laser.interrupt("cancelled")

    def do_Verify(self, command: commands.Verify) -> None:
        stack = self._stack

        def tell() -> None:
            plan = stack.plan
            if plan is None or plan.sha256 != command.plan_sha256:
                stack.step(events.Verified(command.ticket, False, "the plan is gone"))
                return
            result = verify(plan, stack.laser.fired(plan.sha256))
            reason = "" if result.ok else "; ".join(f.text for f in result.findings)
            stack.step(events.Verified(command.ticket, result.ok, reason))

        stack.later.append((stack.now + VERIFY_DELAY_S, tell))
