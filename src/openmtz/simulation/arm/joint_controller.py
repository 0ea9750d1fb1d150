"""The simulated joint controller: takes a joint trajectory, refuses a bad one, tracks, brakes, rests.

Pure: setpoints in time, no physics. States: RESTING (brakes on, joints exactly at the last setpoint),
TRACKING, SETTLING (trajectory over, error not yet tiny), BRAKING.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.robot import JOINT_NAMES
from openmtz.simulation.arm.joint_trajectory import (
    JointTrajectory,
    TrajectoryRejected,
    in_joint_order,
    segments,
    slopes,
)

Array = NDArray[np.float64]

START_TOLERANCE_RAD = 0.05
"""A trajectory may begin this far from the measured joints."""
START_VELOCITY_TOLERANCE_RAD_S = 0.3
TRACKING_TOLERANCE_RAD = 0.05
"""A joint further than this from its setpoint ends the motion."""
SETTLED_RAD = 5e-5
SETTLED_RAD_S = 5e-4
SETTLE_LIMIT_S = 1.0
BRAKE_RAD_S2 = 30.0
"""Deceleration of the joint brakes: pi rad/s in 0.10 s, within the 0.1-0.3 s public stopping-time
charts of such arms give. Engineering choice [M]."""
STEP_S = 1e-9
STALE_S = 0.1
"""A trajectory whose time stamp is further from now than this is refused. Engineering default."""
SWING = 1.2
"""Between its points a trajectory may be faster than the limit by so much, not more."""
FASTEST_CHANGE_RAD_S2 = 100.0
"""Accelerations beyond this are refused: the arm cannot, and between the points they throw it anywhere."""


class ArmState(Enum):
    """What the joint controller is doing."""

    RESTING = "resting"
    TRACKING = "tracking"
    SETTLING = "settling"
    BRAKING = "braking"


@dataclass(frozen=True)
class Setpoint:
    """Joints asked for now: position [rad], velocity [rad/s], acceleration [rad/s2], `(6,)` each."""

    position: Array
    velocity: Array
    acceleration: Array


class JointController:
    """Follows one trajectory at a time. Times are simulation seconds."""

    def __init__(self, q_rest: ArrayLike, lower: Array, upper: Array, max_velocity: Array) -> None:
        self.lower, self.upper, self.max_velocity = lower, upper, max_velocity
        self.state = ArmState.RESTING
        self.reason = ""
        """Why the last motion ended other than at its goal; empty where it did not."""
        self.stopped_open = False
        self.commands = 0
        """How often the setpoints changed their course: a trajectory taken, a brake."""
        self._hold = np.array(q_rest, np.float64)
        self._start_s = 0.0
        self._end_s = 0.0
        self._brake_from = (self._hold, np.zeros(6))
        self._still = np.zeros(6)

    @property
    def hold(self) -> Array:
        """`(6,)` [rad] where the arm rests, or will."""
        return self._hold

    def accept(
        self, wanted: JointTrajectory, q: Array, qd: Array, now_s: float, stamp_s: float | None = None
    ) -> None:
        """Take a trajectory from `now_s` on, the arm being at joints `q` with velocities `qd` `(6,)`.

        `stamp_s`: when it was meant to begin, by the same clock; None: now. A single point, or a first point
        later than 0, is reached from the measured joints.

        Raises:
            TrajectoryRejected: emergency stop open, a stamp in the past or future, wrong names, shapes,
                NaN, times not increasing, beyond position or velocity limits, points that do not fit each
                other, or a start away from the measured joints.
        """
        t = np.array(wanted.times, np.float64).reshape(-1)
        if len(t) == 0:
            raise TrajectoryRejected(
                "it has no points: discarded, as by the joint_trajectory_controller of Jazzy"
                " (ros2_controllers #902); to stop, send a trajectory that ends at rest"
            )
        if self.stopped_open:
            raise TrajectoryRejected("the emergency stop is open; close it and send the motion again")
        if stamp_s is not None and not abs(stamp_s - now_s) <= STALE_S:
            way = "ago" if stamp_s < now_s else "from now"
            raise TrajectoryRejected(
                f"it was to begin {abs(stamp_s - now_s):.2f} s {way} (allowed {STALE_S} s): stale, or from "
                "another clock; plan it again from the measured joints, or stamp it 0 for now"
            )
        p, v, a = in_joint_order(wanted, len(t))
        if not np.isfinite(t).all() or t[0] < 0 or (np.diff(t) <= STEP_S).any():
            raise TrajectoryRejected("times must be finite, start at 0 or later and increase")
        reached_first = t[0] > STEP_S
        if reached_first:
            t, p = np.concatenate([[0.0], t]), np.vstack([q, p])
            v = None if v is None else np.vstack([qd, v])
            a = None if a is None else np.vstack([self._still, a])
        if a is not None and np.abs(a).max() > FASTEST_CHANGE_RAD_S2:
            raise TrajectoryRejected(
                f"accelerations up to {np.abs(a).max():.3g} rad/s2, allowed {FASTEST_CHANGE_RAD_S2:g}"
            )
        self._check_limits(t, p, v)
        self._check_start(p[0], v[0] if v is not None else self._still, q, qd)
        if len(t) == 1:
            t, p = np.array([0.0, 2e-3]), np.vstack([p, p])
            v = a = None
        coefficients = segments(t, p, slopes(t, p) if v is None else v, a)
        # The way to a first point later than 0 is the controller's own: a stop must not be refused for it.
        self._check_between(t, coefficients, first=1 if reached_first else 0)
        self._times, self._coefficients = t, coefficients
        self._start_s, self._end_s = now_s, now_s + float(t[-1])
        self._hold = p[-1].copy()
        self.state, self.reason = ArmState.TRACKING, ""
        self.commands += 1

    def _check_limits(self, t: Array, p: Array, v: Array | None) -> None:
        beyond = np.argwhere((p < self.lower) | (p > self.upper))
        if len(beyond):
            row, joint = beyond[0]
            raise TrajectoryRejected(
                f"{JOINT_NAMES[joint]} would be at {p[row, joint]:.3f} rad in point {row}, allowed "
                f"{self.lower[joint]:.3f} to {self.upper[joint]:.3f} rad"
            )
        speeds = [] if v is None else [np.abs(v)]
        if len(t) > 1:
            speeds.append(np.abs(np.diff(p, axis=0) / np.diff(t)[:, None]))
        for speed in speeds:
            fast = np.argwhere(speed > self.max_velocity * 1.01)
            if len(fast):
                row, joint = fast[0]
                raise TrajectoryRejected(
                    f"{JOINT_NAMES[joint]} would move at {speed[row, joint]:.2f} rad/s in point {row}, "
                    f"allowed {self.max_velocity[joint]:.2f} rad/s; give it more time"
                )

    def _check_between(self, t: Array, coefficients: Array, first: int) -> None:
        """Positions and velocities that do not fit each other swing out between the points."""
        h = np.diff(t)[first:]
        for part in (0.25, 0.5, 0.75):
            s = (h * part)[:, None]
            powers = np.concatenate([k * s ** (k - 1) for k in range(1, 6)], axis=1)
            speed = np.abs(np.einsum("ik,ikj->ij", powers, coefficients[first:, 1:]))
            fast = np.argwhere(speed > self.max_velocity * SWING)
            if len(fast):
                row, joint = fast[0]
                raise TrajectoryRejected(
                    f"{JOINT_NAMES[joint]} would swing at {speed[row, joint]:.2f} rad/s between points "
                    f"{row + first} and {row + first + 1}: its positions and velocities do not fit each other"
                )

    def _check_start(self, p: Array, v: Array, q: Array, qd: Array) -> None:
        away = np.abs(p - q)
        if away.max() > START_TOLERANCE_RAD:
            joint = int(away.argmax())
            raise TrajectoryRejected(
                f"it begins {away[joint]:.3f} rad away from where {JOINT_NAMES[joint]} is "
                f"({q[joint]:.3f} rad; allowed {START_TOLERANCE_RAD} rad); plan it from the measured joints"
            )
        jump = np.abs(v - qd)
        if jump.max() > START_VELOCITY_TOLERANCE_RAD_S:
            joint = int(jump.argmax())
            raise TrajectoryRejected(
                f"{JOINT_NAMES[joint]} moves at {qd[joint]:.2f} rad/s, the trajectory begins at "
                f"{v[joint]:.2f} rad/s; stop the arm first, or plan from its velocity"
            )

    def brake(self, q: Array, qd: Array, now_s: float, reason: str) -> None:
        """Stop every joint with its brake, from joints and velocities measured; keep the reason."""
        if self.state is ArmState.RESTING:
            return
        if self.state is ArmState.BRAKING:
            return
        self._brake_from = (q.copy(), qd.copy())
        self._start_s = now_s
        self._end_s = now_s + float(np.abs(qd).max()) / BRAKE_RAD_S2
        self._hold = q + 0.5 * qd * np.abs(qd) / BRAKE_RAD_S2
        self.state, self.reason = ArmState.BRAKING, reason
        self.commands += 1

    def setpoint(self, now_s: float) -> Setpoint:
        """Return what is asked of the joints at `now_s`."""
        if self.state is ArmState.RESTING or now_s >= self._end_s - STEP_S:
            return Setpoint(self._hold, self._still, self._still)
        if self.state is ArmState.BRAKING:
            return self._braking(now_s - self._start_s)
        t = now_s - self._start_s
        i = min(max(int(np.searchsorted(self._times, t, side="right")) - 1, 0), len(self._coefficients) - 1)
        s = t - self._times[i]
        c = self._coefficients[i]
        powers = np.array([1.0, s, s * s, s**3, s**4, s**5])
        rates = np.array([0.0, 1.0, 2 * s, 3 * s * s, 4 * s**3, 5 * s**4])
        bends = np.array([0.0, 0.0, 2.0, 6 * s, 12 * s * s, 20 * s**3])
        return Setpoint(powers @ c, rates @ c, bends @ c)

    def _braking(self, since_s: float) -> Setpoint:
        """Every joint slows evenly, each until it stands."""
        q, qd = self._brake_from
        slowing = -np.sign(qd) * BRAKE_RAD_S2
        t = np.minimum(since_s, np.abs(qd) / BRAKE_RAD_S2)
        moving = since_s * BRAKE_RAD_S2 < np.abs(qd)
        return Setpoint(q + qd * t + slowing * t * t / 2, qd + slowing * t, np.where(moving, slowing, 0.0))

    def observe(self, q: Array, qd: Array, now_s: float) -> Array | None:
        """Look at the joints after a step; return the `(6,)` the brakes now hold exactly, or None.

        A joint out of tolerance turns tracking into braking. After a motion the arm rests at its last
        setpoint once it is there; where something keeps it away for longer than `SETTLE_LIMIT_S` the
        brakes hold it where it is, and the reason says so.
        """
        if self.state is ArmState.RESTING:
            return self._hold
        error = np.abs(q - self.setpoint(now_s).position)
        if self.state is ArmState.TRACKING and error.max() > TRACKING_TOLERANCE_RAD:
            joint = JOINT_NAMES[int(error.argmax())]
            self.brake(q, qd, now_s, f"{joint} fell {error.max():.3f} rad behind its trajectory: blocked?")
            return None
        if now_s < self._end_s - STEP_S:
            return None
        if self.state is ArmState.TRACKING:
            self.state = ArmState.SETTLING
        if error.max() < SETTLED_RAD and np.abs(qd).max() < SETTLED_RAD_S:
            self.state = ArmState.RESTING
            return self._hold
        if now_s - self._end_s > SETTLE_LIMIT_S:
            joint = JOINT_NAMES[int(error.argmax())]
            self.reason = self.reason or f"{joint} stayed {error.max():.4f} rad off its goal: blocked?"
            self._hold = q.copy()
            self.state = ArmState.RESTING
            return self._hold
        return None
