"""A node's work loop: its timer and its progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy.node
from openmtz_interfaces.msg import Progress
from rclpy.clock import Clock, ClockType

from openmtz.nodes import qos


def work_timer(node: rclpy.node.Node, period_s: float, callback: Callable[[], Any]) -> Any:
    """Create the timer of a work loop, on the machine's steady clock.

    A timer on the node's clock would obey `/clock`: whoever publishes there could stop the work loop.
    """
    watch = LoopWatch(period_s)

    def turn() -> None:
        said = watch.look(time.monotonic(), time.process_time())
        if said:
            node.get_logger().warning(said)
        callback()

    return node.create_timer(period_s, turn, clock=Clock(clock_type=ClockType.STEADY_TIME))


LATE_S = 0.25
"""A turn later than this is told in the log [s]: the age at which interlock lines count as stale
(`SafetyConfig.interlocks_stale_s`)."""


class LoopWatch:
    """Tells when a work loop did not come round, and whether it computed or did not get the processor."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._last: tuple[float, float] | None = None

    def look(self, now: float, processor_s: float) -> str:
        """Take monotonic time and the process's processor time [s] of a turn that begins; return what is to
        be logged, or nothing."""
        last, self._last = self._last, (now, processor_s)
        if last is None or now - last[0] - self._period_s <= LATE_S:
            return ""
        gap, used = now - last[0], processor_s - last[1]
        why = "computing" if used > 0.5 * gap else "waiting for the processor, the disk or a lock"
        return f"work loop: {gap:.2f} s between two turns, mostly {why} (processor time {used:.2f} s)"


class ProgressCounter:
    """Publishes `progress` from a work loop: call `work()` when work was done, never from an idle timer."""

    def __init__(self, node: rclpy.node.Node, period_s: float) -> None:
        self._publisher = node.create_publisher(Progress, "progress", qos.EVENTS)
        self._message = Progress(node=node.get_name(), period_ms=int(period_s * 1000))
        self._every_s = period_s * 0.4
        self._last = -1e9
        self._count = 0

    def work(self, now: float) -> None:
        """Count one turn of the work loop at monotonic time `now` [s]; publishes when it is time."""
        self._count += 1
        if now - self._last >= self._every_s:
            self._last = now
            self._message.counter = self._count
            self._publisher.publish(self._message)
