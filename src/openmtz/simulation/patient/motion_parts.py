"""Causes of motion: breath, pulse, tremor, a sudden move, a slow drift; each a function of time alone.

Random phases are drawn when a part is made, so the same seed gives the same bits at any time, in any
order. Magnitudes given as defaults are plausible for an adult at rest, engineering defaults [M].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.simulation.patient.place_in_cell import PATIENT_TARGET_M

Array = NDArray[np.float64]
Vector = tuple[float, float, float]
TREMOR_BAND_HZ = (4.0, 12.0)
"""Physiological and common pathological tremor [M]."""


class MotionError(ValueError):
    """A motion that cannot be: the text names the part, the value and what is possible."""


class MotionPart:
    """One cause of motion. `times_s` is `(T,)` with T = 1 for all points or T = N for one each."""

    def displacement(self, points_m: Array, times_s: Array) -> Array:
        """Return how far rest points `(N, 3)` are displaced `(N, 3)` [m]."""
        raise NotImplementedError

    def bound_m(self, until_s: float, reach_m: float) -> float:
        """Return what no displacement up to `until_s` exceeds [m], of points `reach_m` from any pivot."""
        raise NotImplementedError


class RigidPart(MotionPart):
    """Moves the whole patient: a point p is displaced by `turn @ p + shift`."""

    def rigid(self, times_s: Array) -> tuple[Array, Array]:
        """Return `turn` `(T, 3, 3)` (a rotation less the identity) and `shift` `(T, 3)` [m]."""
        raise NotImplementedError

    def displacement(self, points_m: Array, times_s: Array) -> Array:
        """Return the displacement `(N, 3)` [m]; see `MotionPart`."""
        turn, shift = self.rigid(times_s)
        return np.einsum("...ij,...j->...i", turn, points_m) + shift


@dataclass(frozen=True)
class LocalPart(MotionPart):
    """Moves skin near a centre along one direction, in proportion to a wave of time in 0 to 1.

    The share falls from 1 at `centre_m` to 0 at `radius_m` as the square of a cosine; beyond, the skin
    is still. `radius_m` inf moves everything alike.
    """

    amplitude_m: float
    centre_m: Vector = PATIENT_TARGET_M
    radius_m: float = math.inf
    direction: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        _check(self, "amplitude_m", 0.0, 0.1)
        _check_vector(self, "centre_m")
        if not (isinstance(self.radius_m, (int, float)) and self.radius_m > 0):
            raise MotionError(f"{_name(self)}: radius_m must be positive, got {self.radius_m!r}")
        object.__setattr__(self, "direction", _unit(self, "direction"))
        # Beyond this the skin would fold onto itself: the displacement's steepest slope is pi A / 2 R.
        if math.pi * self.amplitude_m > self.radius_m:
            raise MotionError(
                f"{_name(self)}: an amplitude of {self.amplitude_m * 1e3:g} mm within a radius of "
                f"{self.radius_m * 1e3:g} mm tears the skin; give a radius of at least "
                f"{math.pi * self.amplitude_m * 1e3:.0f} mm"
            )

    def wave(self, times_s: Array) -> Array:
        """Return the share of the amplitude `(T,)`, 0 to 1."""
        raise NotImplementedError

    def displacement(self, points_m: Array, times_s: Array) -> Array:
        """Return the displacement `(N, 3)` [m]; see `MotionPart`."""
        size = self.amplitude_m * self.wave(times_s) * self._share(points_m)
        return size[:, None] * np.asarray(self.direction)

    def peak(self, times_s: Array) -> Array:
        """Return the displacement of the centre, the largest of all, `(T, 3)` [m]."""
        return self.amplitude_m * self.wave(times_s)[:, None] * np.asarray(self.direction)

    def bound_m(self, until_s: float, reach_m: float) -> float:
        """Return the amplitude [m]."""
        return self.amplitude_m

    def _share(self, points_m: Array) -> Array:
        if math.isinf(self.radius_m):
            return np.ones(len(points_m))
        away = np.linalg.norm(points_m - np.asarray(self.centre_m), axis=1) / self.radius_m
        inside = np.cos(0.5 * np.pi * np.minimum(away, 1.0)) ** 2
        return np.where(away < 1.0, inside, 0.0)


@dataclass(frozen=True)
class Breathing(LocalPart):
    """Breath: rises during `inhale_share` of each `period_s` [s], falls slower; still at the turns.

    4 s is 15 breaths a minute, 0.4 an inhale-to-exhale ratio of 1 to 1.5. At `phase` 0 (of 1) time 0 is
    the end of an exhale, where nothing is displaced.
    """

    amplitude_m: float = 0.004
    radius_m: float = 0.15
    period_s: float = 4.0
    inhale_share: float = 0.4
    phase: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "period_s", 0.5, 60.0)
        _check(self, "inhale_share", 0.1, 0.9)
        _check(self, "phase", 0.0, 1.0)

    def wave(self, times_s: Array) -> Array:
        """Return the share of the amplitude `(T,)`: half a cosine up, half a longer one down."""
        cycle = np.mod(times_s / self.period_s + self.phase, 1.0)
        rise, fall = cycle / self.inhale_share, (cycle - self.inhale_share) / (1.0 - self.inhale_share)
        return np.where(rise < 1.0, 0.5 - 0.5 * np.cos(np.pi * rise), 0.5 + 0.5 * np.cos(np.pi * fall))


@dataclass(frozen=True)
class Pulse(LocalPart):
    """Heartbeat: a quick swell and a slower fall, `rate_hz` times a second, near an artery.

    At `phase` 0 (of 1) time 0 lies between two beats.
    """

    amplitude_m: float = 1.0e-4
    radius_m: float = 0.04
    rate_hz: float = 1.15
    phase: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "rate_hz", 0.3, 4.0)
        _check(self, "phase", 0.0, 1.0)

    def wave(self, times_s: Array) -> Array:
        """Return the share of the amplitude `(T,)`: a smooth periodic peak, its front the steeper side."""
        angle = 2.0 * np.pi * (times_s * self.rate_hz + self.phase) + np.pi
        sharpness = 2.0
        # Running through the phase faster before the peak than after it makes the front steeper.
        skewed = angle + 0.5 * np.cos(angle)
        low = math.exp(-2.0 * sharpness)
        return np.clip((np.exp(sharpness * (np.cos(skewed) - 1.0)) - low) / (1.0 - low), 0.0, 1.0)


@dataclass(frozen=True)
class Tremor(RigidPart):
    """Shaking of the whole part: in each axis a sum of sines within `band_hz`; never beyond `amplitude_m`.

    Its root mean square is about a third of the amplitude.
    """

    amplitude_m: float = 2.0e-4
    seed: int = 0
    band_hz: tuple[float, float] = TREMOR_BAND_HZ
    _sines: tuple[tuple[float, ...], ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        _check(self, "amplitude_m", 0.0, 0.05)
        low, high = _finite(self, "band_hz", self.band_hz, 2)
        if not 0.1 <= low <= high <= 50.0:
            raise MotionError(f"Tremor: band_hz must rise within 0.1 to 50 Hz, got {self.band_hz!r}")
        if not (isinstance(self.seed, int) and self.seed >= 0):
            raise MotionError(f"Tremor: seed must be an integer >= 0, got {self.seed!r}")
        rng = np.random.default_rng([self.seed, 0x7E3])
        count = 5
        frequency = rng.uniform(low, high, 3 * count)
        phase = rng.uniform(0.0, 2.0 * np.pi, 3 * count)
        weight = rng.uniform(0.5, 1.0, (3, count))
        # All sines of all axes at their crest together stay within the amplitude.
        weight *= self.amplitude_m / (np.sqrt(3.0) * weight.sum(axis=1, keepdims=True))
        sines = np.stack([frequency, phase, weight.ravel()], axis=1)
        object.__setattr__(self, "_sines", tuple(tuple(row) for row in sines.tolist()))

    def rigid(self, times_s: Array) -> tuple[Array, Array]:
        """Return no turn and the shift `(T, 3)` [m]."""
        sines = np.asarray(self._sines)
        angle = 2.0 * np.pi * sines[:, 0] * times_s[:, None] + sines[:, 1]
        shift = (sines[:, 2] * np.sin(angle)).reshape(len(times_s), 3, -1).sum(axis=2)
        return np.zeros((len(times_s), 3, 3)), shift

    def bound_m(self, until_s: float, reach_m: float) -> float:
        """Return the amplitude [m]."""
        return self.amplitude_m


@dataclass(frozen=True)
class SuddenMove(RigidPart):
    """From `at_s` within `duration_s`: a turn by `rotation_rad` about `axis` through `pivot_m`, and a shift.

    Runs through at minimum jerk (Flash & Hogan 1985), as arms and heads do, and stays there.
    """

    at_s: float
    translation_m: Vector = (0.0, 0.0, 0.0)
    rotation_rad: float = 0.0
    axis: Vector = (0.0, 0.0, 1.0)
    pivot_m: Vector = PATIENT_TARGET_M
    duration_s: float = 0.4

    def __post_init__(self) -> None:
        _check(self, "at_s", -1e6, 1e9)
        _check(self, "duration_s", 0.02, 60.0)
        _check(self, "rotation_rad", -math.pi, math.pi)
        _check_vector(self, "translation_m")
        _check_vector(self, "pivot_m")
        object.__setattr__(self, "axis", _unit(self, "axis"))

    def rigid(self, times_s: Array) -> tuple[Array, Array]:
        """Return turn `(T, 3, 3)` and shift `(T, 3)` [m]."""
        tau = np.clip((times_s - self.at_s) / self.duration_s, 0.0, 1.0)
        done = tau**3 * (10.0 - 15.0 * tau + 6.0 * tau**2)
        angle = self.rotation_rad * done
        x, y, z = self.axis
        k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        turn = np.sin(angle)[:, None, None] * k + (1.0 - np.cos(angle))[:, None, None] * (k @ k)
        shift = done[:, None] * np.asarray(self.translation_m) - turn @ np.asarray(self.pivot_m)
        return turn, shift

    def bound_m(self, until_s: float, reach_m: float) -> float:
        """Return the shift and the chord of the turn together [m]; 0 before it begins."""
        if until_s <= self.at_s:
            return 0.0
        chord = 2.0 * math.sin(0.5 * abs(self.rotation_rad)) * reach_m if self.rotation_rad else 0.0
        return math.hypot(*self.translation_m) + chord


@dataclass(frozen=True)
class Drift(RigidPart):
    """From `from_s` the whole part creeps along `direction` at `velocity_m_s`, at most by `limit_m`."""

    velocity_m_s: float
    direction: Vector = (1.0, 0.0, 0.0)
    from_s: float = 0.0
    limit_m: float = 0.02

    def __post_init__(self) -> None:
        _check(self, "velocity_m_s", 0.0, 1.0)
        _check(self, "from_s", -1e6, 1e9)
        _check(self, "limit_m", 0.0, 1.0)
        object.__setattr__(self, "direction", _unit(self, "direction"))

    def rigid(self, times_s: Array) -> tuple[Array, Array]:
        """Return no turn and the shift `(T, 3)` [m]."""
        way = np.clip(self.velocity_m_s * (times_s - self.from_s), 0.0, self.limit_m)
        return np.zeros((len(times_s), 3, 3)), way[:, None] * np.asarray(self.direction)

    def bound_m(self, until_s: float, reach_m: float) -> float:
        """Return the way gone by then [m]."""
        if until_s <= self.from_s:
            return 0.0
        return min(self.limit_m, self.velocity_m_s * (until_s - self.from_s))


def _name(part: MotionPart) -> str:
    return type(part).__name__


def _check(part: MotionPart, name: str, low: float, high: float) -> None:
    value = getattr(part, name)
    if not (isinstance(value, (int, float)) and low <= value <= high):  # NaN fails too
        raise MotionError(f"{_name(part)}: {name} must be {low:g} to {high:g}, got {value!r}")


def _check_vector(part: MotionPart, name: str) -> None:
    value = getattr(part, name)
    object.__setattr__(part, name, _finite(part, name, value, 3))


def _finite(part: MotionPart, name: str, value: object, count: int) -> tuple[float, ...]:
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        words = {2: "two", 3: "three"}[count]
        raise MotionError(f"{_name(part)}: {name} must be {words} finite numbers, got {value!r}")
    return tuple(float(v) for v in numbers)


def _unit(part: MotionPart, name: str) -> Vector:
    _check_vector(part, name)
    x, y, z = getattr(part, name)
    length = math.sqrt(x * x + y * y + z * z)
    if length < 1e-9:
        raise MotionError(f"{_name(part)}: {name} must have a direction, got {getattr(part, name)!r}")
    return (x / length, y / length, z / length)
