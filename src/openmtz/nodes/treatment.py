"""Node `treatment`: the operator's requests in, the whole treatment out (action `treat`).

The logic is `openmtz.procedure.Procedure`, a pure state machine: this node turns messages into its
events and its commands into goals and service calls.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import rclpy.node
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from openmtz_interfaces.action import CaptureSurface, FireStation, MoveToStation, PlanTreatment, Treat
from openmtz_interfaces.msg import SafetyState, SpotsFired, TreatmentStatus
from openmtz_interfaces.msg import TreatmentPlan as PlanMessage
from openmtz_interfaces.srv import RequestReady, RequestToken
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from openmtz.capture import scan_views
from openmtz.geometry import pose_from_vector
from openmtz.nodes import convert, topics
from openmtz.nodes.clients import GoalClient, ServiceQueue
from openmtz.nodes.support import Goal, GoalSlot, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.plan import PlanError, TreatmentPlan
from openmtz.procedure import Group, Procedure, ProcedureConfig, commands, events
from openmtz.records import FiredSpots, verify
from openmtz.robot import HOME, ArmKinematics

END_WAIT_S = 3.0
"""The end of a treatment waits so long for the actions it used [s]; one that does not answer is left."""
TOKENS = {"motion": SafetyState.TOKEN_MOTION, "emission": SafetyState.TOKEN_EMISSION}


@dataclass(frozen=True)
class TreatmentConfig:
    """Parameters of `treatment`."""

    scan_center_m: tuple[float, ...] = parameter((0.50, 0.0, 0.05), "centre of the region to scan, world [m]")
    scan_direction: tuple[float, ...] = parameter((0.0, 0.0, 1.0), "out of the skin at the centre, world")
    scan_radius_m: float = parameter(0.045, "half edge of the box kept around the centre [m]", 0.01, 0.3)
    scan_standoff_m: float = parameter(0.30, "camera to skin [m]", 0.12, 1.0)
    scan_tilt_rad: float = parameter(math.radians(18.0), "tilt of the outer views [rad]", 0.0, 1.0)
    views: int = parameter(6, "camera poses of the scan", 1, 40)
    frames_per_view: int = parameter(5, "frames fused at each", 1, 100)
    speed_fraction: float = parameter(0.7, "of the arm's limits", 0.05, 1.0)


class Treatment(rclpy.node.Node):
    """Convert, step, convert."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("treatment", parameter_overrides=overrides)
        self._config = parse_parameters(self, TreatmentConfig)
        views = self._config.views
        self._procedure = Procedure(
            ProcedureConfig(
                views=views, views_min=min(3, views), frames_per_view=self._config.frames_per_view
            )
        )
        self._views = scan_views(
            self._config.scan_center_m,
            self._config.scan_direction,
            self._config.scan_standoff_m,
            self._config.scan_tilt_rad,
            views,
        )
        self._home = ArmKinematics().forward(HOME, "scan_head")
        self._plan: TreatmentPlan | None = None
        self._plan_wanted: tuple[int, str] | None = None
        self._seen: set[str] = set()
        self._fired: list[SpotsFired] = []
        self._events: deque[events.Event] = deque()
        self._stepping = False
        self._over_since: float | None = None
        self._approved = ""
        self._last_status: tuple[Any, ...] | None = None
        self._status_due = 0.0
        self._calls = ServiceQueue(self)
        self._capture = GoalClient(self, CaptureSurface, "capture_surface")
        self._planner = GoalClient(self, PlanTreatment, "plan_treatment")
        self._arm = GoalClient(self, MoveToStation, "move_to_station")
        self._laser = GoalClient(self, FireStation, "fire_station")
        self._status_publisher = topics.TREATMENT_STATUS.publisher(self)
        topics.SAFETY_STATE.subscription(self, self._on_safety)
        topics.PLAN.subscription(self, self._on_plan)
        topics.SPOTS_FIRED.subscription(self, self._on_fired)
        self._slot: GoalSlot[Any] = GoalSlot(self, Treat, "treat", self._start, self._cancel)
        self._progress = ProgressCounter(self, 0.5)
        work_timer(self, 0.02, self._work)

    # ---- events ---------------------------------------------------------------------------------

    def _step(self, event: events.Event) -> None:
        """Take one event to its end before the next: a command may be answered while it is given."""
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events:
                for command in self._procedure.step(self._events.popleft()):
                    handler = getattr(self, f"_do_{type(command).__name__}")
                    handler(command)
        finally:
            self._stepping = False

    def _start(self, goal: Goal[Any]) -> None:
        self._over_since = None
        self._plan = None
        self._plan_wanted = None
        self._step(events.Tick(time.monotonic()))
        self._step(events.TreatRequested())

    def _cancel(self, _goal: Goal[Any]) -> None:
        self._step(events.CancelRequested())

    def _on_safety(self, message: SafetyState) -> None:
        self._step(events.SafetyChanged(message.state_name, message.detail or message.cause))
        status = self._procedure.status
        approved, self._approved = self._approved, message.approved_plan_sha256
        if status.plan_sha256 and self._approved == status.plan_sha256:
            if status.state == "approving":
                self._step(events.Approved(self._approved))
        elif approved and status.stage == "treat":
            self._step(events.ApprovalEnded())

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self._plan = convert.plan_of(message)
            self._seen.add(self._plan.sha256)
        except PlanError as error:
            self._plan = None
            self.get_logger().error(f"a plan was refused: {error}", throttle_duration_sec=1.0)
        self._tell_plan()

    def _on_fired(self, message: SpotsFired) -> None:
        """Kept for the whole run, by plan: what an earlier treatment fired of a plan counts for it too."""
        lengths = {len(message.spot_index), len(message.device_tick_us), len(message.energy_uj)}
        if len(lengths) != 1:
            self.get_logger().error("a report of shots was refused: its lists differ in length")
        elif message.plan_sha256 in self._seen:
            self._fired.append(message)

    def _tell_plan(self) -> None:
        """The result of planning and the plan itself come by different ways: both must be here."""
        if self._plan_wanted is None or self._plan is None:
            return
        ticket, sha = self._plan_wanted
        if self._plan.sha256 == sha:
            self._plan_wanted = None
            groups = tuple(Group(g.station, g.pass_index, g.first, g.end) for g in self._plan.groups())
            self._step(events.PlanReady(ticket, sha, groups))

    def _work(self) -> None:
        now = time.monotonic()
        self._calls.work(now)
        self._step(events.Tick(now))
        self._publish_status(now)
        goal = self._slot.active
        if goal is not None and self._procedure.finished and self._all_ended(now):
            goal.finish(self._result())
        self._progress.work(now)

    def _all_ended(self, now: float) -> bool:
        """The end is told when arm, laser, capture and planner have ended, so that the next may begin."""
        self._over_since = now if self._over_since is None else self._over_since
        busy = any(c.busy for c in (self._capture, self._planner, self._arm, self._laser))
        return now - self._over_since > END_WAIT_S or not (busy or not self._calls.idle)

    def _result(self) -> Treat.Result:
        status = self._procedure.status
        fired = self._fired_of(status.plan_sha256)
        return Treat.Result(
            success=status.state == "done",
            reason="" if status.state == "done" else status.detail,
            plan_sha256=status.plan_sha256,
            spots_planned=status.spots_total,
            spots_fired=len(np.unique(fired.index)),
        )

    def _publish_status(self, now: float) -> None:
        status = self._procedure.status
        key = (status.state, status.detail, status.waiting_for, status.spots_done)
        if key == self._last_status and now < self._status_due:
            return
        if (
            self._last_status is not None
            and key[:3] == self._last_status[:3]
            and now < self._status_due - 0.9
        ):
            return  # spots alone are told ten times a second
        self._last_status, self._status_due = key, now + 1.0
        message = TreatmentStatus(
            stage=status.stage,
            state=status.state,
            detail=status.detail,
            waiting_for=status.waiting_for,
            plan_sha256=status.plan_sha256,
            station=status.station,
            stations=status.stations,
            spots_done=status.spots_done,
            spots_total=status.spots_total,
            stage_s=float(status.stage_s),
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._status_publisher.publish(message)
        if self._slot.active is not None:
            self._slot.active.handle.publish_feedback(Treat.Feedback(status=message))

    # ---- commands -------------------------------------------------------------------------------

    def _do_StartCapture(self, command: commands.StartCapture) -> None:
        x, y, z = self._config.scan_center_m
        goal = CaptureSurface.Goal(
            center=Point(x=x, y=y, z=z),
            radius_m=self._config.scan_radius_m,
            frames_per_rest=self._config.frames_per_view,
            min_frames=3,
        )
        started: list[bool] = []

        def feedback(message: Any) -> None:
            if not started:
                started.append(True)
                self._step(events.CaptureStarted(command.ticket))
            self._step(events.FramesFused(command.ticket, message.frames_fused))

        def done(result: Any, why: str) -> None:
            if result is not None and result.success:
                self._step(events.CaptureDone(command.ticket, result.surface_id))
            else:
                self._step(events.CaptureFailed(command.ticket, why or result.reason))

        self._capture.send(goal, done, feedback)

    def _do_FinishCapture(self, command: commands.FinishCapture) -> None:
        def done(response: Any, why: str) -> None:
            if response is None or not response.success:
                self._step(events.CaptureFailed(command.ticket, why or response.message))

        self._calls.call(Trigger, "surface_capture/finish", Trigger.Request(), done, time.monotonic())

    def _do_CancelCapture(self, _command: commands.CancelCapture) -> None:
        self._capture.cancel()

    def _do_CancelPlan(self, _command: commands.CancelPlan) -> None:
        self._planner.cancel()

    def _do_RequestPlan(self, command: commands.RequestPlan) -> None:
        request = self._slot.active.request if self._slot.active is not None else Treat.Goal()
        goal = PlanTreatment.Goal(
            surface_id=command.surface_id,
            indication=request.indication,
            request_json=request.request_json,
            seed=request.seed,
        )

        def done(result: Any, why: str) -> None:
            if result is None or not result.success:
                self._step(events.PlanFailed(command.ticket, why or result.reason))
                return
            self._plan_wanted = (command.ticket, result.plan_sha256)
            self._tell_plan()

        self._planner.send(goal, done)

    def _do_AskApproval(self, command: commands.AskApproval) -> None:
        """The operator reads `treatment/status`; the answer shows in `safety/state`."""
        self.get_logger().info(f"plan {command.plan_sha256} waits for approval")

    def _do_RequestToken(self, command: commands.RequestToken) -> None:
        request = RequestToken.Request(
            token=TOKENS[command.token], station=command.station, pass_index=command.pass_index
        )

        def done(response: Any, why: str) -> None:
            if response is not None and response.granted:
                self._step(events.TokenGranted(command.ticket))
            else:
                self._step(events.TokenRefused(command.ticket, why or response.reason))

        self._calls.call(RequestToken, "safety/request_token", request, done, time.monotonic())

    def _do_ReturnToken(self, _command: commands.ReturnToken) -> None:
        request = RequestToken.Request(token=SafetyState.TOKEN_NONE)
        self._calls.call(RequestToken, "safety/request_token", request, lambda *_: None, time.monotonic())

    def _do_WithdrawReady(self, _command: commands.WithdrawReady) -> None:
        request = RequestReady.Request(ready=False)
        self._calls.call(RequestReady, "safety/request_ready", request, lambda *_: None, time.monotonic())

    def _do_MoveTo(self, command: commands.MoveTo) -> None:
        goal = MoveToStation.Goal(
            target=convert.pose_stamped(self._target(command), "world", self.get_clock().now().to_msg()),
            tool=command.tool,
            speed_fraction=self._config.speed_fraction,
        )

        def done(result: Any, why: str) -> None:
            if result is not None and result.success:
                self._step(events.Arrived(command.ticket))
            else:
                self._step(events.MoveFailed(command.ticket, why or result.reason))

        self._arm.send(goal, done)

    def _target(self, command: commands.MoveTo) -> NDArray[np.float64]:
        if command.target == "view":
            return self._views[command.index]
        if command.target == "station" and self._plan is not None:
            return pose_from_vector(self._plan.station_pose[command.index])
        return self._home

    def _do_StopArm(self, _command: commands.StopArm) -> None:
        self._arm.cancel()

    def _do_Fire(self, command: commands.Fire) -> None:
        goal = FireStation.Goal(
            plan_sha256=self._procedure.status.plan_sha256,
            station=command.station,
            pass_index=command.pass_index,
            first=command.first,
        )

        def feedback(message: Any) -> None:
            self._step(events.FireProgress(command.ticket, message.next_spot))

        def done(result: Any, why: str) -> None:
            if result is None:
                self._step(events.FireInterrupted(command.ticket, command.first, why))
            elif result.success:
                self._step(events.GroupFired(command.ticket, result.next_spot))
            else:
                self._step(events.FireInterrupted(command.ticket, result.next_spot, why or result.reason))

        self._laser.send(goal, done, feedback)

    def _do_CancelFire(self, _command: commands.CancelFire) -> None:
        self._laser.cancel()

    def _do_Verify(self, command: commands.Verify) -> None:
        """Against the device's own report; ground truth is for those who stand outside the stack."""
        self.create_timer_once(0.3, partial(self._verify, command))

    def create_timer_once(self, delay_s: float, callback: Any) -> None:
        """Call back once after a delay (the last reports of shots may still be on their way)."""

        def fire() -> None:
            timer.cancel()
            self.destroy_timer(timer)
            callback()

        timer = work_timer(self, delay_s, fire)

    def _verify(self, command: commands.Verify) -> None:
        plan = self._plan
        if plan is None or plan.sha256 != command.plan_sha256:
            self._step(events.Verified(command.ticket, False, "the plan is gone"))
            return
        result = verify(plan, self._fired_of(plan.sha256))
        reason = "" if result.ok else "; ".join(f.text for f in result.findings)
        self._step(events.Verified(command.ticket, result.ok, reason))

    def _fired_of(self, plan_sha256: str) -> FiredSpots:
        reports = [m for m in self._fired if m.plan_sha256 == plan_sha256]

        def column(name: str, dtype: Any) -> Any:
            parts = [np.asarray(getattr(m, name), dtype) for m in reports]
            return np.concatenate(parts) if parts else np.empty(0, dtype)

        return FiredSpots(
            column("spot_index", np.int64),
            column("device_tick_us", np.int64),
            column("energy_uj", np.float64),
        )


def create(overrides: list[Parameter]) -> Treatment:
    """Return the node."""
    return Treatment(overrides)
