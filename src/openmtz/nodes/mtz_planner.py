"""Node `mtz_planner`: a surface and an indication in, a treatment plan out (action `plan_treatment`).

Planning takes a second or more of one core; it runs in a thread of this process, which holds no
other node, so that nothing time-critical waits for it.
"""

from __future__ import annotations

import time
import traceback
from concurrent.futures import Future as ThreadFuture, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy.node
from openmtz_interfaces.action import PlanTreatment
from openmtz_interfaces.msg import SkinSurface as SurfaceMessage
from rclpy.parameter import Parameter

from openmtz.geometry import SkinSurface
from openmtz.hooks import PluginError, UnknownIndication, load_plugins
from openmtz.nodes import calibration, convert, topics
from openmtz.nodes.support import Goal, GoalSlot, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.plan import PlanError, save_plan
from openmtz.planning import (
    PlanningError,
    PlanningResult,
    PlanRequest,
    RequestError,
    parse_request,
    plan_treatment,
    save_fields,
)
from openmtz.planning.skin import SURFACE_FILE, save_surface
from openmtz.planning.stations import Reachable
from openmtz.robot import ArmKinematics, CellCollision, StationCheck


@dataclass(frozen=True)
class PlannerConfig:
    """Parameters of `mtz_planner`."""

    plan_dir: str = parameter("", "folder to write plan files to, further plans beside it; empty: none")
    surface_wait_s: float = parameter(3.0, "longest wait for a surface asked for to arrive [s]", 0.0, 60.0)
    check_reach: bool = parameter(True, "refuse stations the arm cannot reach")
    calibration_file: str = parameter(
        "", "field calibration of the scan head, JSON file; empty: the nominal map"
    )


class MtzPlanner(rclpy.node.Node):
    """Converts, plans in a thread, converts. The plan is latched on `plan`."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("mtz_planner", parameter_overrides=overrides)
        self._config = parse_parameters(self, PlannerConfig)
        self._calibration = calibration.load_calibration(self._config.calibration_file, "mtz_planner")
        self._plugins = load_plugins()
        for failure in self._plugins.failures:
            self.get_logger().error(f"plugin disabled: {failure}")
        self._kinematics = ArmKinematics()
        self._surface: SkinSurface | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="planning")
        self._work_item: ThreadFuture[tuple[SkinSurface, PlanningResult]] | None = None
        self._pending: tuple[Goal[Any], float] | None = None
        self._step: tuple[str, float] = ("", 0.0)
        self._plan_publisher = topics.PLAN.publisher(self)
        topics.SURFACE.subscription(self, self._on_surface)
        self._slot: GoalSlot[Any] = GoalSlot(self, PlanTreatment, "plan_treatment", self._start)
        self._progress = ProgressCounter(self, 2.0)
        work_timer(self, 0.05, self._work)

    def _on_surface(self, message: SurfaceMessage) -> None:
        try:
            self._surface = convert.surface_of(message)
        except ValueError as error:
            self._surface = None
            self.get_logger().error(f"a surface was refused: {error}")

    def _start(self, goal: Goal[Any]) -> None:
        """The surface may still be on its way: the goal comes by another one and can overtake it."""
        self._pending = (goal, time.monotonic() + self._config.surface_wait_s)
        self._begin_pending(time.monotonic())

    def _begin_pending(self, now: float) -> None:
        if self._pending is None:
            return
        goal, deadline = self._pending
        wanted = goal.request.surface_id
        surface = self._surface
        if surface is not None and wanted in ("", surface.surface_id):
            self._pending = None
            self._begin(goal, surface)
        elif now > deadline:
            self._pending = None
            self._fail(goal, f"the surface asked for ({wanted[:12] or 'any'}) is not there: capture it first")

    def _begin(self, goal: Goal[Any], surface: SkinSurface) -> None:
        request = goal.request
        try:
            parsed = parse_request(request.request_json)
        except RequestError as error:
            self._fail(goal, str(error))
            return
        self._step = ("planning", 0.0)
        self._work_item = self._pool.submit(
            self._plan, surface, request.indication, parsed, int(request.seed)
        )

    def _plan(
        self, surface: SkinSurface, indication: str, request: PlanRequest, seed: int
    ) -> tuple[SkinSurface, PlanningResult]:
        """Return the surface with the result: by the end a newer one may have arrived."""
        return surface, plan_treatment(
            surface,
            indication,
            request.facts,
            seed=seed,
            manager=self._plugins,
            region=request.as_region(),
            reachable=self._reach(surface) if self._config.check_reach else None,
            overrides=request.overrides,
            calibration=self._calibration,
            progress=self._note_step,
        )

    def _note_step(self, step: str, fraction: float) -> None:
        self._step = (step, fraction)

    def _reach(self, surface: SkinSurface) -> Reachable:
        """Return a check whether the arm brings the scan head to a pose without touching anything."""
        return StationCheck(self._kinematics, CellCollision(patient=surface.mesh))

    def _work(self) -> None:
        self._progress.work(time.monotonic())
        if self._pending is not None and self._pending[0].cancel_requested:
            unbegun, self._pending = self._pending[0], None
            self._fail(unbegun, "cancelled")
        self._begin_pending(time.monotonic())
        item, goal = self._work_item, self._slot.active
        if item is None or goal is None:
            return
        if goal.cancel_requested:
            self._work_item = None
            self._fail(goal, "cancelled")
            return
        if not item.done():
            goal.handle.publish_feedback(PlanTreatment.Feedback(step=self._step[0], fraction=self._step[1]))
            return
        self._work_item = None
        try:
            surface, result = item.result()
            self._conclude(goal, surface, result)
        except (PlanningError, PluginError, UnknownIndication, ValueError, OSError) as error:
            self._fail(goal, str(error))
        except Exception as error:
            # Planning runs other people's code on other people's data: whatever it raises ends the goal.
            self.get_logger().error("".join(traceback.format_exception(error)))
            self._fail(goal, f"planning failed unexpectedly: {type(error).__name__}: {error}")

    def _conclude(self, goal: Goal[Any], surface: SkinSurface, result: PlanningResult) -> None:
        plan = result.plan
        if self._config.plan_dir:
            folder = self._save(result)
            save_surface(surface, folder / SURFACE_FILE)
            save_fields(result, folder)
        self._plan_publisher.publish(
            convert.plan_message(plan, list(result.findings), self.get_clock().now().to_msg())
        )
        goal.finish(
            PlanTreatment.Result(
                success=True,
                plan_sha256=plan.sha256,
                spots=len(plan),
                stations=len(plan.station_pose),
                area_cm2=float(plan.header.get("area_cm2", 0.0)),
                findings=[convert.finding_message(f) for f in result.findings],
            )
        )

    def _save(self, result: PlanningResult) -> Path:
        """Write the plan; where the folder holds another one, beside it in a folder named by the hash.

        Raises:
            OSError: it cannot be written.
        """
        folder = Path(self._config.plan_dir)
        try:
            return save_plan(result.plan, result.findings, folder)
        except PlanError:
            beside = folder.with_name(f"{folder.name}-{result.plan.sha256[:12]}")
            self.get_logger().info(f"{folder} holds another plan; this one goes to {beside}")
            return save_plan(result.plan, result.findings, beside)

    def _fail(self, goal: Goal[Any], reason: str) -> None:
        self.get_logger().error(f"planning failed: {reason}")
        goal.finish(PlanTreatment.Result(success=False, reason=reason))

    def close(self) -> None:
        """Let the planning thread go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def create(overrides: list[Parameter]) -> MtzPlanner:
    """Return the node."""
    return MtzPlanner(overrides)
