"""A planner whose plans lie elsewhere than the skin they were made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from openmtz.geometry import SkinSurface
from openmtz.plan import Finding, TreatmentPlan

Plan = Callable[[SkinSurface], tuple[TreatmentPlan, tuple[Finding, ...]]]


class LiftedPlanner:
    """Stands before a planner. `offset_m`: how far up in the world [m] its plans are moved."""

    def __init__(self, planner: Plan) -> None:
        self._planner = planner
        self.offset_m = 0.0

    def __call__(self, surface: SkinSurface) -> tuple[TreatmentPlan, tuple[Finding, ...]]:
        """Plan on a surface, then move the plan; raises what the planner raises."""
        plan, findings = self._planner(surface)
        return lifted(plan, self.offset_m), findings


def lifted(plan: TreatmentPlan, by_m: float) -> TreatmentPlan:
    """Return a plan with spots and stations moved up in the world by `by_m` [m]; by 0 it is the same plan."""
    if by_m == 0.0:
        return plan
    position_nm, poses = plan.position_nm.copy(), plan.station_pose.copy()
    position_nm[:, 2] += round(by_m * 1e9)
    poses[:, 2] += by_m
    return replace(plan, position_nm=position_nm, station_pose=poses)
