"""The work loop of the planner's process: a surface and an order in, a treatment plan out.

Free of ROS, threads and clocks: where the planning itself runs (a thread, or in line) is the owner's
`submit`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import NamedTuple, Protocol

from openmtz.geometry import SkinSurface
from openmtz.hooks import PluginError, PluginManager, UnknownIndication
from openmtz.optics import FieldCalibration
from openmtz.plan import Finding, TreatmentPlan
from openmtz.planning import PlanningError, PlanningResult, PlanningSetup, parse_request, plan_treatment
from openmtz.robot import ArmKinematics, CellCollision, StationCheck
from openmtz.stack.ports import PlanOrder

Step = Callable[[str, float], None]
Planner = Callable[[SkinSurface, PlanOrder, Step], PlanningResult]
"""Plans on a surface, telling its steps; raises what `plan_treatment` raises."""


class Job(Protocol):
    """A planning that runs elsewhere."""

    def done(self) -> bool:
        """Whether it has come to an end."""
        ...

    def result(self) -> PlanningResult:
        """Return what came of it; raises what it raised."""
        ...


Submit = Callable[[Callable[[], PlanningResult]], Job]
"""Runs the planning where it keeps nobody waiting."""

SURFACE_WAIT_S = 3.0
"""Longest wait for a surface asked for to arrive [s]: the order comes by another way and can overtake it."""


class PlanningStep(NamedTuple):
    """How far it is: the step's name, and the share of all [0, 1]."""

    step: str
    fraction: float


class Planned(NamedTuple):
    """A plan, and the surface it was made on: by the end a newer one may have arrived."""

    surface: SkinSurface
    result: PlanningResult

    @property
    def plan(self) -> TreatmentPlan:
        """The plan itself."""
        return self.result.plan

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be said of it."""
        return self.result.findings


class PlanningFailed(NamedTuple):
    """There is no plan. `trace` is empty where the cause is known, else what a maintainer needs."""

    reason: str
    trace: str = ""


Outcome = PlanningStep | Planned | PlanningFailed


class TreatmentPlanner:
    """Plans as the graph and the simulation both do: by the installed plugins, asking the arm about stations.

    Args:
        calibration: field calibration of the scan head; None: the nominal map.
        check_reach: refuse stations that the arm cannot reach.
    """

    def __init__(
        self,
        plugins: PluginManager,
        calibration: FieldCalibration | None = None,
        check_reach: bool = True,
    ) -> None:
        self.plugins = plugins
        self._calibration = calibration
        self._kinematics = ArmKinematics() if check_reach else None

    def __call__(self, surface: SkinSurface, order: PlanOrder, step: Step) -> PlanningResult:
        """Return the plan.

        Raises:
            PlanningError, RequestError, UnknownIndication, PluginError: as `plan_treatment`.
        """
        request = parse_request(order.request_json)
        reachable = None
        if self._kinematics is not None:
            reachable = StationCheck(self._kinematics, CellCollision(patient=surface.mesh))
        return plan_treatment(
            surface,
            order.indication,
            request.facts,
            seed=order.seed,
            manager=self.plugins,
            region=request.as_region(),
            overrides=request.overrides,
            setup=PlanningSetup(reachable, self._calibration, progress=step),
        )


class Planning:
    """One order at a time."""

    def __init__(self, planner: Planner, submit: Submit, surface_wait_s: float = SURFACE_WAIT_S) -> None:
        self.planner = planner
        self._submit, self._surface_wait_s = submit, surface_wait_s
        self._surface: SkinSurface | None = None
        self._waiting: tuple[PlanOrder, float] | None = None
        self._running: tuple[SkinSurface, Job] | None = None
        self._step = PlanningStep("", 0.0)
        self._out: list[Outcome] = []

    def hear_surface(self, surface: SkinSurface | None) -> None:
        """Take the newest surface; None where it could not be believed."""
        self._surface = surface

    def start(self, order: PlanOrder, now: float) -> None:
        """Plan; the end is told by a later turn."""
        self._running = None
        self._waiting = (order, now + self._surface_wait_s)

    def cancel(self) -> None:
        """Nobody wants the plan any more; one that comes all the same is dropped."""
        if self._waiting is not None or self._running is not None:
            self._waiting = self._running = None
            self._out.append(PlanningFailed("cancelled"))

    def work(self, now: float) -> list[Outcome]:
        """Let the planning go on; return what there is to tell."""
        if self._waiting is not None:
            self._begin(*self._waiting, now)
        if self._running is not None:
            surface, job = self._running
            if job.done():
                self._running = None
                self._out.append(_outcome(surface, job))
            else:
                self._out.append(self._step)
        out, self._out = self._out, []
        return out

    def _begin(self, order: PlanOrder, deadline: float, now: float) -> None:
        surface = self._surface
        if surface is not None and order.surface_id in ("", surface.surface_id):
            self._waiting = None
            self._step = PlanningStep("planning", 0.0)
            self._running = (surface, self._submit(lambda: self.planner(surface, order, self._note)))
        elif now > deadline:
            self._waiting = None
            wanted = order.surface_id[:12] or "any"
            self._out.append(
                PlanningFailed(f"the surface asked for ({wanted}) is not there: capture it first")
            )

    def _note(self, step: str, fraction: float) -> None:
        self._step = PlanningStep(step, fraction)


def _outcome(surface: SkinSurface, job: Job) -> Outcome:
    try:
        return Planned(surface, job.result())
    except (PlanningError, PluginError, UnknownIndication, ValueError, OSError) as error:
        return PlanningFailed(str(error))
    except Exception as error:
        # Planning runs other people's code on other people's data: whatever it raises ends the order.
        reason = f"planning failed unexpectedly: {type(error).__name__}: {error}"
        return PlanningFailed(reason, "".join(traceback.format_exception(error)))
