"""What the procedure asks for. The node turns them into action goals and service calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """Base of all commands."""


@dataclass(frozen=True)
class StartCapture(Command):
    """Begin to fuse frames."""

    ticket: int


@dataclass(frozen=True)
class FinishCapture(Command):
    """Enough views: drain, extract, answer the capture's ticket."""

    ticket: int


@dataclass(frozen=True)
class CancelCapture(Command):
    """Discard the capture."""


@dataclass(frozen=True)
class RequestPlan(Command):
    """Plan on this surface."""

    ticket: int
    surface_id: str


@dataclass(frozen=True)
class CancelPlan(Command):
    """Let the planner stop; a plan that comes all the same is not asked for any more."""


@dataclass(frozen=True)
class AskApproval(Command):
    """Show the plan and ask for an approval; the answer comes through the safety monitor."""

    plan_sha256: str


@dataclass(frozen=True)
class RequestToken(Command):
    """`token` is `motion` or `emission`; station and pass belong to emission."""

    ticket: int
    token: str
    station: int = 0
    pass_index: int = 0


@dataclass(frozen=True)
class ReturnToken(Command):
    """Give the token back."""


@dataclass(frozen=True)
class WithdrawReady(Command):
    """The treatment is over: back to standby, so that no laser is left armed behind it."""


@dataclass(frozen=True)
class MoveTo(Command):
    """`target` is `view`, `station` or `home`; `tool` the frame brought there."""

    ticket: int
    target: str
    index: int
    tool: str


@dataclass(frozen=True)
class StopArm(Command):
    """Cancel the move."""


@dataclass(frozen=True)
class Fire(Command):
    """Fire the group from its spot `first` on."""

    ticket: int
    station: int
    pass_index: int
    first: int


@dataclass(frozen=True)
class CancelFire(Command):
    """End the firing action; it answers with `FireInterrupted`."""


@dataclass(frozen=True)
class Verify(Command):
    """Compare delivered with planned."""

    ticket: int
    plan_sha256: str
