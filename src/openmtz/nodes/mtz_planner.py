"""Node `mtz_planner`: a surface and an indication in, a treatment plan out (action `plan_treatment`).

What it does stands in `openmtz.stack.Planning`. Planning takes a second or more of one core; it runs in a
thread of this process, which holds no other node, so that nothing time-critical waits for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openmtz_interfaces.action import PlanTreatment
from openmtz_interfaces.msg import SkinSurface as SurfaceMessage
from rclpy.parameter import Parameter

from openmtz.hooks import load_plugins
from openmtz.nodes import calibration, convert, topics
from openmtz.nodes.background import Background
from openmtz.nodes.goals import Goal, GoalSlot
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parameter, parse_parameters
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.stack import (
    Planned,
    Planning,
    PlanningFailed,
    PlanningStep,
    PlanOrder,
    TreatmentPlanner,
    keep_plan,
)


@dataclass(frozen=True)
class PlannerConfig:
    """Parameters of `mtz_planner`."""

    plan_dir: str = parameter("", "folder to write plan files to, further plans beside it; empty: none")
    surface_wait_s: float = parameter(3.0, "longest wait for a surface asked for to arrive [s]", 0.0, 60.0)
    check_reach: bool = parameter(True, "refuse stations the arm cannot reach")
    calibration_file: str = parameter(
        "", "field calibration of the scan head, JSON file; empty: the nominal map"
    )


class MtzPlanner(ListeningNode):
    """Converts, plans in a thread, converts. The plan is latched on `plan`."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("mtz_planner", overrides)
        self._config = config = parse_parameters(self, PlannerConfig)
        plugins = load_plugins()
        for failure in plugins.failures:
            self.get_logger().error(f"plugin disabled: {failure}")
        field = calibration.load_calibration(config.calibration_file, "mtz_planner")
        planner = TreatmentPlanner(plugins, field, config.check_reach)
        self.planning = Planning(planner, Background("planning").submit, config.surface_wait_s)
        self._plan_publisher = topics.PLAN.publisher(self)
        self.ear.subscribe(topics.SURFACE, self._on_surface)
        self._slot: GoalSlot[Any] = GoalSlot(
            self, PlanTreatment, "plan_treatment", self._start, lambda _goal: self.planning.cancel()
        )
        self._progress = ProgressCounter(self, 2.0)
        work_timer(self, 0.05, self._work)

    def _on_surface(self, message: SurfaceMessage) -> None:
        try:
            self.planning.hear_surface(convert.surface_of(message))
        except ValueError as error:
            self.planning.hear_surface(None)
            self.get_logger().error(f"a surface was refused: {error}")

    def _start(self, goal: Goal[Any]) -> None:
        wanted = goal.request
        order = PlanOrder(wanted.surface_id, wanted.indication, wanted.request_json, int(wanted.seed))
        self.planning.start(order, time.monotonic())

    def _work(self) -> None:
        now = time.monotonic()
        self.ear.look(now)
        self._progress.work(now)
        for outcome in self.planning.work(now):
            goal = self._slot.active
            match outcome:
                case PlanningStep() if goal is not None:
                    goal.handle.publish_feedback(PlanTreatment.Feedback(**outcome._asdict()))
                case Planned() if goal is not None:
                    self._conclude(goal, outcome)
                case PlanningFailed(reason, trace) if goal is not None:
                    self._fail(goal, reason, trace)

    def _conclude(self, goal: Goal[Any], planned: Planned) -> None:
        plan, folder = planned.plan, self._config.plan_dir
        if folder:
            try:
                used = keep_plan(planned, Path(folder))
            except OSError as error:
                self._fail(goal, str(error))
                return
            if used != Path(folder):
                self.get_logger().info(f"{folder} holds another plan; this one goes to {used}")
        stamp = self.get_clock().now().to_msg()
        self._plan_publisher.publish(convert.plan_message(plan, list(planned.findings), stamp))
        goal.finish(
            PlanTreatment.Result(
                success=True,
                plan_sha256=plan.sha256,
                spots=len(plan),
                stations=len(plan.station_pose),
                area_cm2=float(plan.header.get("area_cm2", 0.0)),
                findings=[convert.finding_message(f) for f in planned.findings],
            )
        )

    def _fail(self, goal: Goal[Any], reason: str, trace: str = "") -> None:
        self.get_logger().error(f"planning failed: {reason}\n{trace}".rstrip())
        goal.finish(PlanTreatment.Result(success=False, reason=reason))


def create(overrides: list[Parameter]) -> MtzPlanner:
    """Return the node."""
    return MtzPlanner(overrides)
