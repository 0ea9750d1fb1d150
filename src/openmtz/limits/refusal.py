"""Refusals of the host envelope, as findings."""

from __future__ import annotations

from openmtz.plan import Finding, Severity

SOURCE = "host-envelope"


def refusal(code: str, text: str, fix: str, count: int = 0) -> Finding:
    """Return a refusal in the envelope's name; `count` spots are concerned."""
    return Finding(Severity.REFUSAL, SOURCE, code, text, fix, count)
