"""Whether processes that load still get on: a slow start is not one that hangs."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LEAST_S = 0.02
"""Processor time that counts as progress [s]. Engineering default: two ticks of the count of Linux."""


def processor_seconds(sessions: Collection[int]) -> float:
    """Return the processor time [s] of all processes of these sessions, and of their children that ended."""
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) in sessions:
            total += sum(int(value) for value in fields[11:15])
    return total / _TICKS_PER_S


class StartProgress:
    """Seconds since the processes waited for last used the processor."""

    def __init__(self, now: float) -> None:
        self._used = 0.0
        self._moved_at = now

    def idle_s(self, used_s: float, now: float) -> float:
        """Take their processor time so far [s] at `now` [s, monotonic]; return for how long it has not grown.

        Another set of processes may have used less than the one before: that is progress too.
        """
        if abs(used_s - self._used) >= LEAST_S:
            self._used, self._moved_at = used_s, now
        return now - self._moved_at
