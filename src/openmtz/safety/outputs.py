"""What a step of the monitor gives."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.safety.states import SafetyState, Token


@dataclass(frozen=True)
class PermitGrant:
    """The content of one permit; the node puts it on the wire (`PermitFrame`) and on `safety/permit`.

    `credit_until` 0 is a revocation: nothing may fire. `device_tick_us` is the device's own clock,
    echoed; the permit ends `ttl_us` after it, in that clock.
    """

    counter: int
    plan_sha256: str
    station: int
    pass_index: int
    credit_until: int
    digest_at_credit: int
    device_boot_id: int
    device_tick_us: int
    ttl_us: int


@dataclass(frozen=True)
class Reply:
    """The answer to one request: `code` for programs, `text` for a person (cause and what helps)."""

    accepted: bool
    code: str
    text: str


@dataclass(frozen=True)
class SafetyEvent:
    """Something that happened, for log and record: `kind` is state, token, approval, permit or note."""

    time_s: float
    kind: str
    code: str
    text: str


@dataclass(frozen=True)
class Outputs:
    """State after the step and what to do now.

    `grant`: publish this permit, or None. `revoke`: the grant carries no credit. `reset_device`: ask the
    scan head to clear its fault. `stop_arm`: the arm must not move (state OFF or FAULT). `withheld`:
    codes for which no permit is being granted; `conditions`: the active ones with their detail; `refused`:
    the code that withholds the credit itself (a key of `GRANT_CAUSES`, or `aim-refused`) with its detail, at
    most one and only where there is more to say than the code.
    """

    state: SafetyState
    cause: str
    detail: str
    token: Token
    grant: PermitGrant | None
    revoke: bool
    replies: tuple[Reply, ...]
    withheld: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    events: tuple[SafetyEvent, ...]
    approved_plan_sha256: str
    credit_until: int
    permits_granted: int
    reset_device: bool
    stop_arm: bool
    refused: tuple[tuple[str, str], ...] = ()
