"""What a fault is: name, part of the cell, what happens, parameters; what harm it can do and what guards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class FaultParameterError(ValueError):
    """A parameter a fault does not have, or a value of another kind than its default."""


@dataclass(frozen=True)
class Fault:
    """One row of the catalogue. What is said of harm is shown in tests/simulation/faults, on ground truth.

    Attributes:
        parameters: names with their defaults; a value must be of the default's kind.
        free: names of parameters without a default; what carries the fault out looks at their values.
        harm: name of the harm (`simulation.harm.LIMITS`) that truth shows without guard; empty: it can only
            keep the treatment from going on.
        guard: what keeps the patient from that harm, empty where there is nothing yet.
        outcome, cause: how the treatment ends with the guard, and what its log names as the cause (empty: it
            goes on unharmed and nothing has to be named).
        shown_with: parameters that do the harm where the defaults are too mild for it.
        together: other faults that have to happen as well before this one does harm.
        ends_s: a stop: emission must have ended so long after it [s].
        left: harm -> number of shots of it that are emitted before any guard can act.
        would_guard: for a fault without guard: what would.
    """

    name: str
    part: str
    what: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    harm: str = ""
    guard: str = ""
    outcome: str = "done"
    cause: str = ""
    shown_with: Mapping[str, Any] = field(default_factory=dict)
    together: tuple[str, ...] = ()
    ends_s: float | None = None
    left: Mapping[str, int] = field(default_factory=dict)
    would_guard: str = ""

    @property
    def kind(self) -> str:
        """`guarded`, `unguarded`, or `availability` for one that does no harm."""
        if not self.harm:
            return "availability"
        return "guarded" if self.guard else "unguarded"

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with defaults filled in.

        Raises:
            FaultParameterError: an unknown name, or a value of another kind or not finite.
        """
        unknown = sorted(set(given) - set(self.parameters) - set(self.free))
        if unknown:
            known = ", ".join((*self.free, *self.parameters)) or "none"
            raise FaultParameterError(f"{self.name} has no parameter {unknown[0]!r}; there are: {known}")
        for name, value in given.items():
            if name in self.parameters and not _alike(value, self.parameters[name]):
                raise FaultParameterError(
                    f"{self.name}: {name} must be like {self.parameters[name]!r}, got {value!r}"
                )
        return {**self.parameters, **given}


def _alike(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float)) and math.isfinite(value)
    if isinstance(default, (tuple, list)):
        return (
            isinstance(value, (tuple, list))
            and len(value) == len(default)
            and all(_alike(v, d) for v, d in zip(value, default, strict=True))
        )
    return isinstance(value, type(default))
