"""Age of a message on the monitor's clock; what cannot be true counts as infinitely old."""

from __future__ import annotations

import math

FUTURE_S = 0.005
"""A receipt time further ahead of `now` than this [s] is not believed."""


def age_s(received_at: float | None, now: float) -> float:
    """Return the age [s]; infinite if never received, not a number, or from the future."""
    if received_at is None:
        return math.inf
    age = now - received_at
    if not math.isfinite(age) or age < -FUTURE_S:
        return math.inf
    return max(age, 0.0)


def age_text(age: float) -> str:
    """Return an age for a person."""
    return "never received, or at an impossible time" if math.isinf(age) else f"{age * 1e3:.0f} ms old"
