"""The procedure's commands, carried out: goals and service calls to other nodes, their answers as events."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from openmtz_interfaces.action import CaptureSurface, FireStation, MoveToStation, PlanTreatment
from openmtz_interfaces.msg import SafetyState
from openmtz_interfaces.srv import RequestReady, RequestToken
from std_srvs.srv import Trigger

from openmtz.capture import scan_views
from openmtz.geometry import pose_from_vector
from openmtz.nodes import convert
from openmtz.nodes.clients import GoalClient, ServiceQueue
from openmtz.nodes.support import work_timer
from openmtz.procedure import commands, events
from openmtz.records import verify
from openmtz.robot import HOME, ArmKinematics

if TYPE_CHECKING:
    from openmtz.nodes.treatment import Treatment

TOKENS = {"motion": SafetyState.TOKEN_MOTION, "emission": SafetyState.TOKEN_EMISSION}


class TreatmentCommands:
    """One method `do_NAME` for each command; what comes of it goes to `node.step` with its ticket."""

    def __init__(self, node: Treatment) -> None:
        self._node = node
        config = node.config
        self._views = scan_views(
            config.scan_center_m,
            config.scan_direction,
            config.scan_standoff_m,
            config.scan_tilt_rad,
            config.views,
        )
        self._home = ArmKinematics().forward(HOME, "scan_head")
        self._calls = ServiceQueue(node)
        self._capture = GoalClient(node, CaptureSurface, "capture_surface")
        self._planner = GoalClient(node, PlanTreatment, "plan_treatment")
        self._arm = GoalClient(node, MoveToStation, "move_to_station")
        self._laser = GoalClient(node, FireStation, "fire_station")

    def do(self, command: commands.Command) -> None:
        """Carry out one command."""
        getattr(self, f"do_{type(command).__name__}")(command)

    def work(self, now: float) -> None:
        """Send the service calls that wait for their server; `now` [s, monotonic]."""
        self._calls.work(now)

    @property
    def busy(self) -> bool:
        """Whether anything asked for has not ended."""
        return (
            any(c.busy for c in (self._capture, self._planner, self._arm, self._laser))
            or not self._calls.idle
        )

    def do_StartCapture(self, command: commands.StartCapture) -> None:
        x, y, z = self._node.config.scan_center_m
        goal = CaptureSurface.Goal(
            center=Point(x=x, y=y, z=z),
            radius_m=self._node.config.scan_radius_m,
            frames_per_rest=self._node.config.frames_per_view,
            min_frames=3,
        )
        started: list[bool] = []

        def feedback(message: Any) -> None:
            if not started:
                started.append(True)
                self._node.step(events.CaptureStarted(command.ticket))
            self._node.step(events.FramesFused(command.ticket, message.frames_fused))

        def done(result: Any, why: str) -> None:
            if result is not None and result.success:
                self._node.step(events.CaptureDone(command.ticket, result.surface_id))
            else:
                self._node.step(events.CaptureFailed(command.ticket, why or result.reason))

        self._capture.send(goal, done, feedback)

    def do_FinishCapture(self, command: commands.FinishCapture) -> None:
        def done(response: Any, why: str) -> None:
            if response is None or not response.success:
                self._node.step(events.CaptureFailed(command.ticket, why or response.message))

        self._calls.call(Trigger, "surface_capture/finish", Trigger.Request(), done, time.monotonic())

    def do_CancelCapture(self, _command: commands.CancelCapture) -> None:
        self._capture.cancel()

    def do_CancelPlan(self, _command: commands.CancelPlan) -> None:
        self._planner.cancel()

    def do_RequestPlan(self, command: commands.RequestPlan) -> None:
        request = self._node.request
        goal = PlanTreatment.Goal(
            surface_id=command.surface_id,
            indication=request.indication,
            request_json=request.request_json,
            seed=request.seed,
        )

        def done(result: Any, why: str) -> None:
            if result is None or not result.success:
                self._node.step(events.PlanFailed(command.ticket, why or result.reason))
                return
            self._node.expect_plan(command.ticket, result.plan_sha256)

        self._planner.send(goal, done)

    def do_AskApproval(self, command: commands.AskApproval) -> None:
        """The operator reads `treatment/status`; the answer shows in `safety/state`."""
        self._node.get_logger().info(f"plan {command.plan_sha256} waits for approval")

    def do_RequestToken(self, command: commands.RequestToken) -> None:
        request = RequestToken.Request(
            token=TOKENS[command.token], station=command.station, pass_index=command.pass_index
        )

        def done(response: Any, why: str) -> None:
            if response is not None and response.granted:
                self._node.step(events.TokenGranted(command.ticket))
            else:
                self._node.step(events.TokenRefused(command.ticket, why or response.reason))

        self._calls.call(RequestToken, "safety/request_token", request, done, time.monotonic())

    def do_ReturnToken(self, _command: commands.ReturnToken) -> None:
        request = RequestToken.Request(token=SafetyState.TOKEN_NONE)
        self._calls.call(RequestToken, "safety/request_token", request, lambda *_: None, time.monotonic())

    def do_WithdrawReady(self, _command: commands.WithdrawReady) -> None:
        request = RequestReady.Request(ready=False)
        self._calls.call(RequestReady, "safety/request_ready", request, lambda *_: None, time.monotonic())

    def do_MoveTo(self, command: commands.MoveTo) -> None:
        goal = MoveToStation.Goal(
            target=convert.pose_stamped(
                self._target(command), "world", self._node.get_clock().now().to_msg()
            ),
            tool=command.tool,
            speed_fraction=self._node.config.speed_fraction,
        )

        def done(result: Any, why: str) -> None:
            if result is not None and result.success:
                self._node.step(events.Arrived(command.ticket))
            else:
                self._node.step(events.MoveFailed(command.ticket, why or result.reason))

        self._arm.send(goal, done)

    def _target(self, command: commands.MoveTo) -> NDArray[np.float64]:
        plan = self._node.plan
        if command.target == "view":
            return self._views[command.index]
        if command.target == "station" and plan is not None:
            return pose_from_vector(plan.station_pose[command.index])
        return self._home

    def do_StopArm(self, _command: commands.StopArm) -> None:
        self._arm.cancel()

    def do_Fire(self, command: commands.Fire) -> None:
        goal = FireStation.Goal(
            plan_sha256=self._node.status.plan_sha256,
            station=command.station,
            pass_index=command.pass_index,
            first=command.first,
        )

        def feedback(message: Any) -> None:
            self._node.step(events.FireProgress(command.ticket, message.next_spot))

        def done(result: Any, why: str) -> None:
            if result is None:
                self._node.step(events.FireInterrupted(command.ticket, command.first, why))
            elif result.success:
                self._node.step(events.GroupFired(command.ticket, result.next_spot))
            else:
                self._node.step(
                    events.FireInterrupted(command.ticket, result.next_spot, why or result.reason)
                )

        self._laser.send(goal, done, feedback)

    def do_CancelFire(self, _command: commands.CancelFire) -> None:
        self._laser.cancel()

    def do_Verify(self, command: commands.Verify) -> None:
        """Against the device's own report; ground truth is for those who stand outside the stack."""
        self._once(0.3, partial(self._verify, command))

    def _once(self, delay_s: float, callback: Any) -> None:
        """Call back once after a delay (the last reports of shots may still be on their way)."""

        def fire() -> None:
            timer.cancel()
            self._node.destroy_timer(timer)
            callback()

        timer = work_timer(self._node, delay_s, fire)

    def _verify(self, command: commands.Verify) -> None:
        plan = self._node.plan
        if plan is None or plan.sha256 != command.plan_sha256:
            self._node.step(events.Verified(command.ticket, False, "the plan is gone"))
            return
        result = verify(plan, self._node.fired_of(plan.sha256))
        reason = "" if result.ok else "; ".join(f.text for f in result.findings)
        self._node.step(events.Verified(command.ticket, result.ok, reason))
