"""What may happen to a treatment. Events that answer a command carry its ticket, so that a late answer
to an earlier command (a move that was cancelled, a token asked for twice) is never taken for the new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Group:
    """Spots `[first, end)` of the plan, fired from `station` in pass `pass_index`, at the earliest `wait_s`
    [s] after the last shot of the group before."""

    station: int
    pass_index: int
    first: int
    end: int
    wait_s: float = 0.0


@dataclass(frozen=True)
class Event:
    """`kind` names the command this answers, empty if none."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True)
class Tick(Event):
    """Time [s] of a monotonic clock, several times a second; the only way time comes in."""

    now: float


@dataclass(frozen=True)
class TreatRequested(Event):
    """The operator asks for a treatment."""


@dataclass(frozen=True)
class TreatRefused(Event):
    """What the operator asks for cannot be."""

    reason: str


@dataclass(frozen=True)
class CancelRequested(Event):
    """The operator stops it."""

    reason: str = "cancelled by the operator"


@dataclass(frozen=True)
class SafetyChanged(Event):
    """The safety monitor's state (`STANDBY`, ...) and the cause; send it also when nothing changed."""

    state: str
    cause: str = ""


@dataclass(frozen=True)
class CaptureStarted(Event):
    """The capture accepts frames."""

    kind: ClassVar[str] = "capture"
    ticket: int


@dataclass(frozen=True)
class FramesFused(Event):
    """Frames fused since the capture began."""

    kind: ClassVar[str] = "capture"
    ticket: int
    total: int


@dataclass(frozen=True)
class CaptureDone(Event):
    """A surface was made."""

    kind: ClassVar[str] = "capture"
    ticket: int
    surface_id: str


@dataclass(frozen=True)
class CaptureFailed(Event):
    """No surface."""

    kind: ClassVar[str] = "capture"
    ticket: int
    reason: str


@dataclass(frozen=True)
class PlanReady(Event):
    """A plan and its firing groups, in firing order; `reason`: what is to be approved, for a person."""

    kind: ClassVar[str] = "plan"
    ticket: int
    plan_sha256: str
    groups: tuple[Group, ...]
    reason: str = ""


@dataclass(frozen=True)
class PlanFailed(Event):
    """No plan."""

    kind: ClassVar[str] = "plan"
    ticket: int
    reason: str


@dataclass(frozen=True)
class Approved(Event):
    """The safety monitor holds an approval of this plan."""

    plan_sha256: str


@dataclass(frozen=True)
class ApprovalRefused(Event):
    """Somebody looked at the plan and said no."""

    reason: str


@dataclass(frozen=True)
class ApprovalEnded(Event):
    """The safety monitor no longer holds the approval."""

    reason: str = "the approval ended"


@dataclass(frozen=True)
class TokenGranted(Event):
    """The token asked for is ours."""

    kind: ClassVar[str] = "token"
    ticket: int


@dataclass(frozen=True)
class TokenRefused(Event):
    """Not now; it is asked for again until the wait is over."""

    kind: ClassVar[str] = "token"
    ticket: int
    reason: str


@dataclass(frozen=True)
class Arrived(Event):
    """The move has ended at its target."""

    kind: ClassVar[str] = "move"
    ticket: int


@dataclass(frozen=True)
class MoveFailed(Event):
    """The move ended elsewhere or was refused; `late`: for states that came too late, so it may be asked for
    again."""

    kind: ClassVar[str] = "move"
    ticket: int
    reason: str
    late: bool = False


@dataclass(frozen=True)
class FireProgress(Event):
    """First spot not fired yet, while firing."""

    kind: ClassVar[str] = "fire"
    ticket: int
    next_spot: int


@dataclass(frozen=True)
class GroupFired(Event):
    """The firing action ended well; `next_spot` is the end of the group."""

    kind: ClassVar[str] = "fire"
    ticket: int
    next_spot: int


@dataclass(frozen=True)
class FireInterrupted(Event):
    """The firing action ended before the group did."""

    kind: ClassVar[str] = "fire"
    ticket: int
    next_spot: int
    reason: str


@dataclass(frozen=True)
class Verified(Event):
    """Delivered against planned."""

    kind: ClassVar[str] = "verify"
    ticket: int
    ok: bool
    reason: str = ""
