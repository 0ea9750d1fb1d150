"""One thing found by a plugin, the planner or a check: for a person to read, for code to count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """INFO explains, WARNING wants a look, REFUSAL means something was not planned or not allowed."""

    INFO = 0
    WARNING = 1
    REFUSAL = 2


@dataclass(frozen=True)
class Finding:
    """`code` is stable (`incidence-over-limit`), `text` and `fix` are for people, `count` in spots."""

    severity: Severity
    source: str
    code: str
    text: str
    fix: str = ""
    count: int = 0
