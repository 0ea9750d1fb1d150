"""Jerk-limited joint motion by ruckig, sampled for a JointTrajectory message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ruckig
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

Array = NDArray[np.float64]

SAMPLE_S = 0.008
"""Longest time between samples [s]; the arm's own controller runs at 500 Hz."""
VELOCITY_RAD_S = np.full(6, 2.0)
"""At speed fraction 1 [rad/s]; the joints can do pi. Engineering choice for a cell with a person in it."""
ACCELERATION_RAD_S2 = np.full(6, 6.0)
JERK_RAD_S3 = np.full(6, 60.0)
"""[rad/s3]: full acceleration after 0.1 s, so that the camera does not ring. Engineering choice."""
LINE_SPEED_M_S = 0.10
LINE_ACCELERATION_M_S2 = 0.5
LINE_JERK_M_S3 = 5.0
"""Straight lines to and from the skin, at speed fraction 1. Engineering default: below the 250 mm/s that
robot standards call reduced speed [M]."""
STOP_ACCELERATION_RAD_S2 = np.full(6, 12.0)
STOP_JERK_RAD_S3 = np.full(6, 600.0)


class MotionError(ValueError):
    """A motion that cannot be planned; the text says why."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """`times` `(T,)` [s] from 0, increasing; `positions` [rad], `velocities` [rad/s] and
    `accelerations` [rad/s2] `(T, 6)`. Begins and ends exactly at the joints asked for."""

    times: Array
    positions: Array
    velocities: Array
    accelerations: Array

    @property
    def duration_s(self) -> float:
        """Length [s]."""
        return float(self.times[-1])


def plan_motion(q0: ArrayLike, q1: ArrayLike, speed_fraction: float = 1.0) -> Trajectory:
    """Return the time-optimal motion from rest at `q0` to rest at `q1`, `(6,)` [rad], within the limits.

    A straight line in joint space wherever ruckig can synchronise phases, which from rest to rest it
    can. `speed_fraction` in (0, 1] scales velocity; acceleration goes with its square and jerk with
    its cube, so the path stays the same and only time stretches.

    Raises:
        MotionError: joints not finite, or a fraction outside (0, 1].
    """
    speed_fraction = _fraction(speed_fraction)
    start, end = _six(q0, "q0"), _six(q1, "q1")
    task = _task(start, np.zeros(6), np.zeros(6))
    task.target_position = end
    task.max_velocity = VELOCITY_RAD_S * speed_fraction
    task.max_acceleration = ACCELERATION_RAD_S2 * speed_fraction**2
    task.max_jerk = JERK_RAD_S3 * speed_fraction**3
    task.synchronization = ruckig.Synchronization.Phase
    return _sample(task, start, end)


def plan_along(positions: ArrayLike, lengths_m: ArrayLike, speed_fraction: float = 1.0) -> Trajectory:
    """Return the jerk-limited motion from rest to rest along joints `(K, 6)` [rad] at `lengths_m` `(K,)` [m].

    Between the points a quintic spline over the length; slowed down as a whole until every joint keeps its
    limits. Six points at least, lengths increasing.

    Raises:
        MotionError: values not finite, too few points, or a fraction outside (0, 1].
    """
    fraction = _fraction(speed_fraction)
    q, s = np.asarray(positions, np.float64), np.asarray(lengths_m, np.float64)
    if q.ndim != 2 or q.shape[1] != 6 or s.shape != (len(q),) or len(q) < 6:
        raise MotionError(
            f"a line needs six or more points (K, 6) and their lengths, got {q.shape}, {s.shape}"
        )
    if not (np.isfinite(q).all() and np.isfinite(s).all() and (np.diff(s) > 0).all()):
        raise MotionError("a line's joints and lengths must be finite, lengths increasing")
    task = ruckig.InputParameter(1)
    task.current_position, task.target_position = [float(s[0])], [float(s[-1])]
    task.max_velocity, task.max_acceleration = [LINE_SPEED_M_S], [LINE_ACCELERATION_M_S2]
    task.max_jerk = [LINE_JERK_M_S3]
    times, rows = _rows(task, 1)
    spline = make_interp_spline(s, q, k=5)
    at, speed, bend, twist = (spline(rows[0][:, 0], nu=k) for k in range(4))
    v, a = rows[1], rows[2]
    velocity, acceleration = speed * v, bend * v**2 + speed * a
    jerk = np.abs(twist * v**3 + 3 * bend * v * a) + np.abs(speed) * LINE_JERK_M_S3
    slower = max(
        1.0 / fraction,
        float((np.abs(velocity) / (VELOCITY_RAD_S * fraction)).max()),
        float(np.sqrt((np.abs(acceleration) / (ACCELERATION_RAD_S2 * fraction**2)).max())),
        float(np.cbrt((jerk / (JERK_RAD_S3 * fraction**3)).max())),
    )
    at[0], at[-1] = q[0], q[-1]
    velocity[[0, -1]] = acceleration[[0, -1]] = 0.0
    return Trajectory(times * slower, at, velocity / slower, acceleration / slower**2)


def join(legs: Sequence[Trajectory]) -> Trajectory:
    """Return legs one after the other, each beginning at rest where the one before ended."""
    times, parts = [legs[0].times], [legs[0]]
    for leg in legs[1:]:
        times.append(leg.times[1:] + times[-1][-1])
        parts.append(leg)
    return Trajectory(
        np.concatenate(times),
        *(
            np.concatenate([getattr(parts[0], name), *(getattr(p, name)[1:] for p in parts[1:])])
            for name in ("positions", "velocities", "accelerations")
        ),
    )


def stop_motion(q: ArrayLike, qd: ArrayLike, qdd: ArrayLike | None = None) -> Trajectory:
    """Return the quickest jerk-limited stop from joints `(6,)` [rad], velocities, accelerations.

    Joints stop each on its own, none waits for another.

    Raises:
        MotionError: values not finite.
    """
    start = _six(q, "q")
    velocity = _six(qd, "qd")
    acceleration = np.zeros(6) if qdd is None else _six(qdd, "qdd")
    limit = np.maximum(STOP_ACCELERATION_RAD_S2, np.abs(acceleration))
    task = _task(start, velocity, np.clip(acceleration, -limit, limit))
    task.control_interface = ruckig.ControlInterface.Velocity
    task.target_velocity = np.zeros(6)
    task.max_velocity = np.full(6, 10.0)
    task.max_acceleration = limit
    task.max_jerk = STOP_JERK_RAD_S3
    task.synchronization = ruckig.Synchronization.No
    return _sample(task, start, None)


def _six(values: ArrayLike, name: str) -> Array:
    array = np.array(values, dtype=np.float64)
    if array.shape != (6,) or not np.isfinite(array).all():
        raise MotionError(f"{name} must be six finite numbers, got {values!r}")
    return array


def _task(q: Array, qd: Array, qdd: Array) -> ruckig.InputParameter:
    task = ruckig.InputParameter(6)
    task.current_position, task.current_velocity, task.current_acceleration = q, qd, qdd
    task.target_velocity = np.zeros(6)
    task.target_acceleration = np.zeros(6)
    return task


def _fraction(speed_fraction: float) -> float:
    if not (np.isfinite(speed_fraction) and 0.0 < speed_fraction <= 1.0):
        raise MotionError(f"speed_fraction must lie in (0, 1], got {speed_fraction!r}")
    return float(speed_fraction)


def _curve(task: ruckig.InputParameter, joints: int) -> ruckig.Trajectory:
    """Ruckig 0.19 finds no profile where a distance is exactly the one at which a limit is just reached
    (0.12 rad from rest to rest here): a jerk smaller by a millionth steps off that edge."""
    jerk = np.array(task.max_jerk)
    failure: object = None
    for less in (0.0, 1e-6, 1e-4):
        task.max_jerk = jerk * (1.0 - less)
        curve = ruckig.Trajectory(joints)
        try:
            failure = ruckig.Ruckig(joints).calculate(task, curve)
        except ruckig.RuckigError as error:
            failure = error
            continue
        if failure in (ruckig.Result.Working, ruckig.Result.Finished):
            return curve
    raise MotionError(f"ruckig could not plan this motion: {failure}")


def _rows(task: ruckig.InputParameter, joints: int) -> tuple[Array, tuple[Array, Array, Array]]:
    curve = _curve(task, joints)
    steps = max(1, int(np.ceil(curve.duration / SAMPLE_S)))
    times = np.linspace(0.0, max(curve.duration, SAMPLE_S), steps + 1)
    rows = [curve.at_time(min(float(t), curve.duration)) for t in times]
    position, velocity, acceleration = (np.array([row[k] for row in rows]) for k in range(3))
    return times, (position, velocity, acceleration)


def _sample(task: ruckig.InputParameter, start: Array, end: Array | None) -> Trajectory:
    times, (position, velocity, acceleration) = _rows(task, 6)
    position[0] = start
    if end is not None:
        position[-1] = end
    velocity[-1] = 0.0
    acceleration[-1] = 0.0
    return Trajectory(times, position, velocity, acceleration)
