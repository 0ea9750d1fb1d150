"""How the treatment reaches the other processes in lockstep: direct calls (`stack.TreatmentClients`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from openmtz.robot import MoveOutcome
from openmtz.safety import Reply, Request, RequestToken, SetReady, Token
from openmtz.stack import (
    Captured,
    CaptureFailed,
    CaptureOrder,
    Capturing,
    FireOrder,
    Firing,
    FiringEnded,
    MoveDone,
    MoveOrder,
    Planned,
    Planning,
    PlanningFailed,
    PlanOrder,
    TokenOrder,
)

if TYPE_CHECKING:
    from openmtz.robot import Mover

TOKENS = {"motion": Token.MOTION, "emission": Token.EMISSION}


class LockstepClients:
    """One order of each kind at a time, as in the graph; whoever does not run answers nothing.

    Args:
        runs: whether a process does its work now. now: the host's clock [s]. ask: asks the safety monitor.
    """

    def __init__(
        self, runs: Callable[[str], bool], now: Callable[[], float], ask: Callable[[Request], Reply]
    ) -> None:
        self._runs, self._now, self._ask = runs, now, ask
        self.mover: Mover
        self.firing: Firing
        self.capturing: Capturing
        self.planning: Planning
        self._open: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {}

    @property
    def busy(self) -> bool:
        """Whether anything asked for has not ended."""
        return self.mover.busy or bool(self._open)

    def work(self, now: float) -> None:
        """Nothing waits for a server here."""

    def _tell(self, who: str, *answer: Any, feedback: bool = False) -> None:
        """Answer the order under way; a treatment that does not run hears nothing."""
        told = self._open.get(who)
        if not feedback:
            self._open.pop(who, None)
        if told is not None and self._runs("treatment"):
            told[feedback](*answer)

    # ---- capture --------------------------------------------------------------------------------

    def start_capture(
        self, order: CaptureOrder, fused: Callable[[int], None], done: Callable[[str, str], None]
    ) -> None:
        """Begin a capture."""
        if self._runs("surface_capture"):
            self._open["capture"] = (done, fused)
            self.capturing.start(order, self._now())

    def finish_capture(self, done: Callable[[str], None]) -> None:
        """Let the capture end with what it has."""
        if self._runs("surface_capture"):
            done(self.capturing.finish(self._now()))

    def cancel_capture(self) -> None:
        """Discard the capture."""
        if self._runs("surface_capture"):
            self.capturing.fail("cancelled")

    def frames_fused(self, count: int) -> None:
        """The capture told how far it is."""
        self._tell("capture", count, feedback=True)

    def capture_ended(self, outcome: Captured | CaptureFailed) -> None:
        """The capture told its end."""
        if isinstance(outcome, Captured):
            self._tell("capture", outcome.result.surface.surface_id, "")
        else:
            self._tell("capture", "", outcome.reason)

    # ---- plan -----------------------------------------------------------------------------------

    def request_plan(self, order: PlanOrder, done: Callable[[str, str], None]) -> None:
        """Ask for a plan."""
        if self._runs("mtz_planner"):
            self._open["planner"] = (done, done)
            self.planning.start(order, self._now())

    def cancel_plan(self) -> None:
        """Nobody waits for the plan any more."""
        if self._runs("mtz_planner"):
            self.planning.cancel()

    def planning_ended(self, outcome: Planned | PlanningFailed) -> None:
        """The planner told its end."""
        if isinstance(outcome, Planned):
            self._tell("planner", outcome.plan.sha256, "")
        else:
            self._tell("planner", "", outcome.reason)

    # ---- arm ------------------------------------------------------------------------------------

    def move(self, order: MoveOrder, done: MoveDone) -> None:
        """Move the arm."""
        if self._runs("arm"):
            self._open["arm"] = (done, done)
            self.mover.begin(order.pose, order.tool, order.speed_fraction, self._now())

    def stop_arm(self) -> None:
        """Cancel the move."""
        if self._runs("arm"):
            self.mover.cancel(self._now())

    def move_ended(self, outcome: MoveOutcome) -> None:
        """The arm told its end."""
        self._tell("arm", "" if outcome.success else outcome.reason, outcome.late)

    # ---- laser ----------------------------------------------------------------------------------

    def fire(self, order: FireOrder, fired: Callable[[int], None], done: Callable[[int, str], None]) -> None:
        """Fire a group."""
        if self._runs("scan_head"):
            self._open["laser"] = (done, fired)
            self.firing.begin(order, self._now())

    def cancel_fire(self) -> None:
        """End the firing."""
        if self._runs("scan_head"):
            self.firing.interrupt("cancelled")

    def spots_fired(self, next_spot: int) -> None:
        """The scan head told how far it is."""
        self._tell("laser", next_spot, feedback=True)

    def firing_ended(self, outcome: FiringEnded) -> None:
        """The scan head told its end."""
        self._tell("laser", outcome.next_spot, outcome.reason)

    # ---- safety monitor -------------------------------------------------------------------------

    def request_token(self, order: TokenOrder, done: Callable[[str], None]) -> None:
        """Ask the safety monitor for the token."""
        reply = self._ask(RequestToken(TOKENS[order.token], order.station, order.pass_index))
        done("" if reply.accepted else reply.text)

    def return_token(self) -> None:
        """Give the token back."""
        self._ask(RequestToken(Token.NONE))

    def withdraw_ready(self) -> None:
        """Nobody wants to fire any more."""
        self._ask(SetReady(False))
