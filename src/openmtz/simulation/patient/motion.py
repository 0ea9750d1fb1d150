"""How a patient moves: the sum of breath, pulse, tremor, sudden moves and drift, a function of time alone.

A motion takes points of the skin at rest to where they are at an instant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.simulation.patient.motion_parts import (
    Breathing,
    Drift,
    LocalPart,
    MotionError,
    MotionPart,
    Pulse,
    RigidPart,
    SuddenMove,
    Tremor,
)

__all__ = [
    "Breathing",
    "Drift",
    "LocalPart",
    "MotionError",
    "MotionPart",
    "PatientMotion",
    "Pulse",
    "RigidPart",
    "SuddenMove",
    "Tremor",
    "check_times",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PatientMotion:
    """The sum of its parts, displacements taken from the rest position."""

    parts: tuple[MotionPart, ...] = ()

    def __post_init__(self) -> None:
        wrong = [part for part in self.parts if not isinstance(part, MotionPart)]
        if wrong:
            raise MotionError(f"a motion is made of motion parts, got {wrong[0]!r}")
        object.__setattr__(self, "parts", tuple(self.parts))

    @classmethod
    def none(cls) -> PatientMotion:
        """Return no motion."""
        return cls()

    @classmethod
    def of(cls, parts: Sequence[MotionPart]) -> PatientMotion:
        """Return the sum of `parts`."""
        return cls(tuple(parts))

    @property
    def is_still(self) -> bool:
        """True where there are no parts."""
        return not self.parts

    @property
    def is_rigid(self) -> bool:
        """True where every part moves the whole patient: `rigid_at` says it all."""
        return not any(isinstance(part, LocalPart) for part in self.parts)

    def displace(self, points_m: ArrayLike, time_s: ArrayLike) -> Array:
        """Return where rest points `(N, 3)` [m, world] are at `time_s` [s], one instant or `(N,)`.

        Raises:
            MotionError: shapes that do not match, or a time that is not finite.
        """
        points = np.asarray(points_m, np.float64)
        if points.ndim != 2 or points.shape[1] != 3:
            raise MotionError(f"points must be (N, 3), got {points.shape}")
        times = check_times(time_s, len(points))
        return points + sum((part.displacement(points, times) for part in self.parts), np.zeros(points.shape))

    def rigid_at(self, time_s: ArrayLike) -> tuple[Array, Array]:
        """Return `A` `(T, 3, 3)` and `b` `(T, 3)` [m] of the rigid parts: a point goes to `A p + b`."""
        times = np.atleast_1d(np.asarray(time_s, np.float64))
        turn = np.tile(np.eye(3), (len(times), 1, 1))
        shift = np.zeros((len(times), 3))
        for part in self.parts:
            if isinstance(part, RigidPart):
                more_turn, more_shift = part.rigid(times)
                turn, shift = turn + more_turn, shift + more_shift
        return turn, shift

    def local_displacement(self, points_m: Array, times_s: Array) -> Array:
        """Return what the parts that do not move the whole patient add `(N, 3)` [m]; times `(1,)`, `(N,)`."""
        local = [part for part in self.parts if isinstance(part, LocalPart)]
        return sum((part.displacement(points_m, times_s) for part in local), np.zeros(points_m.shape))

    def local_peak(self, times_s: Array) -> Array:
        """Return the sum of the local parts' displacements of their centres `(T, 3)` [m]."""
        local = [part for part in self.parts if isinstance(part, LocalPart)]
        return sum((part.peak(times_s) for part in local), np.zeros((len(times_s), 3)))

    def bound_m(self, until_s: float = math.inf, reach_m: float = 0.5) -> float:
        """Return what no displacement up to `until_s` [s] exceeds [m].

        Args:
            reach_m: how far from the pivot of any turn the skin asked about lies at most.
        """
        return float(sum(part.bound_m(until_s, reach_m) for part in self.parts))


def check_times(time_s: ArrayLike, count: int) -> Array:
    """Return times `(1,)` or `(count,)` [s].

    Raises:
        MotionError: another shape, or not finite.
    """
    times = np.asarray(time_s, np.float64)
    if times.ndim > 1 or (times.ndim == 1 and len(times) != count):
        raise MotionError(f"time_s must be one time or ({count},), one per point, got {times.shape}")
    if not np.isfinite(times).all():
        raise MotionError("time_s must be finite")
    return np.atleast_1d(times)
