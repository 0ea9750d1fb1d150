"""The firing groups of a plan, as the procedure takes them."""

from __future__ import annotations

from openmtz.plan import TreatmentPlan
from openmtz.procedure.events import Group


def groups_of(plan: TreatmentPlan) -> tuple[Group, ...]:
    """Return the plan's firing groups in firing order, with the wait before each."""
    return tuple(Group(g.station, g.pass_index, g.first, g.end, g.wait_s) for g in plan.groups())
