"""A joint trajectory as it was asked for, and as polynomials between its points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.robot import JOINT_NAMES

Array = NDArray[np.float64]


class TrajectoryRejected(ValueError):
    """The controller did not take this trajectory; the text names cause and fix."""


class JointTrajectory(NamedTuple):
    """A trajectory as it was asked for: joint `names` in any order, `times` `(T,)` [s] from its start; in the
    order of `names`, `(T, 6)` each: `positions` [rad], `velocities` [rad/s], `accelerations` [rad/s2], the
    last two None where it names none."""

    names: Sequence[str]
    times: ArrayLike
    positions: ArrayLike
    velocities: ArrayLike | None = None
    accelerations: ArrayLike | None = None


def _order(names: Sequence[str]) -> list[int]:
    given = list(names)
    if sorted(given) != sorted(JOINT_NAMES):
        missing = [n for n in JOINT_NAMES if n not in given]
        extra = [n for n in given if n not in JOINT_NAMES]
        raise TrajectoryRejected(
            f"joint names must be {', '.join(JOINT_NAMES)}; missing {missing or 'none'}, "
            f"unknown or repeated {extra or [n for n in set(given) if given.count(n) > 1] or 'none'}"
        )
    return [given.index(n) for n in JOINT_NAMES]


def in_joint_order(wanted: JointTrajectory, count: int) -> tuple[Array, Array | None, Array | None]:
    """Return positions, velocities and accelerations `(T, 6)` in the arm's own order of joints."""
    order = _order(wanted.names)
    p = _rows(wanted.positions, count, "positions")[:, order]
    v = None if wanted.velocities is None else _rows(wanted.velocities, count, "velocities")[:, order]
    a = wanted.accelerations
    return p, v, None if a is None else _rows(a, count, "accelerations")[:, order]


def _rows(values: ArrayLike, count: int, what: str) -> Array:
    try:
        rows = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise TrajectoryRejected(f"{what} must be {count} rows of six numbers: {error}") from error
    if rows.shape != (count, 6):
        raise TrajectoryRejected(f"{what} must be ({count}, 6), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise TrajectoryRejected(f"{what} hold NaN or infinite values")
    return rows


def slopes(t: Array, p: Array) -> Array:
    """Return `(T, 6)` velocities for positions alone: at rest at both ends, central slopes between."""
    v = np.zeros_like(p)
    if len(t) > 2:
        v[1:-1] = (p[2:] - p[:-2]) / (t[2:] - t[:-2])[:, None]
    return v


def segments(t: Array, p: Array, v: Array, a: Array | None) -> Array:
    """Return polynomial coefficients `(T-1, 6, 6)`, ascending powers: quintic with accelerations, else
    cubic, as ros2_control's joint_trajectory_controller interpolates."""
    h = np.diff(t)[:, None]
    c = np.zeros((len(t) - 1, 6, 6))
    dp, v0, v1 = np.diff(p, axis=0), v[:-1], v[1:]
    c[:, 0], c[:, 1] = p[:-1], v0
    if a is None:
        c[:, 2] = 3 * dp / h**2 - (2 * v0 + v1) / h
        c[:, 3] = -2 * dp / h**3 + (v0 + v1) / h**2
        return c
    a0, a1 = a[:-1], a[1:]
    c[:, 2] = a0 / 2
    c[:, 3] = (20 * dp - (8 * v1 + 12 * v0) * h - (3 * a0 - a1) * h**2) / (2 * h**3)
    c[:, 4] = (-30 * dp + (14 * v1 + 16 * v0) * h + (3 * a0 - 2 * a1) * h**2) / (2 * h**4)
    c[:, 5] = (12 * dp - 6 * (v1 + v0) * h + (a1 - a0) * h**2) / (2 * h**5)
    return c
