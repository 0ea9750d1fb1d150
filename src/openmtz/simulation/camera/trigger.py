"""When the simulated camera takes a picture: triggered by the arm's standstill, so that image n of a rest is
one image in every run, whatever the timing."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.simulation.camera.camera import still_key_of

SETTLE_S = 0.1
"""The first image of a rest is taken so long after it began [s]."""


@dataclass(frozen=True)
class Exposure:
    """One picture to take: instant [s], the key of its noise and its number within the rest."""

    stamp_s: float
    key: Hashable
    n: int


class CameraTrigger:
    """Ask `due` often; it says at most one exposure at a time."""

    def __init__(self, rate_hz: float, while_moving: bool = True) -> None:
        """`while_moving`: also take pictures the capture will reject, as a free-running camera does."""
        if not (np.isfinite(rate_hz) and rate_hz > 0):
            raise ValueError(f"rate_hz must be positive and finite, got {rate_hz!r}")
        self.period_s = 1.0 / rate_hz
        self._while_moving = while_moving
        self._rest: tuple[Hashable, float, int] | None = None
        self._moving_at = -np.inf

    def reset(self) -> None:
        """The camera was switched off: the next rest counts from zero."""
        self._rest = None

    def due(
        self, now_s: float, rest_since_s: float | None, joints: NDArray[np.float64], pending: int
    ) -> Exposure | None:
        """Return the exposure due now.

        Args:
            rest_since_s: when the arm came to rest, None while it moves. joints: `(6,)` [rad].
            pending: pictures asked for and not finished: a slow renderer is not flooded.
        """
        if rest_since_s is None:
            self._rest = None
            if not self._while_moving or pending or now_s < self._moving_at:
                return None
            self._moving_at = now_s + 2.0 * self.period_s
            return Exposure(now_s, ("moving", round(now_s * 1e6)), 0)
        if self._rest is None or self._rest[1] != rest_since_s:
            self._rest = (still_key_of(joints), rest_since_s, 0)
        key, since, n = self._rest
        at = since + SETTLE_S + n * self.period_s
        if now_s < at or pending >= 3:
            return None
        self._rest = (key, since, n + 1)
        return Exposure(max(now_s, at), key, n)
