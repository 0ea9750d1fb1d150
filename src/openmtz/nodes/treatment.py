"""Node `treatment`: the operator's requests in, the whole treatment out (action `treat`).

The logic is `openmtz.stack.Treating` around `openmtz.procedure.Procedure`: this node turns messages into
what they hear, and what they tell into messages.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from openmtz_interfaces.action import Treat
from openmtz_interfaces.msg import SafetyState, SpotsFired, TreatmentPlan as PlanMessage, TreatmentStatus
from rclpy.parameter import Parameter

from openmtz.hooks import load_plugins
from openmtz.nodes import convert, convert_head, convert_safety, topics
from openmtz.nodes.background import Background
from openmtz.nodes.goals import Goal, GoalSlot
from openmtz.nodes.guard import Guard
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parameter, parse_parameters
from openmtz.nodes.treatment_clients import NodeClients
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.plan import PlanError
from openmtz.procedure import ProcedureStatus
from openmtz.stack import Ended, Treating, TreatingConfig, TreatRequest


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


class Treatment(ListeningNode):
    """Convert, step, convert."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("treatment", overrides)
        config = parse_parameters(self, TreatmentConfig)
        self.other_nodes = NodeClients(self)
        plugins = Background("plugins").submit(lambda: tuple(load_plugins().indications))
        self.treating = Treating(
            self.other_nodes,
            TreatingConfig(**vars(config)),
            lambda: plugins.result() if plugins.done() and plugins.exception() is None else None,
        )
        self._goal_id = ""
        self._status_publisher = topics.TREATMENT_STATUS.publisher(self)
        self.ear.subscribe(topics.SAFETY_STATE, self._on_safety)
        self.ear.subscribe(topics.PLAN, self._on_plan)
        self.ear.subscribe(topics.SPOTS_FIRED, self._on_fired)
        self._slot: GoalSlot[Any] = GoalSlot(
            self, Treat, "treat", self._start, lambda _goal: self.treating.cancel(), Guard(self)
        )
        self._progress = ProgressCounter(self, 0.5)
        work_timer(self, 0.02, self._work)

    def _start(self, goal: Goal[Any]) -> None:
        wanted = goal.request
        request = TreatRequest(wanted.indication, wanted.request_json, int(wanted.seed))
        self._goal_id = bytes(goal.handle.goal_id.uuid).hex()
        self.treating.start(request, time.monotonic())

    def _on_safety(self, message: SafetyState) -> None:
        self.treating.hear_safety(*convert_safety.told_by(message))

    def _on_plan(self, message: PlanMessage) -> None:
        plan = None
        try:
            plan = convert.plan_of(message)
        except PlanError as error:
            self.get_logger().error(f"a plan was refused: {error}", throttle_duration_sec=1.0)
        self.treating.hear_plan(plan)

    def _on_fired(self, message: SpotsFired) -> None:
        try:
            self.treating.hear_fired(convert_head.report_of(message))
        except ValueError as error:
            self.get_logger().error(f"a report of shots was refused: {error}")

    def _work(self) -> None:
        now = time.monotonic()
        self.ear.look(now)
        turn = self.treating.work(now)
        if turn.status is not None:
            self._publish_status(turn.status)
        if turn.ended is not None and self._slot.active is not None:
            self._slot.active.finish(_result(turn.ended))
        self._progress.work(now)

    def _publish_status(self, status: ProcedureStatus) -> None:
        message = TreatmentStatus(
            stage=status.stage,
            state=status.state,
            goal_id=self._goal_id,
            indication=self.treating.request.indication,
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


def _result(ended: Ended) -> Treat.Result:
    status = ended.status
    return Treat.Result(
        success=ended.success,
        reason="" if ended.success else status.detail,
        plan_sha256=status.plan_sha256,
        spots_planned=status.spots_total,
        spots_fired=ended.spots_fired,
    )


def create(overrides: list[Parameter]) -> Treatment:
    """Return the node."""
    return Treatment(overrides)
