"""The person at a simulated treatment: looks at the plan, attests eyewear, arms, presses the footswitch.

Acts on what the procedure waits for, once each time, with a person's delays. Pure: acts come out. Lockstep
and graph carry out the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

PATIENCE_S = 0.4
"""What resolves itself within this (a held footswitch at the next station) wants no act."""
LINE_SETTLE_S = 0.3
"""A line counts as good only after it has settled; a person takes longer than this."""
PRESS_S = 0.1
"""Between releasing the footswitch and pressing it afresh."""


class Waiting(Protocol):
    """What is waited for (`approval`, `ready`, `footswitch` or nothing), for which plan."""

    @property
    def waiting_for(self) -> str:
        """The act of a person that is waited for."""

    @property
    def plan_sha256(self) -> str:
        """The plan it is about; empty without one."""


@dataclass(frozen=True)
class Act:
    """`kind`: approve, ready, line. For a line: its name and value."""

    kind: str
    line: str = ""
    value: bool = False


@dataclass
class ScriptedOperator:
    """Give it the procedure's status; it returns the acts due now."""

    approves: bool = True
    """False: a plan is not approved, for now."""
    present: bool = True
    """False: nobody acts (a scenario may send the operator away)."""
    _queue: list[tuple[float, Act]] = field(default_factory=list)
    _acted_on: tuple[str, str] | None = None
    _asked: tuple[tuple[str, str], float] | None = None

    @property
    def busy(self) -> bool:
        """Whether something was begun that is not done."""
        return bool(self._queue)

    def act(self, status: Waiting, now_s: float) -> list[Act]:
        """Return the acts of this instant, in order."""
        if not self.present:
            self._queue.clear()
            return []
        self._look(status, now_s)
        due = [act for at, act in self._queue if at <= now_s]
        self._queue = [(at, act) for at, act in self._queue if at > now_s]
        return due

    def _look(self, status: Waiting, now_s: float) -> None:
        if not status.waiting_for:
            self._acted_on = self._asked = None
            return
        key = (status.waiting_for, status.plan_sha256)
        if self._asked is None or self._asked[0] != key:
            self._asked = (key, now_s)
        if key == self._acted_on or now_s - self._asked[1] < PATIENCE_S:
            return
        if status.waiting_for == "approval" and not self.approves:
            return
        self._acted_on = key
        released = (now_s, Act("line", "footswitch_pressed", False))
        if status.waiting_for == "approval":
            self._queue.append((now_s, Act("approve")))
        elif status.waiting_for == "ready":
            attested = (now_s, Act("line", "eyewear_attested", True))
            self._queue += [attested, released, (now_s + LINE_SETTLE_S, Act("ready"))]
        elif status.waiting_for == "footswitch":
            self._queue += [released, (now_s + PRESS_S, Act("line", "footswitch_pressed", True))]

    def refused(self) -> None:
        """The act was refused: a person tries again, from the beginning, after a moment."""
        self._queue.clear()
        self._acted_on = self._asked = None
