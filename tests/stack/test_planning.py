"""The planner's work loop: orders and surfaces in either order, every failure an outcome."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from openmtz.planning import PlanningError
from openmtz.stack import Planned, Planning, PlanningFailed, PlanningStep, PlanOrder

SURFACE: Any = SimpleNamespace(surface_id="a" * 64)
ORDER = PlanOrder(SURFACE.surface_id, "ladd")


class Jobs:
    """Jobs that are done when the test says so."""

    def __init__(self) -> None:
        self.over = False

    def __call__(self, act: Any) -> Any:
        return SimpleNamespace(done=lambda: self.over, result=act)


def rig(planner: Any = lambda *_: SimpleNamespace(plan="plan", findings=())) -> tuple[Planning, Jobs]:
    jobs = Jobs()
    return Planning(planner, jobs, surface_wait_s=1.0), jobs


def test_an_order_that_overtakes_its_surface_waits_for_it() -> None:
    planning, jobs = rig()
    planning.start(ORDER, 0.0)
    assert planning.work(0.5) == []
    planning.hear_surface(SimpleNamespace(surface_id="another"))  # type: ignore[arg-type]
    assert planning.work(0.9) == []
    planning.hear_surface(SURFACE)
    assert planning.work(0.95) == [PlanningStep("planning", 0.0)]
    planning.hear_surface(None)
    jobs.over = True
    (end,) = planning.work(2.0)
    assert isinstance(end, Planned) and end.surface is SURFACE and end.plan == "plan"
    assert planning.work(2.1) == []


def test_a_surface_that_does_not_come_is_named() -> None:
    planning, _ = rig()
    planning.start(ORDER, 0.0)
    (end,) = planning.work(1.1)
    assert isinstance(end, PlanningFailed) and "aaaaaaaaaaaa" in end.reason
    planning.start(PlanOrder("", "ladd"), 2.0)
    assert "(any)" in planning.work(3.1)[0].reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("raised", "said", "traced"),
    [
        (PlanningError("too steep"), "too steep", False),
        (ValueError("no JSON"), "no JSON", False),
        (OSError("disk full"), "disk full", False),
        (ZeroDivisionError("plugin"), "planning failed unexpectedly: ZeroDivisionError: plugin", True),
    ],
)
def test_whatever_planning_raises_ends_the_order(raised: Exception, said: str, traced: bool) -> None:
    def planner(*_: Any) -> Any:
        raise raised

    planning, jobs = rig(planner)
    jobs.over = True
    planning.hear_surface(SURFACE)
    planning.start(ORDER, 0.0)
    (end,) = planning.work(0.0)
    assert isinstance(end, PlanningFailed) and end.reason == said and bool(end.trace) is traced


def test_a_cancelled_order_is_told_once_and_its_plan_dropped() -> None:
    planning, jobs = rig()
    planning.cancel()
    assert planning.work(0.0) == []
    planning.hear_surface(SURFACE)
    planning.start(ORDER, 0.0)
    planning.work(0.0)
    planning.cancel()
    jobs.over = True
    assert planning.work(0.1) == [PlanningFailed("cancelled")] and planning.work(0.2) == []


def test_the_newest_order_counts() -> None:
    planning, jobs = rig(lambda _s, order, _n: SimpleNamespace(plan=order.seed, findings=()))
    planning.hear_surface(SURFACE)
    planning.start(ORDER, 0.0)
    planning.work(0.0)
    planning.start(ORDER._replace(seed=5), 0.1)
    jobs.over = True
    (end,) = planning.work(0.2)
    assert isinstance(end, Planned) and end.plan == 5
