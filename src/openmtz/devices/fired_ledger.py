"""Fired reports in order and each once, with what was lost on the line asked for again. Pure."""

from __future__ import annotations

from openmtz.devices.events import FiredGap
from openmtz.devices.messages import MAX_FIRED_PER_FRAME, Fired, FiredRequest

ASK_AGAIN_S = 0.05
MAX_ASKS = 6


class FiredCollector:
    """Follows one selection: releases `Fired` without gaps and without repeats."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._held: dict[int, tuple[int, int]] = {}
        self._missing_since_s: float | None = None
        self._asks = 0

    @property
    def next_index(self) -> int:
        """Global index of the first spot without report."""
        return self._next

    def take(self, report: Fired) -> list[Fired]:
        """Take a report as it came; return what is now known in order."""
        for offset, shot in enumerate(report.shots):
            if report.first + offset >= self._next:
                self._held[report.first + offset] = shot
        return self._release()

    def _release(self) -> list[Fired]:
        first, shots = self._next, []
        while self._next in self._held:
            shots.append(self._held.pop(self._next))
            self._next += 1
        if not shots:
            return []
        self._missing_since_s = None
        self._asks = 0
        return [
            Fired(first + at, tuple(shots[at : at + MAX_FIRED_PER_FRAME]))
            for at in range(0, len(shots), MAX_FIRED_PER_FRAME)
        ]

    def check(self, done_until: int, now_s: float) -> tuple[FiredRequest | None, list[FiredGap | Fired]]:
        """Compare with the device's word that spots below `done_until` are over.

        Returns what to ask the device, and what is now certain: after six unanswered questions the
        missing spots are reported as a gap, and what follows them is released.
        """
        if done_until <= self._next:
            self._missing_since_s = None
            return None, []
        if self._missing_since_s is None:
            self._missing_since_s = now_s
            return None, []
        if now_s - self._missing_since_s < ASK_AGAIN_S:
            return None, []
        end = min(self._held, default=done_until)
        self._missing_since_s = now_s
        if self._asks < MAX_ASKS:
            self._asks += 1
            return FiredRequest(self._next, end), []
        gap = FiredGap(self._next, end)
        self._next, self._asks, self._missing_since_s = end, 0, None
        return None, [gap, *self._release()]
