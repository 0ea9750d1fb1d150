"""A foreign node in the domain of a running stack, while the laser fires: what it forges is refused and
named, and ends emission; a person of the stack goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
import rclpy.node
from rclpy.context import Context

sys.path.insert(0, str(Path(__file__).parent))
from stack import Stack
from treatment import Treatment

pytestmark = [pytest.mark.ros, pytest.mark.alone]


@pytest.fixture
def stranger() -> Iterator[Any]:
    """A node with a DDS participant of its own, as another program has."""
    context = Context()
    rclpy.init(context=context)
    node = rclpy.node.Node("stranger", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_what_a_foreign_node_forges_ends_emission_and_is_named(
    stack: Stack, treatment: Treatment, stranger: Any
) -> None:
    from openmtz_interfaces.msg import SafetyState
    from openmtz_interfaces.srv import ResetFault, SetInterlock

    from openmtz.nodes import topics
    from openmtz.safety import LINE_NAMES

    treatment.start(seed=21)
    treatment.go_on_until_fired(30)
    forged = topics.INTERLOCKS.publisher(stranger)
    deadline = time.monotonic() + 10.0
    while forged.get_subscription_count() < 2:  # monitor and recorder
        assert time.monotonic() < deadline and treatment.state() != "FAULT"
        treatment.client.pump(0.005)
    forged.publish(topics.INTERLOCKS.type(**dict.fromkeys(LINE_NAMES, True)))
    stranger.destroy_publisher(forged)

    treatment.go_on(lambda: treatment.state() == "STANDBY", 5.0, act=False)
    codes = {row[2] for row in treatment.client.observed.safety_events}
    assert codes & {"speaker-foreign", "topic-shared"}, codes
    fired = treatment.fired()
    treatment.client.pump(0.5)
    assert treatment.fired() == fired, "the laser is off"

    # Without the secret it neither presses, nor resets, nor takes the token.
    client = treatment.client
    request = SetInterlock.Request(line="footswitch_pressed", value=True, secret="guessed")
    assert not client.call(SetInterlock, "simulation/set_interlock", request).success
    refused = client.call(ResetFault, "safety/reset", ResetFault.Request())
    assert not refused.success and "secret" in refused.message

    # The operator of the stack goes on, to the end.
    treatment.go_on(treatment.future.done, 90.0)
    assert treatment.result().success, treatment.result().reason
    assert client.observed.safety.state != SafetyState.FAULT
