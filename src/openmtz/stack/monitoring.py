"""The work loop of the safety monitor's process: gathers what was heard, steps the monitor, makes permits.

Free of ROS, threads and clocks: the owner brings time and messages, and publishes what a turn returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.devices import permit_frame
from openmtz.safety import Inbox, Outputs, PermitGrant, ProgressSample, Reply, Request, SafetyMonitor

Array = NDArray[np.float64]

STATE_PERIOD_S = 0.1
"""The state is told when it changes, and so often at least [s]."""
DIAGNOSTICS_PERIOD_S = 1.0
MAX_COUNTER = 2**32 - 1
"""What the counter's field of a permit holds."""


class Permit(NamedTuple):
    """A permit granted, and its bytes for the wire (counter, digest, CRC)."""

    grant: PermitGrant
    frame: bytes


class Turn(NamedTuple):
    """What a step of the monitor came to, and what of it is to be told now."""

    outputs: Outputs
    permit: Permit | None
    tell_state: bool
    tell_diagnostics: bool
    trouble: str
    """Why a permit that was granted could not be made, empty otherwise."""


class Monitoring:
    """One run of a monitor.

    Args:
        pose_of: world pose `(4, 4)` of `scan_head` for joints `(6,)` [rad].
        watched: nodes whose progress is remembered; what others say of themselves is no concern.
    """

    def __init__(
        self, monitor: SafetyMonitor, pose_of: Callable[[Array], Array], watched: Iterable[str]
    ) -> None:
        self.monitor = monitor
        self.inbox = Inbox(pose_of)
        self.outputs: Outputs | None = None
        """What the monitor said last."""
        self.watched = frozenset(watched)
        """Nodes whose progress is remembered."""
        self._progress: dict[str, ProgressSample] = {}
        self.inbox.progress = self._progress
        self._told: tuple[Any, ...] | None = None
        self._state_due = self._diagnostics_due = -np.inf

    def hear_progress(self, node: str, counter: int, period_s: float, now: float) -> None:
        """Take the progress counter of a node's work loop and the period [s] it promises."""
        if node in self.watched:
            self._progress[node] = ProgressSample(counter, now, period_s)

    def ask(
        self,
        request: Request,
        now: float,
        *,
        run_line_ok: bool,
        strangers: Mapping[str, str] | None = None,
    ) -> tuple[Reply, Turn]:
        """Step with a request, as through a service; return the answer to it beside the turn."""
        turn = self.step(now, (request,), run_line_ok=run_line_ok, strangers=strangers)
        replies = turn.outputs.replies
        return (replies[0] if replies else Reply(False, "no-answer", "the monitor gave no answer")), turn

    def step(
        self,
        now: float,
        requests: tuple[Request, ...] = (),
        *,
        run_line_ok: bool,
        strangers: Mapping[str, str] | None = None,
    ) -> Turn:
        """One step of the monitor at `now` [s, monotonic].

        Args:
            run_line_ok: whether every process of the stack lives. strangers: what `KnownSpeakers.found`
                says of who speaks.
        """
        inputs = self.inbox.take(requests, run_line_ok=run_line_ok, strangers=strangers)
        outputs = self.outputs = self.monitor.step(inputs, now)
        permit, trouble = None, ""
        self.inbox.permit_unmade = ""
        if outputs.grant is not None:
            try:
                permit = make_permit(outputs.grant)
            except ValueError as error:
                # Said to the monitor too: permits never end without a cause in its state.
                trouble = self.inbox.permit_unmade = str(error)
        key = (outputs.state, outputs.token, outputs.cause, outputs.approved_plan_sha256, outputs.withheld)
        changed = key != self._told
        tell = changed or now >= self._state_due
        diagnose = tell and (changed or now >= self._diagnostics_due)
        if tell:
            self._told, self._state_due = key, now + STATE_PERIOD_S
        if diagnose:
            self._diagnostics_due = now + DIAGNOSTICS_PERIOD_S
        return Turn(outputs, permit, tell, diagnose, trouble)


def make_permit(grant: PermitGrant) -> Permit:
    """Return a permit with its bytes for the wire.

    Raises:
        ValueError: a number that does not fit its field, such as a counter after somebody claimed that every
            number was used.
    """
    if grant.counter > MAX_COUNTER:
        raise ValueError(f"no permit was made: counter {grant.counter} does not fit its field")
    return Permit(grant, permit_frame(grant))
