"""Pacing: how much simulated time is due, so that it follows the wall clock without running away."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

FACTOR_RANGE = (0.1, 10.0)
"""Simulated seconds per real one that can be asked for (engineering default: beyond ten the physics of a
moving arm no longer fits into one core)."""


class Pacer:
    """Keeps simulation time with a monotonic clock, in whole steps, and counts what it had to give up.

    After a stall at most `max_catch_up_s` of real time is made good; the rest is skipped and counted in
    `slipped_s`, so that a stall never turns into a burst of motion. While paused nothing is due and
    nothing is owed.
    """

    def __init__(
        self,
        timestep_s: float = 0.002,
        clock: Callable[[], float] = time.monotonic,
        max_catch_up_s: float = 0.1,
        factor: float = 1.0,
    ) -> None:
        """Begin now.

        `factor`: simulated seconds per real one.

        Raises:
            ValueError: a time step or catch-up that is not positive, a factor outside `FACTOR_RANGE`.
        """
        if not (timestep_s > 0 and max_catch_up_s >= timestep_s):
            raise ValueError("timestep_s must be positive and max_catch_up_s at least one step")
        low, high = FACTOR_RANGE
        if not (math.isfinite(factor) and low <= factor <= high):
            raise ValueError(
                f"factor must lie in {low:g}..{high:g} simulated seconds per real one: {factor!r}"
            )
        self.timestep_s = timestep_s
        self.max_catch_up_s = max_catch_up_s
        self.factor = float(factor)
        self.slipped_s = 0.0
        self._clock = clock
        self._last = clock()
        self._owed = self._left = 0.0
        self._stepped = 0.0
        self._ran = 0.0
        self._paused = False

    @property
    def paused(self) -> bool:
        """True while no time is due."""
        return self._paused

    def pause(self) -> None:
        """Let nothing be due from now on; what is owed stays owed."""
        self._look()
        self._paused = True

    def resume(self) -> None:
        """Go on from here: the time of the pause is not made good."""
        self._look()
        self._paused = False

    def _look(self) -> None:
        now = max(self._clock(), self._last)
        if not self._paused:
            self._owed += (now - self._last) * self.factor
            self._ran += now - self._last
        self._last = now

    def due_steps(self) -> int:
        """Return how many steps to make now; none while paused."""
        self._look()
        if self._paused:
            return 0
        most = self.max_catch_up_s * self.factor
        # What the last call left over is less than a step and no sign of having been late.
        if self._owed - self._left > most:
            self.slipped_s += self._owed - most
            self._owed = most
        steps = int(self._owed / self.timestep_s + 1e-9)
        self._owed -= steps * self.timestep_s
        self._left = self._owed
        self._stepped += steps * self.timestep_s
        return steps

    @property
    def monotonic_s(self) -> float:
        """The instant of the monotonic clock that the simulated time handed out so far stands for [s]."""
        return self._last - max(0.0, self._owed) / self.factor  # rounding may owe -1e-16

    @property
    def real_time_factor(self) -> float:
        """Simulated over real time while it ran; `factor` where nothing slipped."""
        return self._stepped / self._ran if self._ran > 0 else self.factor
