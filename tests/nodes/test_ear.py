"""How a node hears: each message with the gid of its publisher, under either executor of rclpy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
import rclpy.node
from rclpy.signals import SignalHandlerOptions

pytestmark = pytest.mark.ros


@pytest.fixture(params=["SingleThreadedExecutor", "EventsExecutor"])
def rig(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A node with an ear, two others that publish, and an executor for all."""
    from openmtz.nodes.hearing import ListeningNode

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    if request.param == "EventsExecutor":
        from rclpy.experimental import EventsExecutor

        executor = EventsExecutor()
    else:
        from rclpy.executors import SingleThreadedExecutor

        executor = SingleThreadedExecutor()
    node = ListeningNode("listener", [])
    own, foreign = rclpy.node.Node("own"), rclpy.node.Node("foreign")
    for one in (node, own, foreign):
        executor.add_node(one)

    def wait(done: Callable[[], Any], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline
            executor.spin_once(timeout_sec=0.02)

    yield SimpleNamespace(node=node, ear=node.ear, own=own, foreign=foreign, wait=wait)
    executor.shutdown(timeout_sec=0.5)
    for one in (node, own, foreign):
        one.destroy_node()
    rclpy.shutdown()


def progress(count: int, name: str = "own") -> Any:
    from openmtz_interfaces.msg import Progress

    return Progress(node=name, counter=count)


def speak(rig: Any, who: Any, topic: Any) -> Any:
    publisher = topic.publisher(who)
    rig.wait(lambda: publisher.get_subscription_count() > 0)
    return publisher


def test_the_gid_of_a_message_is_that_of_its_publisher_in_the_graph(rig: Any) -> None:
    from openmtz.nodes import topics
    from openmtz.nodes.hearing.subscription import GidSubscription

    topic = topics.PROGRESS
    heard: list[tuple[int, bytes]] = []
    subscription = GidSubscription(
        rig.node, topic.type, topic.name, topic.qos, lambda message, gid: heard.append((message.counter, gid))
    )
    ends = [speak(rig, rig.own, topic), speak(rig, rig.foreign, topic)]
    for count in range(50):
        ends[count % 2].publish(progress(count))
    rig.wait(lambda: len(heard) == 50)
    known = {e.node_name: bytes(e.endpoint_gid) for e in rig.node.get_publishers_info_by_topic(topic.name)}
    for name, parity in (("own", 0), ("foreign", 1)):
        mine = [(c, gid) for c, gid in heard if c % 2 == parity]
        assert [c for c, _ in mine] == list(range(parity, 50, 2)), "all of them, in order"
        assert {gid for _, gid in mine} == {known[name]}
    subscription.close()
    ends[0].publish(progress(99))
    again: list[Any] = []
    topic.subscription(rig.foreign, again.append)
    rig.wait(lambda: ends[0].publish(progress(100)) or again)
    assert len(heard) == 50


def test_bytes_that_are_no_message_end_nothing(rig: Any) -> None:
    from openmtz.nodes import topics

    heard: list[int] = []
    rig.ear.subscribe(topics.PROGRESS, lambda message: heard.append(message.counter))
    publisher = speak(rig, rig.own, topics.PROGRESS)
    for rubbish in (
        b"\x00\x01\x00\x00",
        b"\x00\x01\x00\x00\xff\xff\xff\xff",
        b"\x00\x01\x00\x00\x02\x00\x00\x00\xff\x00",
    ):
        publisher.publish(rubbish)
    publisher.publish(progress(7))
    rig.wait(lambda: heard == [7])


def test_what_comes_before_its_publisher_is_known_waits_in_order(rig: Any) -> None:
    """Also a latched message, which comes once: with two on the topic nobody is believed, with one it is."""
    from openmtz.nodes import topics

    heard: list[int] = []
    rig.ear.subscribe(topics.PROGRESS, lambda message: heard.append(message.counter))
    second = speak(rig, rig.foreign, topics.PROGRESS)
    own = speak(rig, rig.own, topics.PROGRESS)
    rig.wait(lambda: rig.node.count_publishers("progress") == 2)
    for count in range(5):
        own.publish(progress(count))
        second.publish(progress(100 + count))
    rig.wait(lambda: len(rig.ear._waiting.get(("progress", ""), ())) == 10)
    assert rig.ear.look(time.monotonic()).keys() == {"topic-shared"} and not heard
    rig.foreign.destroy_publisher(second)
    rig.wait(lambda: rig.node.count_publishers("progress") == 1)
    rig.ear._due = 0.0
    found = rig.ear.look(time.monotonic())
    assert heard == [0, 1, 2, 3, 4] and "speaker-foreign" in found, "the others are refused, and named"


def test_one_in_the_place_of_another_between_two_looks_is_a_change(rig: Any) -> None:
    """As many publishers as before: the count does not tell."""
    from openmtz.nodes import topics

    heard: list[int] = []
    rig.ear.subscribe(topics.PROGRESS, lambda message: heard.append(message.counter))
    first = speak(rig, rig.own, topics.PROGRESS)
    first.publish(progress(1))
    rig.wait(lambda: rig.ear.look(time.monotonic()) == {} and heard == [1])
    rig.own.destroy_publisher(first)
    other = speak(rig, rig.foreign, topics.PROGRESS)
    rig.wait(lambda: rig.node.count_publishers("progress") == 1)
    other.publish(progress(2))
    found: dict[str, str] = {}
    rig.wait(lambda: "speaker-changed" in (found.update(rig.ear.look(time.monotonic())) or found))
    other.publish(progress(3))
    rig.wait(lambda: heard[-1] == 3)
    assert heard == [1, 3] and "speaker-foreign" in found, "its first message was nobody's yet"
