"""A foreign node in the domain tries what must not work: each attack is refused and has a name."""

from __future__ import annotations

from typing import Any

import pytest
import rclpy.node
from asking import call
from fakes import FakeLink

pytestmark = pytest.mark.ros


@pytest.fixture
def monitor(bench: Any) -> Any:
    """The safety monitor, what it says, and a speaker for everything it hears."""
    from openmtz.nodes import safety_monitor, topics

    node = bench.add(safety_monitor.create)
    node.said = []
    topics.SAFETY_STATE.subscription(bench.client, node.said.append)
    bench.wait(lambda: node.said, "the monitor's state")
    return node


@pytest.fixture
def stranger(bench: Any) -> Any:
    node = rclpy.node.Node("stranger")
    bench.nodes.append(node)
    bench.executor.add_node(node)
    return node


def good_lines(**more: bool) -> Any:
    from openmtz_interfaces.msg import Interlocks

    from openmtz.safety import LINE_NAMES

    return Interlocks(**{**dict.fromkeys(LINE_NAMES, False), **more})


def test_a_publisher_of_a_moment_releases_no_emergency_stop(bench: Any, monitor: Any, stranger: Any) -> None:
    """It speaks and is gone before anybody counts publishers."""
    from openmtz.nodes import topics

    bench.publish(topics.INTERLOCKS, good_lines())
    bench.wait(lambda: monitor.monitoring.inbox.interlocks is not None, "the lines")
    foreign = topics.INTERLOCKS.publisher(stranger)
    bench.wait(lambda: foreign.get_subscription_count() > 0, "the monitor as a reader")
    monitor.ear._due = 1e12  # the graph is not looked at again in this test
    foreign.publish(good_lines(emergency_stop_closed=True, key_on=True, footswitch_pressed=True))
    stranger.destroy_publisher(foreign)
    bench.wait(lambda: "speaker-foreign" in monitor.said[-1].withheld, "the stranger's name")
    assert not monitor.monitoring.inbox.interlocks.emergency_stop_closed
    assert not monitor.monitoring.inbox.interlocks.footswitch_pressed
    bench.publish(topics.INTERLOCKS, good_lines(key_on=True))
    assert monitor.monitoring.inbox.interlocks.key_on, "the own speaker goes on"


def test_a_forged_progress_does_not_keep_a_hung_loop_alive(bench: Any, monitor: Any, stranger: Any) -> None:
    from openmtz_interfaces.msg import Progress

    from openmtz.nodes import topics

    arm = rclpy.node.Node("arm")
    bench.nodes.append(arm)
    own, forged = topics.PROGRESS.publisher(arm), topics.PROGRESS.publisher(stranger)
    bench.wait(lambda: own.get_subscription_count() > 0 and forged.get_subscription_count() > 0, "a reader")
    own.publish(Progress(node="arm", counter=5, period_ms=100))
    bench.wait(lambda: "arm" in monitor.monitoring.inbox.progress, "the arm's progress")
    for counter in range(6, 30):
        forged.publish(Progress(node="arm", counter=counter, period_ms=100))
        forged.publish(Progress(node="scan_head", counter=counter, period_ms=100))
        bench.spin(0.02)
    assert monitor.monitoring.inbox.progress["arm"].counter == 5
    assert "scan_head" not in monitor.monitoring.inbox.progress, (
        "nor does it stand in for one that is not there"
    )
    assert "speaker-foreign" in monitor.said[-1].withheld


def test_a_second_server_and_a_stolen_name_are_named(bench: Any, monitor: Any, stranger: Any) -> None:
    from openmtz_interfaces.srv import ResetFault

    # What the test before left takes a moment to be gone from the graph.
    shared = {"service-shared", "name-shared"}
    bench.wait(lambda: monitor.said and not shared & set(monitor.said[-1].withheld), "one of each")
    server = stranger.create_service(ResetFault, "safety/reset", lambda _request, response: response)
    bench.wait(lambda: "service-shared" in monitor.said[-1].withheld, "the second server")
    stranger.destroy_service(server)
    bench.wait(lambda: "service-shared" not in monitor.said[-1].withheld, "its end")
    twin = rclpy.node.Node("safety_monitor")
    bench.wait(lambda: "name-shared" in monitor.said[-1].withheld, "the stolen name")
    twin.destroy_node()
    bench.wait(lambda: "name-shared" not in monitor.said[-1].withheld, "its end")


def test_nobody_arms_approves_or_resets_without_the_secret(bench: Any, monitor: Any) -> None:
    from openmtz_interfaces.msg import SafetyState
    from openmtz_interfaces.srv import ApprovePlan, RequestReady, RequestToken, ResetFault

    from openmtz.graph import secret_path

    acts = (
        (ApprovePlan, "safety/approve_plan", {"plan_sha256": "x", "approver": "x"}),
        (RequestReady, "safety/request_ready", {"ready": True}),
        (RequestToken, "safety/request_token", {"token": SafetyState.TOKEN_MOTION}),
        (RequestToken, "safety/request_token", {"token": SafetyState.TOKEN_EMISSION}),
        (ResetFault, "safety/reset", {}),
    )
    for kind, name, fields in acts:
        for wrong in ("", "x", bench.secret[:-1], bench.secret.upper() + "0"):
            answer = call(bench, kind, name, **fields, secret=wrong)
            text = answer.message if kind is ResetFault else answer.reason
            assert str(secret_path()) in text and bench.secret not in text
        answer = call(bench, kind, name, **fields)
        text = answer.message if kind is ResetFault else answer.reason
        assert str(secret_path()) not in text, "the secret opens; what the monitor says to it is its own"
    assert "secret" not in call(bench, RequestReady, "safety/request_ready", ready=False, secret="").reason
    assert call(bench, RequestToken, "safety/request_token", token=0, secret="").granted, (
        "who stops needs none"
    )


def test_the_head_s_fault_is_not_reset_without_the_secret(bench: Any, link: FakeLink) -> None:
    from openmtz_interfaces.srv import ResetFault

    from openmtz.nodes import scan_head

    bench.add(scan_head.create)
    assert not call(bench, ResetFault, "scan_head/reset_fault", secret="x").success
    assert ("reset_fault",) not in link.calls
    assert call(bench, ResetFault, "scan_head/reset_fault").success and ("reset_fault",) in link.calls


def test_simulated_lines_close_for_the_stack_s_user_alone(cell: Any) -> None:
    from openmtz_interfaces.srv import InjectFault, SetInterlock

    def line(name: str, value: bool, **secret: str) -> Any:
        return cell.call(SetInterlock, "set_interlock", line=name, value=value, **secret)

    lines = cell.node._cell.lines
    assert line("emergency_stop_closed", False, secret="").success, "anybody may press it"
    for name in ("emergency_stop_closed", "footswitch_pressed", "eyewear_attested"):
        refused = line(name, True, secret="x")
        assert not refused.success and "secret" in refused.message and not lines.read()[name]
    assert line("emergency_stop_closed", True).success and lines.read()["emergency_stop_closed"]
    assert line("footswitch_pressed", True).success
    assert line("footswitch_pressed", False, secret="").success and not lines.read()["footswitch_pressed"]
    fault = cell.call(InjectFault, "inject_fault", fault="line_stuck", active=True, secret="")
    assert not fault.success and "secret" in fault.message


def test_a_reset_of_the_simulation_releases_no_emergency_stop(cell: Any) -> None:
    """Its service is a standard one and can carry no secret."""
    assert cell.line("emergency_stop_closed", False).success
    for scope in (0, 2, 4, 255):
        cell.reset(scope)
        assert not cell.node._cell.lines.read()["emergency_stop_closed"], scope
    cell.state("STOPPED")
    assert not cell.node._cell.lines.read()["emergency_stop_closed"]
    assert cell.line("emergency_stop_closed", True).success


def test_a_foreign_permit_token_or_trajectory_is_nothing(bench: Any, stranger: Any, link: FakeLink) -> None:
    from openmtz_interfaces.msg import Permit, SafetyState

    from openmtz.devices import PermitFrame, encode
    from openmtz.nodes import arm, scan_head, topics

    head, mover = bench.add(scan_head.create), bench.add(arm.create)
    bench.publish(topics.SAFETY_STATE, SafetyState())
    permit = Permit(frame=list(encode(PermitFrame(1, bytes(16), 0, 0, 64, 0, 1, 1, 60_000))))
    bench.publish(topics.PERMIT, permit)
    bench.wait(lambda: any(c[0] == "relay_permit" for c in link.calls), "the monitor's permit")
    link.calls.clear()
    for node in (head, mover):
        node.ear._due = 1e12
    for topic, message in (
        (topics.PERMIT, permit),
        (topics.SAFETY_STATE, SafetyState(token=SafetyState.TOKEN_MOTION)),
    ):
        foreign = topic.publisher(stranger)
        readers = 2 if topic is topics.SAFETY_STATE else 1
        bench.wait(lambda f=foreign, n=readers: f.get_subscription_count() >= n, "readers")
        foreign.publish(message)
        stranger.destroy_publisher(foreign)
        bench.spin(0.3)
    assert not any(c[0] == "relay_permit" for c in link.calls), "it was relayed"
    assert not mover._mover._has_token, "nobody but the monitor gives the arm the token"


def test_without_a_secret_nobody_arms(bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from openmtz_interfaces.srv import RequestReady

    from openmtz.nodes import safety_monitor

    monkeypatch.setenv("OPENMTZ_SECRET_FILE", str(tmp_path / "none"))
    bench.add(safety_monitor.create)
    for secret in ("", "x", bench.secret):
        answer = call(bench, RequestReady, "safety/request_ready", ready=True, secret=secret)
        assert not answer.accepted and "no secret" in answer.reason and "./openmtz up" in answer.reason


def test_a_forged_status_does_not_make_the_operator_press(bench: Any, stranger: Any) -> None:
    """The scripted operator knows the secret: who deceives it would press by its hand."""
    from openmtz_interfaces.msg import TreatmentStatus

    from openmtz.nodes import topics
    from openmtz.nodes.operator import OperatorClient

    client = OperatorClient()
    try:
        bench.publish(topics.TREATMENT_STATUS, TreatmentStatus(waiting_for="approval"))
        client.wait(lambda: client.observed.status is not None, 10.0, "the treatment's status")
        forged = topics.TREATMENT_STATUS.publisher(stranger)
        client.wait(lambda: forged.get_subscription_count() > 0, 10.0, "the operator as a reader")
        forged.publish(TreatmentStatus(waiting_for="footswitch"))
        client.pump(0.5)
        assert client.observed.status.waiting_for == "approval"
        assert "speaker-foreign" in client.node.ear.look(0.0) or client.node.ear.shared
    finally:
        client.close()


def test_a_second_server_is_not_told_the_secret(bench: Any, monitor: Any, stranger: Any) -> None:
    """Neither by the operator nor by the treatment: whoever serves beside the stack reads every request."""
    from openmtz_interfaces.srv import RequestToken, ResetFault

    from openmtz.nodes.clients import ServiceQueue
    from openmtz.nodes.operator import OperatorClient

    told: list[str] = []

    def listen(request: Any, response: Any) -> Any:
        told.append(request.secret)
        return response

    for kind, name in ((ResetFault, "safety/reset"), (RequestToken, "safety/request_token")):
        stranger.create_service(kind, name, listen)
    client = OperatorClient()
    try:
        client.wait(lambda: client.node.count_services("safety/reset") == 2, 10.0, "both servers")
        with pytest.raises(RuntimeError, match="more than one server"):
            client.reset_safety()
        queue, why = ServiceQueue(client.node), []
        request = RequestToken.Request(token=1, secret=bench.secret)
        queue.call(RequestToken, "safety/request_token", request, lambda _, text: why.append(text), 0.0)
        assert not queue.busy and "more than one server" in why[0]
    finally:
        client.close()
    bench.spin(0.3)
    assert told == []


@pytest.mark.parametrize("secret", ["", "guessed"])
def test_nobody_starts_a_treatment_or_moves_the_arm_without_the_secret(bench: Any, secret: str) -> None:
    """The treatment would ask for tokens with the stack's own secret; a token that is out is anybody's."""
    from asking import send_goal
    from openmtz_interfaces.action import MoveToStation, Treat
    from openmtz_interfaces.msg import SafetyState

    from openmtz.nodes import arm, topics, treatment

    nodes = {"treat": bench.add(treatment.create), "move_to_station": bench.add(arm.create)}
    bench.publish(topics.SAFETY_STATE, SafetyState(token=SafetyState.TOKEN_MOTION))
    for kind, name, fields in (
        (Treat, "treat", {"indication": "ladd"}),
        (MoveToStation, "move_to_station", {}),
    ):
        result = send_goal(bench, kind, name, **fields, secret=secret).get_result_async()
        bench.wait(result.done, f"the end of {name}")
        answer = result.result().result
        assert not answer.success and "secret" in answer.reason
        assert nodes[name]._slot.active is None, "and it is free for the next"
    assert not nodes["treat"].other_nodes.busy
