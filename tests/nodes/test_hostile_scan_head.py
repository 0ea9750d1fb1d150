"""The scan head and messages that contradict themselves: only permits and selections reach the line."""

from __future__ import annotations

from typing import Any

import pytest
from asking import good_messages, send_goal
from fakes import FakeLink

pytestmark = pytest.mark.ros


def test_scan_head_relays_permits_and_nothing_else(bench: Any, plan: Any, link: FakeLink) -> None:
    import hostile
    from openmtz_interfaces.action import FireStation
    from openmtz_interfaces.msg import Permit, SafetyState

    from openmtz.devices import PermitFrame, encode
    from openmtz.nodes import scan_head, topics

    _, good = good_messages(plan)
    node = bench.add(scan_head.create)
    bench.publish(topics.PERMIT, *hostile.permits())
    assert link.calls == [], "only a permit may travel by the permit's way"
    frame = encode(PermitFrame(1, bytes(16), 0, 0, 0, 0, 1, 1, 60_000))
    bench.publish(topics.PERMIT, Permit(frame=list(frame)))
    assert link.calls == [("relay_permit", frame)], "byte for byte"
    for message in hostile.plans(good):
        bench.publish(topics.PLAN, good, message)
        assert node.firing._plan is None
    bench.publish(topics.PLAN, good)
    bench.publish(
        topics.SAFETY_STATE, SafetyState(state=SafetyState.READY, approved_plan_sha256=good.plan_sha256)
    )
    bench.publish(topics.JOINT_STATES, *hostile.joint_states())
    link.calls.clear()
    for fields in ({}, {"plan_sha256": good.plan_sha256, "station": 65535}):
        handle = send_goal(bench, FireStation, "fire_station", **fields)
        result = handle.get_result_async()
        bench.wait(result.done, "the refusal")
        assert not result.result().result.success and result.result().result.reason
    assert link.calls == []


def fire(bench: Any, link: FakeLink, good: Any, **parameters: Any) -> tuple[Any, Any]:
    """A firing goal whose selection was asked for."""
    from openmtz_interfaces.action import FireStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import convert, scan_head, topics
    from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics

    node = bench.add(scan_head.create, joint_age_s=5.0, **parameters)
    planned = convert.plan_of(good)
    group = planned.groups()[0]
    from openmtz.geometry import pose_from_vector

    pose = pose_from_vector(planned.station_pose[group.station])
    q = ArmKinematics().inverse(pose, "scan_head", HOME).q
    bench.publish(topics.PLAN, good)
    bench.publish(
        topics.SAFETY_STATE, SafetyState(state=SafetyState.READY, approved_plan_sha256=good.plan_sha256)
    )
    bench.publish(topics.JOINT_STATES, JointState(name=list(JOINT_NAMES), position=q.tolist()))
    handle = send_goal(
        bench, FireStation, "fire_station", plan_sha256=good.plan_sha256, station=group.station,
        pass_index=group.pass_index, first=group.first,
    )  # fmt: skip
    bench.wait(lambda: any(c[0] == "begin_selection" for c in link.calls), "the selection")
    assert node.firing._firing is not None
    return node, handle.get_result_async()


def test_an_answer_to_an_earlier_selection_is_not_taken_for_this_one(
    bench: Any, plan: Any, link: FakeLink
) -> None:
    """A reply or a refused permit of the goal before may come in after the next goal began."""
    from openmtz.devices import Nak, NakCode, SelectReply

    _, good = good_messages(plan)
    node, result = fire(bench, link, good)
    f = node.firing._firing
    prefix = bytes.fromhex(good.plan_sha256)[:16]
    for stale in (
        SelectReply(prefix, f.group.station, f.group.pass_index, f.first + 1, f.end, 5),
        SelectReply(bytes(16), f.group.station, f.group.pass_index, f.first, f.end, 5),
        Nak(NakCode.PERMIT_REJECTED, "old"),
        Nak(NakCode.GAP, "old"),
    ):
        link.happened.append(stale)
        bench.spin(0.05)
        assert not f.selected and not result.done()
        assert not any(c[0] == "load" for c in link.calls)
    link.happened.append(SelectReply(prefix, f.group.station, f.group.pass_index, f.first, f.end, 5))
    bench.spin(0.05)
    assert f.selected and sum(c[0] == "load" for c in link.calls) == 1
    node.firing.interrupt("end of the test")
    assert link.calls[-1] == ("close_gate",)
    bench.wait(result.done, "the end")


def test_a_device_that_never_answers_ends_the_goal(bench: Any, plan: Any, link: FakeLink) -> None:
    _, good = good_messages(plan)
    _, result = fire(bench, link, good, stall_timeout_s=1.0)
    bench.wait(result.done, "the end", 5.0)
    assert "no shot for" in result.result().result.reason
    assert ("close_gate",) in link.calls
