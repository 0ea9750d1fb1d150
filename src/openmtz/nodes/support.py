"""What every node needs: parameters parsed once, goals one at a time, a progress counter."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, TypeVar

import rclpy.node
from openmtz_interfaces.msg import Progress
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.task import Future

from openmtz.nodes import qos

ConfigT = TypeVar("ConfigT")
ResultT = TypeVar("ResultT")


class NodeError(RuntimeError):
    """A node cannot start or go on; the message names cause and nearest fix."""


def parameter(default: Any, text: str, low: float | None = None, high: float | None = None) -> Any:
    """Declare a field of a node's config: default, description with unit, allowed range."""
    return field(default=default, metadata={"text": text, "low": low, "high": high})


def parse_parameters(node: rclpy.node.Node, config_class: type[ConfigT]) -> ConfigT:
    """Declare every field of a frozen config with descriptor and range, and read it once.

    Raises:
        NodeError: a value of the wrong type or out of range, or a parameter nobody knows.
    """
    values: dict[str, Any] = {}
    known = [f.name for f in fields(config_class)]  # type: ignore[arg-type]
    unknown = [p for p in _override_names(node) if p not in known and p != "use_sim_time"]
    if unknown:
        raise NodeError(f"{node.get_name()}: unknown parameter {unknown[0]!r}; there are: {', '.join(known)}")
    for spec in fields(config_class):  # type: ignore[arg-type]
        if spec.default is MISSING:
            raise TypeError(f"{config_class.__name__}.{spec.name} has no default")
        try:
            value = node.declare_parameter(spec.name, spec.default, _descriptor(spec)).value
        except Exception as error:
            low, high = spec.metadata.get("low"), spec.metadata.get("high")
            span = f" from {low} to {high}" if low is not None else ""
            raise NodeError(
                f"{node.get_name()}: parameter {spec.name} must be {type(spec.default).__name__}{span} "
                f"({spec.metadata.get('text', '')}): {error}"
            ) from error
        values[spec.name] = tuple(value) if isinstance(spec.default, (list, tuple)) else value
    return config_class(**values)


def _override_names(node: rclpy.node.Node) -> list[str]:
    return list(node._parameter_overrides)


def _descriptor(spec: Any) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=spec.metadata.get("text", ""), read_only=True)
    low, high = spec.metadata.get("low"), spec.metadata.get("high")
    if low is not None and isinstance(spec.default, bool) is False:
        if isinstance(spec.default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
        elif isinstance(spec.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high))
            ]
    return descriptor


def work_timer(node: rclpy.node.Node, period_s: float, callback: Callable[[], Any]) -> Any:
    """Create the timer of a work loop, on the machine's steady clock.

    A timer on the node's clock would obey `/clock`: whoever publishes there could stop the work loop.
    """
    return node.create_timer(period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))


class SharedTopics:
    """Watches topics that only one node may publish on. Protects from accidents: whoever wants to do
    harm on this machine can do worse.
    """

    def __init__(self, node: rclpy.node.Node, names: list[str]) -> None:
        self._node, self._names = node, names
        self._due = -1e9
        self.shared = ""
        """Names of those with more than one publisher, as of the last look."""

    def look(self, now: float) -> str:
        """Look at most ten times a second; return `shared`."""
        if now >= self._due:
            self._due = now + 0.1
            found = ", ".join(name for name in self._names if self._node.count_publishers(name) > 1)
            if found and found != self.shared:
                self._node.get_logger().error(f"more than one node publishes on {found}")
            self.shared = found
        return self.shared


class ProgressCounter:
    """Publishes `progress` from a work loop: call `work()` when work was done, never from an idle timer."""

    def __init__(self, node: rclpy.node.Node, period_s: float) -> None:
        self._publisher = node.create_publisher(Progress, "progress", qos.EVENTS)
        self._message = Progress(node=node.get_name(), period_ms=int(period_s * 1000))
        self._clock = node.get_clock()
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


@dataclass
class Goal(Generic[ResultT]):
    """A goal being worked on: `request`, feedback through `handle`, ended once by `finish`."""

    handle: ServerGoalHandle
    future: Future
    ended: bool = False

    @property
    def request(self) -> Any:
        """The goal's request message."""
        return self.handle.request

    @property
    def cancel_requested(self) -> bool:
        """True once the client asked to cancel."""
        return bool(self.handle.is_cancel_requested)

    def finish(self, result: ResultT) -> None:
        """End the goal: succeeded, cancelled or aborted by `result.success` and the cancel request."""
        if not self.ended:
            self.ended = True
            self.future.set_result(result)


class GoalSlot(Generic[ResultT]):
    """An action server that works on one goal at a time and never blocks its executor.

    A second goal is refused while one is active. `on_start(goal)` begins the work; the node's work
    loop calls `goal.finish(result)` when it is done. `on_cancel(goal)` is told of a cancel request.
    """

    def __init__(
        self,
        node: rclpy.node.Node,
        action_type: Any,
        name: str,
        on_start: Callable[[Goal[ResultT]], None],
        on_cancel: Callable[[Goal[ResultT]], None] | None = None,
    ) -> None:
        self._node = node
        self._on_start = on_start
        self._on_cancel = on_cancel
        self._reserved = False
        self.active: Goal[ResultT] | None = None
        self.server = ActionServer(
            node,
            action_type,
            name,
            execute_callback=self._execute,
            goal_callback=self._accept,
            cancel_callback=self._cancel,
            callback_group=ReentrantCallbackGroup(),
        )

    def _accept(self, _request: Any) -> GoalResponse:
        if self._reserved:
            self._node.get_logger().warning("a goal is refused: another one is active")
            return GoalResponse.REJECT
        self._reserved = True
        return GoalResponse.ACCEPT

    def _cancel(self, _handle: ServerGoalHandle) -> CancelResponse:
        if self.active and self._on_cancel:
            self._on_cancel(self.active)
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ResultT:
        goal: Goal[ResultT] = Goal(handle, Future(executor=self._node.executor))
        self.active = goal
        try:
            self._on_start(goal)
            if goal.cancel_requested and not goal.ended and self._on_cancel:
                self._on_cancel(goal)  # cancelled between being accepted and being begun
            result: ResultT = await goal.future
        finally:
            self.active = None
            self._reserved = False
        if getattr(result, "success", False):
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result


def tell_ready() -> None:
    """Tell the supervisor, if there is one, that this process does its work."""
    fd = os.environ.pop("OPENMTZ_READY_FD", None)
    if fd is not None:
        os.write(int(fd), b"ready")
        os.close(int(fd))


def wait_for_go(stop: Sequence[int]) -> bool:
    """Wait until the supervisor, if there is one, lets this process begin; False once `stop` is not empty."""
    fd = os.environ.pop("OPENMTZ_GO_FD", None)
    if fd is not None:
        while not stop and not select.select([int(fd)], [], [], 0.1)[0]:
            pass
        os.close(int(fd))
    return not stop


def fail(message: str) -> None:
    """Print the one line the supervisor shows for a process that cannot go on."""
    print(f"error: {message}", file=sys.stderr, flush=True)
