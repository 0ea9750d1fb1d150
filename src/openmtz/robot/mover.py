"""One motion of the arm at a time: begins only with the motion token, ends at rest in tolerance or stops.

Pure: joint states, the token and time come in, trajectories go out through `send`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh, pose_distance
from openmtz.robot.collision import CellCollision
from openmtz.robot.kinematics import ArmKinematics
from openmtz.robot.motion import Motion, MoveOutcome, MoverConfig, PendingMotion
from openmtz.robot.reach import MoveResult, plan_move
from openmtz.robot.trajectory import Trajectory, stop_motion

Array = NDArray[np.float64]

FRESH_S = 0.03
HOLD_S = 0.5
MOVED_RAD = 0.01
"""A way sought from a posture is of use while the arm is no further from it: a fifth of what the simulated
controller allows. Engineering default."""
FASTEST_RAD_S = 10.0
"""No joint is as fast; a velocity beyond it is not believed."""
TOOLS = ("scan_head", "camera_depth_optical_frame")

Send = Callable[[Trajectory], None]
"""Hands a trajectory to the controller. One whose first point is later than 0 starts from what the controller
measures itself."""
Submit = Callable[[Callable[[], MoveResult]], "Future[MoveResult]"]
"""Runs a search elsewhere, one after the other."""


class Mover:
    """Give it what is measured and said; `work` returns the outcome once when a motion is over.

    With `submit` only ways without a search are planned in the call (some 10 ms, at most about 100); a
    search of seconds is handed to it and its result taken by `work`. Until then kinematics and collision
    belong to the search: a new surface, or another motion after a cancel, waits for its end. Without
    `submit` the caller waits.
    """

    def __init__(
        self,
        send: Send,
        config: MoverConfig | None = None,
        kinematics: ArmKinematics | None = None,
        collision: CellCollision | None = None,
        submit: Submit | None = None,
    ) -> None:
        self.config = config or MoverConfig()
        self.kinematics = kinematics or ArmKinematics()
        self.collision = collision or CellCollision()
        self._send, self._submit = send, submit
        self._search: Future[MoveResult] | None = None
        self._surface: TriangleMesh | None = None
        self._joints: Array | None = None
        self._velocity = np.zeros(6)
        self._joints_at = -np.inf
        self._still_since = -np.inf
        self._has_token = False
        self._safety_at = -np.inf
        self._motion: Motion | None = None
        self._pending: PendingMotion | None = None
        self._outcome: MoveOutcome | None = None

    # ---- what is measured and said --------------------------------------------------------------

    def take_joints(self, joints: Array, velocity: Array, now: float) -> None:
        """Take measured joints `(6,)` [rad] and velocities `(6,)`, NaN where they are not measured."""
        before = self._joints
        if before is None or np.abs(joints - before).max() > 1e-6:
            self._still_since = now
        measured = np.asarray(velocity, np.float64)
        if not (np.abs(measured) < FASTEST_RAD_S).all():
            # Optional in JointState; a stop needs them all the same.
            since = now - self._joints_at
            measured = np.zeros(6)
            if before is not None and 1e-3 < since < FRESH_S:
                measured = (joints - before) / since
            measured = np.where(np.abs(measured) < FASTEST_RAD_S, measured, 0.0)
        self._joints, self._joints_at, self._velocity = joints, now, measured

    def take_token(self, has_motion_token: bool, now: float) -> None:
        """Take the safety monitor's word; a motion whose token is gone stops."""
        self._has_token, self._safety_at = has_motion_token, now
        pending = self._pending
        if pending is not None and pending.search is not None and not has_motion_token:
            self._refuse("the motion token was taken away while a way was sought")
        if self._motion is not None and not has_motion_token:
            self._end(False, "the motion token was taken away", now, stop=True)

    def set_patient(self, surface: TriangleMesh) -> None:
        """Take the captured surface; a way that is being sought round an older one is sought anew."""
        self._surface = surface
        self._take_surface()

    def _take_surface(self) -> None:
        if self._surface is None or self._searching:
            return
        self.collision.set_patient(self._surface)
        self._surface = None
        if self._pending is not None:
            self._pending.search = None

    # ---- motions --------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a motion is under way, asked for, or its outcome not fetched yet."""
        return self._motion is not None or self._pending is not None or self._outcome is not None

    def begin(self, target: Array, tool: str, speed_fraction: float, now: float) -> None:
        """Ask for a motion of `tool` to `target` `(4, 4)` in `world`.

        The state that grants the token may still be on its way: it is waited for, but not for long.
        """
        self._pending = PendingMotion(target, tool, speed_fraction, now + self.config.token_wait_s)
        self._begin_pending(now)

    def cancel(self, now: float, reason: str = "cancelled") -> None:
        """Stop what moves; what has not begun never will."""
        if self._pending is not None:
            self._refuse(f"{reason} before it began")
        if self._motion is not None:
            self._end(False, reason, now, stop=True)

    def fraction(self, now: float) -> float:
        """Return how much of the motion's time has passed, 0 to 1."""
        if self._motion is None:
            return 0.0
        duration = max(self._motion.trajectory.duration_s, 1e-3)
        return float(np.clip((now - self._motion.started) / duration, 0.0, 1.0))

    def work(self, now: float) -> MoveOutcome | None:
        """Look at what is under way; call about 50 times a second."""
        self._take_surface()
        self._begin_pending(now)
        if self._motion is not None and self._joints is not None:
            self._watch(self._motion, self._joints, now)
        outcome, self._outcome = self._outcome, None
        return outcome

    @property
    def _searching(self) -> bool:
        return self._search is not None and not self._search.done()

    def _begin_pending(self, now: float) -> None:
        pending = self._pending
        if pending is None or self._searching or (not self._has_token and now <= pending.deadline):
            return
        refusal = self._refusal(pending.tool, now)
        if refusal:
            self._refuse(refusal, late=self._has_token and bool(self._late(now)))
            return
        assert self._joints is not None
        try:
            move = self._plan(pending, self._joints)
        except ValueError as error:
            self._refuse(str(error))
            return
        if move is None:
            return
        if move.trajectory is None:
            self._refuse(move.reason)
            return
        self._pending = None
        self._motion = Motion(pending.target, pending.tool, move.trajectory, now)
        self._send(move.trajectory)

    def _plan(self, pending: PendingMotion, joints: Array) -> MoveResult | None:
        """Return the way, or None while it is being sought."""
        if pending.search is not None:
            return self._found(pending, joints)
        speed = pending.speed if 0.0 < pending.speed <= 1.0 else 1.0
        plan = partial(
            plan_move, self.kinematics, self.collision, joints.copy(), pending.target, pending.tool, speed
        )
        if self._submit is None:
            return plan()
        move = plan(searches=())
        if move.ok:
            return move
        pending.start = joints.copy()
        pending.search = self._search = self._submit(plan)
        return None

    def _found(self, pending: PendingMotion, joints: Array) -> MoveResult:
        assert pending.search is not None and pending.start is not None
        moved = float(np.abs(joints - pending.start).max())
        if moved > MOVED_RAD:
            text = f"the arm moved by {np.rad2deg(moved):.2f} deg while a way was sought"
            return MoveResult(None, f"{text}; ask again once it rests")
        return pending.search.result()

    def _refuse(self, reason: str, late: bool = False) -> None:
        """The motion asked for never begins."""
        self._pending = None
        self._outcome = MoveOutcome(False, reason, late=late)

    def _late(self, now: float) -> str:
        """Return which states are too old to move by, or nothing."""
        if now - self._joints_at > self.config.joint_age_s:
            return f"no joint states for {self.config.joint_age_s:.1f} s"
        if now - self._safety_at > self.config.safety_age_s:
            return f"no safety state for {self.config.safety_age_s:.1f} s"
        return ""

    def _refusal(self, tool: str, now: float) -> str:
        if not self._has_token:
            return "the arm does not hold the motion token (service safety/request_token)"
        if now - self._safety_at > self.config.safety_age_s:
            return "no fresh safety state: is the safety monitor running?"
        if tool not in TOOLS:
            return f"unknown tool {tool!r}; there are: {', '.join(TOOLS)}"
        if self._joints is None or now - self._joints_at > self.config.joint_age_s:
            return "no fresh joint states: is the arm's driver running?"
        return ""

    def _watch(self, motion: Motion, joints: Array, now: float) -> None:
        config = self.config
        late = self._late(now)
        if late:
            self._end(False, late, now, stop=True, late=True)
            return
        elapsed = now - motion.started
        error = float(np.abs(joints - motion.trajectory.positions[-1]).max())
        resting = now - self._still_since >= config.rest_s
        if resting and error <= config.goal_tolerance_rad:
            self._end(True, "", now)
        elif elapsed > motion.trajectory.duration_s + config.settle_timeout_s:
            text = f"not at the goal after {elapsed:.1f} s, off by {np.rad2deg(error):.2f} deg"
            self._end(False, text, now, stop=True)

    def _end(self, success: bool, reason: str, now: float, *, stop: bool = False, late: bool = False) -> None:
        motion, self._motion = self._motion, None
        if motion is None or self._joints is None:
            return
        if stop:
            self._stop(self._joints, now)
        reached = self.kinematics.forward(self._joints, motion.tool)
        self._outcome = MoveOutcome(success, reason, *pose_distance(reached, motion.target), late=late)

    def _stop(self, joints: Array, now: float) -> None:
        """Brake along a jerk-limited path; with joints too old for that, hold where they were seen.

        Both begin later than 0, so that the controller starts from what it measures itself. (An empty
        trajectory is no stop: the joint_trajectory_controller of Jazzy discards it.)
        """
        if now - self._joints_at < FRESH_S:
            path = stop_motion(joints, self._velocity)
            self._send(
                Trajectory(path.times[1:], path.positions[1:], path.velocities[1:], path.accelerations[1:])
            )
            return
        zero = np.zeros((1, 6))
        self._send(Trajectory(np.array([HOLD_S]), joints[None].copy(), zero, zero))
