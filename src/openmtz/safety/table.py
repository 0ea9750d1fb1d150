"""The transition table: every way from one state to another, as data. The monitor only looks up rows.

Rows are in order of precedence: faults, key, standby, hold, then the deliberate acts. The first row
whose state and cause match is taken. docs/safety_states.md is generated from here.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from openmtz.safety.conditions import CONDITIONS, GRANT_CAUSES
from openmtz.safety.states import SafetyState as S


@dataclass(frozen=True)
class Transition:
    """From `state` on `cause` (a condition's or act's code) to `to`; latched if `to` is FAULT."""

    state: S
    cause: str
    to: S
    latched: bool
    text: str


_PRECEDENCE = (S.FAULT, S.OFF, S.STANDBY, S.HOLD)
ACTS: tuple[tuple[S, str, S, str], ...] = (
    (S.OFF, "stack-complete", S.STANDBY,
     "Key on, emergency stop closed, run line up, every required source reports."),
    (S.FAULT, "reset", S.STANDBY,
     "Deliberate reset and the cause is gone. Approval and ready have to be given anew."),
    (S.STANDBY, "ready-requested", S.ARMING,
     "Deliberate request, a plan is approved, every line is good, the footswitch is released."),
    (S.ARMING, "ready-withdrawn", S.STANDBY, "The operator goes back to standby."),
    (S.READY, "ready-withdrawn", S.STANDBY, "The operator goes back to standby."),
    (S.FIRING, "ready-withdrawn", S.STANDBY, "The operator goes back to standby."),
    (S.HOLD, "ready-withdrawn", S.STANDBY, "The operator goes back to standby."),
    (S.ARMING, "delay-passed", S.READY, "The ready delay has passed with everything good."),
    (S.FIRING, "token-returned", S.READY,
     "The emission token was given back. A footswitch held down stays good for the next station."),
    (S.HOLD, "token-returned", S.READY, "The emission token was given back."),
    (S.READY, "footswitch-pressed", S.FIRING,
     "Fresh press since READY, emission token held, nothing that would hold."),
    (S.HOLD, "footswitch-pressed", S.FIRING,
     "Fresh press since HOLD, emission token held, nothing that would hold."),
)  # fmt: skip


def _build() -> tuple[Transition, ...]:
    rows = [
        Transition(state, condition.code, to, to is S.FAULT, condition.text)
        for target in _PRECEDENCE
        for condition in CONDITIONS.values()
        for states, to in condition.moves
        for state in states
        if to is target
    ]
    rows += [Transition(state, cause, to, False, text) for state, cause, to, text in ACTS]
    return tuple(rows)


TRANSITIONS: tuple[Transition, ...] = _build()
"""All rows, first match wins."""
_BY_STATE: dict[S, tuple[Transition, ...]] = {s: tuple(r for r in TRANSITIONS if r.state is s) for s in S}
ACT_CODES = frozenset(cause for _, cause, _, _ in ACTS)


def next_transition(state: S, active: Container[str]) -> Transition | None:
    """Return the row to take from `state` with these active codes, or None to stay."""
    for row in _BY_STATE[state]:
        if row.cause in active:
            return row
    return None


def cause_text(code: str) -> str:
    """Return what a code means and, for a condition, what helps."""
    condition = CONDITIONS.get(code)
    if condition is not None:
        return f"{condition.text} {condition.fix}"
    return GRANT_CAUSES.get(code, code)
