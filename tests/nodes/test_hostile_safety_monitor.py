"""The safety monitor and messages that contradict themselves: refused, and it goes on without granting."""

from __future__ import annotations

from typing import Any

import pytest
from asking import call, good_messages
from fakes import FakeLink

pytestmark = pytest.mark.ros


def test_safety_monitor_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from openmtz_interfaces.msg import Permit
    from openmtz_interfaces.srv import ApprovePlan

    from openmtz.nodes import safety_monitor, topics

    surface, good = good_messages(plan)
    node = bench.add(safety_monitor.create)
    permits: list[Permit] = []
    topics.PERMIT.subscription(bench.client, permits.append)
    for message in hostile.plans(good):
        bench.publish(topics.PLAN, good, message)
        assert node.monitoring.inbox.plan is None, "a plan that cannot be believed is no plan"
    bench.publish(topics.SURFACE, surface)
    assert node.monitoring.inbox.surface_id == surface.surface_id and node.monitoring.inbox.skin is not None
    for broken in hostile.surfaces(surface):
        bench.publish(topics.SURFACE, broken)
        assert node.monitoring.inbox.skin is None, "a surface that cannot be believed is no skin"
    bench.publish(topics.SURFACE, type(surface)())
    assert node.monitoring.inbox.surface_id not in ("", surface.surface_id), (
        "a surface without a name is another surface"
    )
    bench.publish(topics.JOINT_STATES, *hostile.joint_states())
    bench.publish(topics.SPOTS_LOADED, *hostile.loaded())
    bench.publish(topics.SPOTS_FIRED, *hostile.fired(good.plan_sha256))
    statuses, progress = hostile.others()
    bench.publish(topics.HEAD_STATUS, *statuses)
    bench.publish(topics.PROGRESS, *progress)
    assert not node.monitoring.inbox.progress, "only the nodes it watches are remembered"
    # a plan whose hash is right and whose numbers are none: refused when somebody approves it
    for area in ("abc", [1], {"a": 2}):
        from openmtz.nodes import convert
        from openmtz.plan import TreatmentPlan
        from openmtz.safety import Approve, Inputs
        from openmtz.safety.approval import judge
        from openmtz.safety.config import SafetyConfig
        from openmtz.safety.states import SafetyState

        p = plan[1]
        fields = {n: getattr(p, n) for n in ("position_nm", "normal_e9", "energy_uj", "pulse_us", "depth_um")}
        forged = TreatmentPlan(
            header={**p.header, "area_cm2": area}, not_before_us=p.not_before_us, station=p.station,
            pass_index=p.pass_index, station_pose=p.station_pose, **fields,
        )  # fmt: skip
        assert convert.plan_of(convert.plan_message(forged, [], good.header.stamp)).sha256 == forged.sha256
        given, reply = judge(
            Approve(forged.sha256, "b", "x"),
            Inputs(plan=forged),
            SafetyState.STANDBY,
            "b",
            SafetyConfig(),
            0.0,
        )
        assert given is None and not reply.accepted
    answer = call(bench, ApprovePlan, "safety/approve_plan", plan_sha256="\x00", approver="x" * 10_000)
    assert not answer.accepted and answer.reason
    bench.publish(topics.PLAN, good)
    assert node.monitoring.inbox.plan is not None and node.monitoring.inbox.plan.sha256 == good.plan_sha256
    assert permits == []


def test_a_second_publisher_of_a_permit_or_of_evidence_ends_emission(bench: Any, link: FakeLink) -> None:
    """A played record, a second stack: permits are not relayed, and the monitor grants none."""
    from openmtz_interfaces.msg import Permit

    from openmtz.devices import PermitFrame, encode
    from openmtz.nodes import safety_monitor, scan_head, topics
    from openmtz.nodes.convert_safety import permit_message
    from openmtz.stack import make_permit

    monitor = bench.add(safety_monitor.create)
    head = bench.add(scan_head.create)
    withheld: list[list[str]] = []
    topics.SAFETY_STATE.subscription(bench.client, lambda m: withheld.append(list(m.withheld)))
    bench.wait(lambda: withheld and head.count_publishers("safety/permit") == 1, "the graph")
    bench.spin(0.3)
    assert "topic-shared" not in withheld[-1]
    permit = Permit(frame=list(encode(PermitFrame(1, bytes(16), 0, 0, 64, 0, 1, 1, 60_000))))
    publisher = bench.publisher(topics.PERMIT)
    bench.wait(lambda: "topic-shared" in withheld[-1], "the monitor to notice")
    bench.wait(lambda: head.ear.shared, "the scan head to notice")
    for _ in range(5):
        publisher.publish(permit)
        bench.spin(0.05)
    assert not any(c[0] == "relay_permit" for c in link.calls), "it was relayed"
    bench.client.destroy_publisher(publisher)
    bench.wait(lambda: not head.ear.shared, "the scan head to go on")
    bench.wait(lambda: "topic-shared" not in withheld[-1], "the monitor to go on")
    monitor._publish(monitor._permit_publisher, permit_message(make_permit(_grant())))
    bench.wait(lambda: any(c[0] == "relay_permit" for c in link.calls), "the monitor's own permit")
    link.calls.clear()
    bench.publisher(topics.JOINT_STATES)
    twin = topics.JOINT_STATES.publisher(bench.client)
    bench.wait(lambda: "topic-shared" in withheld[-1], "the monitor to notice joint states told twice")
    bench.client.destroy_publisher(twin)


def _grant() -> Any:
    from openmtz.safety import PermitGrant

    return PermitGrant(1, "", 0, 0, 0, 0, 0, 0, 60_000)
