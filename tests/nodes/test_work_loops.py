"""Work loops, goals and calls: what must hold whatever the clock, the client or another node does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.ros


def test_a_work_loop_does_not_obey_the_clock_topic(bench: Any) -> None:
    """`/clock` is a topic like any other: whoever publishes there must not stop a node's work."""
    from builtin_interfaces.msg import Time
    from rosgraph_msgs.msg import Clock

    from openmtz.nodes import arm, safety_monitor, topics

    counters: list[int] = []
    states: list[Any] = []
    topics.PROGRESS.subscription(bench.client, lambda m: counters.append(m.counter))
    topics.SAFETY_STATE.subscription(bench.client, states.append)
    bench.add(arm.create, use_sim_time=True)
    bench.add(safety_monitor.create, use_sim_time=True)
    for sec in (1000, 1000, 5, 0):
        bench.publish(topics.CLOCK, Clock(clock=Time(sec=sec)))
    counters.clear()
    states.clear()
    bench.spin(1.5)
    assert len(counters) >= 2 and counters[-1] > counters[0]
    assert len(states) >= 5


def test_a_goal_cancelled_before_it_began_is_told_so(bench: Any) -> None:
    """The cancel may be taken between the goal's acceptance and its beginning."""
    from openmtz_interfaces.action import MoveToStation

    from openmtz.nodes import arm

    node = bench.add(arm.create, token_wait_s=5.0)
    ended: list[str] = []
    handle = SimpleNamespace(
        request=MoveToStation.Goal(secret=bench.secret), is_cancel_requested=True,
        succeed=lambda: ended.append("succeeded"),
        canceled=lambda: ended.append("cancelled"), abort=lambda: ended.append("aborted"),
    )  # fmt: skip
    results: list[Any] = []
    node._slot.server.conclude = lambda handle, callback: results.append(callback(handle))
    node._slot._execute(handle)
    assert not results[0].success and ended == ["cancelled"]
    assert node._slot.active is None


def test_events_that_arise_while_one_is_taken_wait_for_its_end(bench: Any) -> None:
    """A command may be answered at once (no such action): its answer must not overtake the other commands."""
    from openmtz.nodes import treatment
    from openmtz.procedure import events

    node = bench.add(treatment.create)
    order: list[str] = []

    class Script:
        finished = False

        def step(self, event: Any) -> list[Any]:
            order.append(f"event {event}")
            return ["A", "B"] if event == 1 else []

    treating = node.treating
    dispatcher = treating.dispatcher
    dispatcher.procedure, kept = Script(), dispatcher.procedure
    dispatcher._carry_out = lambda command: (
        order.append(f"command {command}"),
        command == "A" and dispatcher.step(2),
    )
    dispatcher.step(1)
    dispatcher.procedure = kept
    assert order == ["event 1", "command A", "command B", "event 2"]
    assert isinstance(events.Tick(1.0), events.Event)


def test_the_end_of_a_treatment_waits_for_what_it_used(bench: Any) -> None:
    """Else the next one finds a capture or a move still ending, and is refused."""
    from openmtz.nodes import treatment
    from openmtz.stack.treating import END_WAIT_S

    node = bench.add(treatment.create)
    treating = node.treating
    assert treating.all_ended(10.0)
    treating._over_since = None
    node.other_nodes.arm._open.add(1)
    assert not treating.all_ended(20.0) and not treating.all_ended(22.0)
    assert treating.all_ended(20.1 + END_WAIT_S), "but not for ever"
    node.other_nodes.arm._open.clear()
    assert treating.all_ended(20.0)


def test_a_service_that_never_answers_leaves_nothing_behind(bench: Any) -> None:
    from std_srvs.srv import Trigger

    from openmtz.nodes.clients import ServiceQueue

    queue = ServiceQueue(bench.client)
    said: list[str] = []
    queue.call(Trigger, "nobody", Trigger.Request(), lambda _r, why: said.append(why), 0.0, timeout_s=1.0)
    assert queue.busy
    queue.work(2.0)
    assert not queue.busy and "no service nobody" in said[0]


def test_a_late_loop_says_whether_it_computed_or_waited() -> None:
    from openmtz.nodes.work_loop import LoopWatch

    watch = LoopWatch(0.02)
    assert [watch.look(0.02 * k, 0.001 * k) for k in range(20)] == [""] * 20
    waited = watch.look(1.38, 0.039)
    assert "1.00 s between two turns, mostly waiting" in waited and "0.02 s" in waited
    assert "mostly computing (processor time 0.80 s)" in watch.look(2.38, 0.839)
    assert watch.look(2.40, 0.84) == ""
