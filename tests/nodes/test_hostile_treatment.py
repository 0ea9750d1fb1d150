"""The treatment and messages that contradict themselves: no plan, no shots of another one."""

from __future__ import annotations

from typing import Any

import pytest
from asking import good_messages

pytestmark = pytest.mark.ros


def test_treatment_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from openmtz_interfaces.msg import SpotsFired

    from openmtz.nodes import topics, treatment

    _, good = good_messages(plan)
    node = bench.add(treatment.create)
    for message in hostile.plans(good):
        bench.publish(topics.PLAN, good, message)
        assert node.treating.plan is None
    bench.publish(topics.PLAN, good)
    bench.publish(topics.SPOTS_FIRED, *hostile.fired(good.plan_sha256))
    bench.publish(
        topics.SPOTS_FIRED,
        SpotsFired(plan_sha256="another", spot_index=[0], device_tick_us=[1], energy_uj=[1]),
    )
    assert not node.treating._fired
    bench.publish(
        topics.SPOTS_FIRED,
        SpotsFired(plan_sha256=good.plan_sha256, spot_index=[0], device_tick_us=[1], energy_uj=[1]),
    )
    assert node.treating.fired_of(good.plan_sha256).index.tolist() == [0]
