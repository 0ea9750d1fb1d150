"""A planner whose plans lie elsewhere than the skin they were made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from openmtz.plan import TreatmentPlan

if TYPE_CHECKING:
    from openmtz.planning import PlanningResult


class LiftedPlanner:
    """Stands before a planner. `offset_m`: how far up in the world [m] its plans are moved."""

    def __init__(self, planner: Callable[..., PlanningResult]) -> None:
        self._planner = planner
        self.offset_m = 0.0

    def __call__(self, *asked: Any) -> PlanningResult:
        """Plan, then move the plan; takes and raises what the planner does."""
        result = self._planner(*asked)
        if self.offset_m == 0.0:
            return result
        return replace(result, plan=lifted(result.plan, self.offset_m))


def lifted(plan: TreatmentPlan, by_m: float) -> TreatmentPlan:
    """Return a plan with spots and stations moved up in the world by `by_m` [m]."""
    position_nm, poses = plan.position_nm.copy(), plan.station_pose.copy()
    position_nm[:, 2] += round(by_m * 1e9)
    poses[:, 2] += by_m
    return replace(plan, position_nm=position_nm, station_pose=poses)
