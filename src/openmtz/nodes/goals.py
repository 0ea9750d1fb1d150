"""Goals of an action, one at a time, without blocking the executor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import rclpy.node
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup

from openmtz.nodes.guard import Guard

ResultT = TypeVar("ResultT")


class _DeferringServer(ActionServer):
    """Tells of a goal that is to be executed, and takes its result later.

    The way of rclpy is a coroutine that awaits the end; its executors ask every suspended coroutine over and
    over whether it can go on, and so spend a whole processor for as long as a goal is active.
    """

    def __init__(self, *arguments: Any, begin: Callable[[ServerGoalHandle], None], **options: Any) -> None:
        self._begin = begin
        super().__init__(*arguments, **options)

    def notify_execute(
        self, goal_handle: ServerGoalHandle, execute_callback: Callable[[ServerGoalHandle], Any] | None
    ) -> None:
        """Take a goal whose state is `executing` now."""
        self._begin(goal_handle)

    def conclude(
        self, goal_handle: ServerGoalHandle, execute_callback: Callable[[ServerGoalHandle], Any]
    ) -> None:
        """Let the executor call `execute_callback`, which ends the goal and returns its result."""
        super().notify_execute(goal_handle, execute_callback)


@dataclass
class Goal(Generic[ResultT]):
    """A goal being worked on: `request`, feedback through `handle`, ended once by `finish`."""

    handle: ServerGoalHandle
    on_end: Callable[[ServerGoalHandle, ResultT], None]
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
            self.on_end(self.handle, result)


class GoalSlot(Generic[ResultT]):
    """An action server that works on one goal at a time and never blocks its executor.

    A second goal is refused while one is active. `on_start(goal)` begins the work; the node's work
    loop calls `goal.finish(result)` when it is done. `on_cancel(goal)` is told of a cancel request.
    With a `guard`, a goal that does not bear the stack's secret ends before it begins, with the reason.
    """

    def __init__(
        self,
        node: rclpy.node.Node,
        action_type: Any,
        name: str,
        on_start: Callable[[Goal[ResultT]], None],
        on_cancel: Callable[[Goal[ResultT]], None] | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._node, self._name, self._type, self._guard = node, name, action_type, guard
        self._on_start, self._on_cancel = on_start, on_cancel
        self._reserved = False
        self.active: Goal[ResultT] | None = None
        self.server = _DeferringServer(
            node,
            action_type,
            name,
            self._execute,  # for `begin`: rclpy itself never gets to call it
            begin=self._execute,
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

    def _execute(self, handle: ServerGoalHandle) -> None:
        goal: Goal[ResultT] = Goal(handle, self._end)
        self.active = goal
        try:
            refusal = self._guard.refusal(goal.request.secret, self._name) if self._guard else ""
            if refusal:
                goal.finish(self._type.Result(success=False, reason=refusal))
            else:
                self._on_start(goal)
            if goal.cancel_requested and not goal.ended and self._on_cancel:
                self._on_cancel(goal)  # cancelled between being accepted and being begun
        except Exception as error:
            self._free()
            self.server.conclude(handle, partial(_fail, error))

    def _end(self, handle: ServerGoalHandle, result: ResultT) -> None:
        self._free()
        self.server.conclude(handle, lambda handle: self._close(handle, result))

    def _free(self) -> None:
        self.active = None
        self._reserved = False

    def _close(self, handle: ServerGoalHandle, result: ResultT) -> ResultT:
        if getattr(result, "success", False):
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result


def _fail(error: Exception, _handle: ServerGoalHandle) -> Any:
    """What began a goal failed: rclpy tells the error and aborts the goal."""
    raise error
