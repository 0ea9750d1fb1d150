"""Conditions by what they keep from happening, drawn from the table: no list of its own to forget."""

from __future__ import annotations

from collections.abc import Iterable

from openmtz.safety.conditions import CONDITIONS
from openmtz.safety.states import SafetyState as S

PASSING = frozenset(("footswitch-released", "approval-ended"))
"""Conditions that are a matter of course outside of firing."""
ALWAYS_NEEDED = frozenset(
    code
    for code, condition in CONDITIONS.items()
    if any(S.STANDBY in states for states, _ in condition.moves) and condition.source != "fired"
) - {"device-fault", "fired-outside-credit", "spot-repeated", "fired-counts-disagree"} | frozenset(
    ("interlocks-stale", "head-stale", "arm-stale", "arm-lost", "head-disconnected", "recorder-stopped")
)
"""Conditions that keep the monitor in OFF: the stack is not complete."""
HOLDING = frozenset(code for code, c in CONDITIONS.items() if c.moves)
"""Conditions with which FIRING would be left again at once."""


def faults(active: Iterable[str]) -> list[str]:
    """Return the codes among `active` that latch a fault, in their order."""
    return [code for code in active if CONDITIONS[code].latched]
