"""The planner and requests that cannot be believed: a reason and no plan; plans are never overwritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asking import good_messages, send_goal

pytestmark = pytest.mark.ros


def test_planner_refuses_and_goes_on(bench: Any, plan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import hostile
    from openmtz_interfaces.action import PlanTreatment

    from openmtz.nodes import mtz_planner, topics

    surface, _ = good_messages(plan)
    plans: list[Any] = []
    node = bench.add(mtz_planner.create, surface_wait_s=0.3, check_reach=False)
    topics.PLAN.subscription(bench.client, plans.append)
    for message in hostile.surfaces(surface):
        bench.publish(topics.SURFACE, surface, message)
        assert node.planning._surface is None
    bench.publish(topics.SURFACE, surface)

    def ask(**fields: Any) -> str:
        handle = send_goal(bench, PlanTreatment, "plan_treatment", indication="ladd", **fields)
        result = handle.get_result_async()
        bench.wait(result.done, "the refusal", 30.0)
        assert not result.result().result.success
        return str(result.result().result.reason)

    for text in hostile.bad_json()[:5]:
        assert ask(request_json=text)
    assert "surface" in ask(surface_id="0" * 64)

    def raises(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr("openmtz.stack.planning.plan_treatment", raises)
    assert "nobody thought of this" in ask()
    assert plans == []


def test_a_second_plan_is_written_beside_the_first(bench: Any, plan: Any, tmp_path: Path) -> None:
    """Two treatments in one stack: plans are never overwritten, and the second is no failure."""
    from openmtz_interfaces.action import PlanTreatment

    from openmtz.nodes import mtz_planner, topics

    surface, _ = good_messages(plan)
    bench.add(mtz_planner.create, plan_dir=str(tmp_path / "plan"), check_reach=False)
    bench.publish(topics.SURFACE, surface)
    request = json.dumps({"region": {"center_m": [0.5, 0.0, 0.05], "radius_m": 0.003}})
    for seed in (1, 2, 1):
        handle = send_goal(
            bench, PlanTreatment, "plan_treatment", indication="ladd", request_json=request, seed=seed
        )
        result = handle.get_result_async()
        bench.wait(result.done, "the plan", 30.0)
        assert result.result().result.success, result.result().result.reason
    folders = sorted(f.name for f in tmp_path.iterdir())
    assert len(folders) == 2 and folders[0] == "plan" and folders[1].startswith("plan-")
    assert all((tmp_path / f / "plan.omtz").exists() for f in folders)
