"""Jerk-limited joint motion by ruckig, sampled for a JointTrajectory message."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ruckig
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SAMPLE_S = 0.008
"""Longest time between samples [s]; the arm's own controller runs at 500 Hz."""
VELOCITY_RAD_S = np.full(6, 2.0)
"""At speed fraction 1 [rad/s]; the joints can do pi. Engineering choice for a cell with a person in it."""
ACCELERATION_RAD_S2 = np.full(6, 6.0)
JERK_RAD_S3 = np.full(6, 60.0)
"""[rad/s3]: full acceleration after 0.1 s, so that the camera does not ring. Engineering choice."""
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
    if not (np.isfinite(speed_fraction) and 0.0 < speed_fraction <= 1.0):
        raise MotionError(f"speed_fraction must lie in (0, 1], got {speed_fraction!r}")
    start, end = _six(q0, "q0"), _six(q1, "q1")
    task = _task(start, np.zeros(6), np.zeros(6))
    task.target_position = end
    task.max_velocity = VELOCITY_RAD_S * speed_fraction
    task.max_acceleration = ACCELERATION_RAD_S2 * speed_fraction**2
    task.max_jerk = JERK_RAD_S3 * speed_fraction**3
    task.synchronization = ruckig.Synchronization.Phase
    return _sample(task, start, end)


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


def _sample(task: ruckig.InputParameter, start: Array, end: Array | None) -> Trajectory:
    curve = ruckig.Trajectory(6)
    result = ruckig.Ruckig(6).calculate(task, curve)
    if result not in (ruckig.Result.Working, ruckig.Result.Finished):
        raise MotionError(f"ruckig could not plan this motion: {result}")
    steps = max(1, int(np.ceil(curve.duration / SAMPLE_S)))
    times = np.linspace(0.0, max(curve.duration, SAMPLE_S), steps + 1)
    rows = [curve.at_time(min(float(t), curve.duration)) for t in times]
    position, velocity, acceleration = (np.array([row[k] for row in rows]) for k in range(3))
    position[0] = start
    if end is not None:
        position[-1] = end
    velocity[-1] = 0.0
    acceleration[-1] = 0.0
    return Trajectory(times, position, velocity, acceleration)
