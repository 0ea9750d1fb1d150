"""Node `treatment`: the operator's requests in, the whole treatment out (action `treat`).

The logic is `openmtz.procedure.Procedure`, a pure state machine: this node turns messages into its
events; its commands are carried out by `openmtz.nodes.treatment_commands`.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from openmtz_interfaces.action import Treat
from openmtz_interfaces.msg import SafetyState, SpotsFired, TreatmentPlan as PlanMessage, TreatmentStatus
from rclpy.parameter import Parameter

from openmtz.nodes import convert, topics
from openmtz.nodes.support import Goal, GoalSlot, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.nodes.treatment_commands import TreatmentCommands
from openmtz.plan import PlanError, TreatmentPlan
from openmtz.procedure import Dispatcher, Procedure, ProcedureConfig, ProcedureStatus, events, groups_of
from openmtz.records import FiredSpots

REPORTS_WAIT_S = 0.3
"""Reports of shots are told this long after the end at the latest [s]: batches of 25 ms, and their way."""
END_WAIT_S = 3.0
"""The end of a treatment waits so long for the actions it used [s]; one that does not answer is left."""


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
        self.config = parse_parameters(self, TreatmentConfig)
        views = self.config.views
        config = ProcedureConfig(
            views=views, views_min=min(3, views), frames_per_view=self.config.frames_per_view
        )
        self._commands = TreatmentCommands(self)
        self._dispatcher = Dispatcher(Procedure(config), self._commands.do)
        self._plan: TreatmentPlan | None = None
        self._plan_wanted: tuple[int, str] | None = None
        self._seen: set[str] = set()
        self._fired: list[SpotsFired] = []
        self._over_since: float | None = None
        self._last_status: tuple[Any, ...] | None = None
        self._status_due = 0.0
        self._status_publisher = topics.TREATMENT_STATUS.publisher(self)
        topics.SAFETY_STATE.subscription(self, self._on_safety)
        topics.PLAN.subscription(self, self._on_plan)
        topics.SPOTS_FIRED.subscription(self, self._on_fired)
        self._slot: GoalSlot[Any] = GoalSlot(self, Treat, "treat", self._start, self._cancel)
        self._progress = ProgressCounter(self, 0.5)
        work_timer(self, 0.02, self._work)

    # ---- what the commands need -------------------------------------------------------------------

    @property
    def plan(self) -> TreatmentPlan | None:
        """The plan made last, if it could be believed."""
        return self._plan

    @property
    def status(self) -> ProcedureStatus:
        """Where the treatment stands."""
        return self._dispatcher.procedure.status

    @property
    def request(self) -> Treat.Goal:
        """What the operator asked for."""
        return self._slot.active.request if self._slot.active is not None else Treat.Goal()

    def expect_plan(self, ticket: int, plan_sha256: str) -> None:
        """Tell the procedure of this plan as soon as it is here."""
        self._plan_wanted = (ticket, plan_sha256)
        self._tell_plan()

    # ---- events ---------------------------------------------------------------------------------

    def step(self, event: events.Event) -> None:
        """Take one event to its end before the next."""
        self._dispatcher.step(event)

    def _start(self, goal: Goal[Any]) -> None:
        self._over_since = None
        self._plan = None
        self._plan_wanted = None
        self.step(events.Tick(time.monotonic()))
        self.step(events.TreatRequested())

    def _cancel(self, _goal: Goal[Any]) -> None:
        self.step(events.CancelRequested())

    def _on_safety(self, message: SafetyState) -> None:
        self._dispatcher.safety_changed(
            message.state_name, message.detail or message.cause, message.approved_plan_sha256
        )

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
            self.step(events.PlanReady(ticket, sha, groups_of(self._plan)))

    def _work(self) -> None:
        now = time.monotonic()
        self._commands.work(now)
        self.step(events.Tick(now))
        self._publish_status(now)
        goal = self._slot.active
        if goal is not None and self._dispatcher.procedure.finished and self._all_ended(now):
            goal.finish(self._result())
        self._progress.work(now)

    def _all_ended(self, now: float) -> bool:
        """The end is told when arm, laser, capture and planner have ended, so that the next may begin."""
        self._over_since = now if self._over_since is None else self._over_since
        over = now - self._over_since
        # The head's last reports of shots come by another way than its answer, and a little later.
        reported = not self._fired or over >= REPORTS_WAIT_S
        return over > END_WAIT_S or (reported and not self._commands.busy)

    def _result(self) -> Treat.Result:
        status = self._dispatcher.procedure.status
        fired = self.fired_of(status.plan_sha256)
        return Treat.Result(
            success=status.state == "done",
            reason="" if status.state == "done" else status.detail,
            plan_sha256=status.plan_sha256,
            spots_planned=status.spots_total,
            spots_fired=len(np.unique(fired.index)),
        )

    def _publish_status(self, now: float) -> None:
        status = self._dispatcher.procedure.status
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

    def fired_of(self, plan_sha256: str) -> FiredSpots:
        """Return everything fired of a plan since this node began."""
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
