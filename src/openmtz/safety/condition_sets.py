"""Conditions by what they keep from happening, drawn from the columns of the table: no list of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openmtz.safety.conditions import CONDITIONS, UNKNOWN

PASSING = frozenset(code for code, c in CONDITIONS.items() if c.passing)
"""Conditions that are a matter of course outside of firing."""
ALWAYS_NEEDED = frozenset(code for code, c in CONDITIONS.items() if c.needed)
"""Conditions that keep the monitor in OFF: the stack is not complete."""
HOLDING = frozenset(code for code, c in CONDITIONS.items() if c.moves)
"""Conditions with which FIRING would be left again at once."""


def faults(active: Iterable[str]) -> list[str]:
    """Return the codes among `active` that latch a fault, in their order."""
    return [code for code in active if CONDITIONS[code].latched]


def in_order(found: Mapping[str, str]) -> dict[str, str]:
    """Return findings (code -> detail) in the order of the table.

    A finding whose code stands in no row is kept under `UNKNOWN`, with its own code in the detail.
    """
    strange = "; ".join(f"{code}: {detail}" for code, detail in found.items() if code not in CONDITIONS)
    known = {**found, UNKNOWN: strange} if strange else found
    return {code: known[code] for code in CONDITIONS if code in known}
