"""Counters of permits: 32 bits that go round, compared by serial-number arithmetic (RFC 1982).

Zero stands for "none yet" and is left out, so that the counter after 2^32 - 1 is 1.
"""

from __future__ import annotations

MODULUS = 2**32
HALF = 2**31


def after(counter: int) -> int:
    """Return the counter that follows; never 0."""
    return counter % (MODULUS - 1) + 1


def is_newer(counter: int, than: int) -> bool:
    """Whether a counter comes after another, at most half the circle ahead. After 0, none yet, comes any."""
    return counter != 0 and (than == 0 or 0 < (counter - than) % MODULUS < HALF)


def is_between(counter: int, first: int, last: int) -> bool:
    """Whether a counter lies on the way from `first` up to `last`, both included."""
    return (counter - first) % MODULUS <= (last - first) % MODULUS
