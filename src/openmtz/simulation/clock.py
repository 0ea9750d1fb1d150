"""Pacing: how much simulated time is due, so that it follows the wall clock without running away."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pacer:
    """Keeps simulation time with a monotonic clock, in whole steps, and counts what it had to give up.

    After a stall at most `max_catch_up_s` is made good; the rest is skipped and counted in
    `slipped_s`, so that a stall never turns into a burst of motion.
    """

    def __init__(
        self,
        timestep_s: float = 0.002,
        clock: Callable[[], float] = time.monotonic,
        max_catch_up_s: float = 0.1,
    ) -> None:
        if not (timestep_s > 0 and max_catch_up_s >= timestep_s):
            raise ValueError("timestep_s must be positive and max_catch_up_s at least one step")
        self.timestep_s = timestep_s
        self.max_catch_up_s = max_catch_up_s
        self.slipped_s = 0.0
        self._clock = clock
        self._begun = self._last = clock()
        self._owed = 0.0
        self._stepped = 0.0

    def due_steps(self) -> int:
        """Return how many steps to make now."""
        now = self._clock()
        self._owed += max(0.0, now - self._last)
        self._last = max(now, self._last)
        if self._owed > self.max_catch_up_s:
            self.slipped_s += self._owed - self.max_catch_up_s
            self._owed = self.max_catch_up_s
        steps = int(self._owed / self.timestep_s + 1e-9)
        self._owed -= steps * self.timestep_s
        self._stepped += steps * self.timestep_s
        return steps

    @property
    def monotonic_s(self) -> float:
        """The instant of the monotonic clock that the simulated time handed out so far stands for [s]."""
        return self._last - self._owed

    @property
    def real_time_factor(self) -> float:
        """Simulated over real time since the start; 1 where nothing slipped."""
        real = self._last - self._begun
        return self._stepped / real if real > 0 else 1.0
