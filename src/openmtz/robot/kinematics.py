"""Forward and inverse kinematics of the arm in its cell, by Pinocchio."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from os import PathLike

import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import invert_pose, pose_distance
from openmtz.robot.description import FLANGE_FRAME, HOME, JOINT_NAMES, SCAN_HEAD_FRAME, find_urdf

Array = NDArray[np.float64]

NEAR_RAD = 1.2
"""A solution whose joints all lie within this of the seed [rad] is taken at once as the nearest."""
DECIMALS = 10
"""Solutions are rounded to 1e-10 rad (below 0.1 nm at the tool): one branch has one answer, whatever
posture the search began at."""


@dataclass(frozen=True)
class JointLimits:
    """`lower`, `upper` [rad], `velocity` [rad/s], `effort` [Nm], each `(6,)`."""

    lower: Array
    upper: Array
    velocity: Array
    effort: Array

    def violation(self, q: ArrayLike) -> str:
        """Return which joint of `(6,)` [rad] lies beyond which limit, or an empty text."""
        for name, value, low, high in zip(JOINT_NAMES, np.asarray(q), self.lower, self.upper, strict=True):
            if not low <= value <= high:
                degrees = np.rad2deg([value, low, high])
                return f"{name} at {degrees[0]:.1f} deg, allowed {degrees[1]:.0f} to {degrees[2]:.0f} deg"
        return ""


@dataclass(frozen=True)
class IkResult:
    """`q` `(6,)` [rad] best found. `reason` says what is wrong and what helps where `ok` is False."""

    q: Array
    position_error_m: float
    orientation_error_rad: float
    ok: bool
    reason: str = ""


class ArmKinematics:
    """Poses of frames from joints, and joints from poses. Not thread safe: one per thread."""

    def __init__(self, urdf_path: str | PathLike[str] | None = None) -> None:
        """Load the URDF (the cell's own by default).

        Raises:
            UrdfMissing: no URDF found. ValueError: it lacks one of the six joints.
        """
        self.urdf_path = str(urdf_path or find_urdf())
        self.model: pin.Model = pin.buildModelFromUrdf(self.urdf_path)
        names = tuple(self.model.names[1:])
        if names != JOINT_NAMES:
            raise ValueError(f"{self.urdf_path}: joints must be {JOINT_NAMES}, in this order, got {names}")
        self._data = self.model.createData()
        self.limits = JointLimits(
            self.model.lowerPositionLimit.copy(),
            self.model.upperPositionLimit.copy(),
            self.model.velocityLimit.copy(),
            self.model.effortLimit.copy(),
        )
        joints = self.model.jointPlacements
        # Longest distance shoulder -> wrist_3 origin: what limits reach, from the model itself.
        self._reach_m = float(sum(np.linalg.norm(joints[i].translation) for i in range(3, 7)))
        self._shoulder = (joints[1] * joints[2]).translation.copy()
        self._bore_m = float(abs(joints[4].translation[2]))

    def frames(self) -> list[str]:
        """Return the names of all link frames."""
        return [f.name for f in self.model.frames if f.type == pin.FrameType.BODY]

    def _frame_id(self, frame: str) -> int:
        index = self.model.getFrameId(frame)
        if index >= self.model.nframes:
            raise ValueError(f"unknown frame {frame!r}; valid: {', '.join(self.frames())}")
        return int(index)

    def forward(self, q: ArrayLike, frame: str = SCAN_HEAD_FRAME) -> Array:
        """Return the `(4, 4)` pose of a frame in `world` at joints `(6,)` [rad].

        Raises:
            ValueError: unknown frame, or joints that are not six finite numbers.
        """
        index = self._frame_id(frame)
        pin.forwardKinematics(self.model, self._data, _joints(q))
        return np.array(pin.updateFramePlacement(self.model, self._data, index).homogeneous)

    def inverse(
        self,
        target: Array,
        frame: str = SCAN_HEAD_FRAME,
        q_seed: ArrayLike | None = None,
        *,
        position_tolerance_m: float = 1e-6,
        orientation_tolerance_rad: float = 1e-5,
        more_seeds: int = 24,
    ) -> IkResult:
        """Return joints that bring `frame` to the `(4, 4)` pose `target` in `world`, nearest to the seed.

        Damped least squares from the seed, then from the usual postures of such an arm (elbow up and
        down, shoulder left and right, wrist flipped), then from a fixed pseudo-random series. The
        same question has the same answer, to the bit.

        Raises:
            ValueError: unknown frame, a target that is no rigid pose, a seed that is no posture.
        """
        index = self._frame_id(frame)
        goal = _rigid(target)
        seed = _joints(HOME if q_seed is None else q_seed)
        tolerance = (position_tolerance_m, orientation_tolerance_rad)
        refusal = self._out_of_reach(goal, index)
        near = self._solve(seed, goal, index, frame, seed, tolerance)
        if near.ok and np.abs(near.q - seed).max() < NEAR_RAD:
            return near
        if refusal:
            return IkResult(near.q, near.position_error_m, near.orientation_error_rad, False, refusal)
        found = [near]
        found += [self._solve(s, goal, index, frame, seed, tolerance) for s in self._postures(goal)]
        if not any(result.ok for result in found):
            rng = np.random.default_rng(20240229)
            for _ in range(more_seeds):
                found.append(self._solve(rng.uniform(-np.pi, np.pi, 6), goal, index, frame, seed, tolerance))
                if found[-1].ok:
                    break
        good = [result for result in found if result.ok]
        if good:
            return min(good, key=lambda r: float(np.abs(r.q - seed).max()))
        best = min(found, key=lambda r: r.position_error_m + 0.1 * r.orientation_error_rad)
        return best

    def _solve(
        self, start: Array, goal: pin.SE3, index: int, frame: str, seed: Array, tolerance: tuple[float, float]
    ) -> IkResult:
        return self._judge(self._descend(start, goal, index), goal, frame, seed, tolerance)

    def _descend(self, q: Array, goal: pin.SE3, index: int) -> Array:
        """Levenberg-Marquardt on the pose error; stops at convergence or where nothing improves."""
        model, data, eye = self.model, self._data, np.eye(6)
        damping, q = 1e-4, q.copy()
        error = self._error(q, goal, index)
        cost = float(error @ error)
        for _ in range(80):
            if cost < 1e-26:
                break
            jacobian = pin.computeFrameJacobian(model, data, q, index, pin.ReferenceFrame.LOCAL)
            jacobian = pin.Jlog6(data.oMf[index].actInv(goal)) @ jacobian
            gradient = jacobian.T @ error
            normal = jacobian.T @ jacobian
            improved = False
            for _ in range(6):
                step = np.linalg.solve(normal + damping * eye, gradient)
                largest = float(np.abs(step).max())
                trial = q + step * min(1.0, 0.6 / max(largest, 1e-12))
                trial_error = self._error(trial, goal, index)
                trial_cost = float(trial_error @ trial_error)
                if trial_cost < cost:
                    damping = max(damping * 0.2, 1e-12)
                    improved = True
                    break
                damping = max(damping * 8.0, 1e-9)
            if not improved:
                break
            q, error, cost = trial, trial_error, trial_cost
        return q

    def _error(self, q: Array, goal: pin.SE3, index: int) -> Array:
        pin.forwardKinematics(self.model, self._data, q)
        placement = pin.updateFramePlacement(self.model, self._data, index)
        return np.array(pin.log6(placement.actInv(goal)).vector)

    def _judge(
        self, q: Array, goal: pin.SE3, frame: str, seed: Array, tolerance: tuple[float, float]
    ) -> IkResult:
        turns = np.round((q - seed) / (2 * np.pi))
        q = q - turns * 2 * np.pi
        # The turn nearest the seed may lie beyond a limit where the next one does not.
        q = np.where(q > self.limits.upper, q - 2 * np.pi, q)
        q = np.where(q < self.limits.lower, q + 2 * np.pi, q)
        q = np.round(q, DECIMALS)
        position, angle = pose_distance(self.forward(q, frame), goal.homogeneous)
        reason = ""
        if position > tolerance[0] or angle > tolerance[1]:
            reason = (
                f"no posture brings {frame} there: nearest is {position * 1e3:.1f} mm and "
                f"{np.rad2deg(angle):.1f} deg off; turn it about its axis, tilt it less, or move the patient"
            )
        else:
            limit = self.limits.violation(q)
            if limit:
                reason = f"{frame} would need {limit}; turn it about its axis or move the patient"
        return IkResult(q, position, angle, not reason, reason)

    def _flange(self, goal: pin.SE3, index: int) -> pin.SE3:
        """Return where the last joint stands when frame `index` is at the goal."""
        return goal * self.model.frames[index].placement.inverse()

    def _out_of_reach(self, goal: pin.SE3, index: int) -> str:
        if self.model.frames[index].parentJoint != 6:
            return ""
        wrist = self._flange(goal, index)
        distance = float(np.linalg.norm(wrist.translation - self._shoulder))
        if distance > self._reach_m:
            return (
                f"out of reach: the flange would be {distance:.2f} m from the shoulder, the arm reaches "
                f"{self._reach_m:.2f} m; move the target {distance - self._reach_m:.2f} m nearer to the arm"
            )
        depth = np.linalg.norm(self.model.jointPlacements[6].translation)
        centre = wrist.translation - wrist.rotation[:, 2] * depth
        if float(np.hypot(centre[0], centre[1])) < self._bore_m - 1e-9:
            return (
                f"too near to the arm's own axis: its wrist cannot come within {self._bore_m:.2f} m of it; "
                "move the target away from the arm's base"
            )
        return ""

    def _postures(self, goal: pin.SE3) -> list[Array]:
        """Return `(6,)` starting postures: both shoulders, elbows and wrists, turned towards the goal."""
        azimuth = float(np.arctan2(goal.translation[1], goal.translation[0]))
        postures = []
        for side, elbow, wrist in itertools.product((1.0, -1.0), repeat=3):
            pan = azimuth if side > 0 else azimuth + np.pi
            lift = -np.pi / 2 - side * elbow * 0.5
            q = [pan, lift, side * elbow * 1.6, -np.pi / 2, wrist * -np.pi / 2, 0.0]
            postures.append(np.array(q))
        return postures


def _joints(q: ArrayLike) -> Array:
    joints = np.array(q, dtype=np.float64)
    if joints.shape != (6,) or not np.isfinite(joints).all():
        raise ValueError(f"joints must be six finite numbers [rad], got {q!r}")
    return joints


def _rigid(pose: ArrayLike) -> pin.SE3:
    matrix = np.array(pose, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError("a target must be a finite (4, 4) pose")
    rotation = matrix[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-6 or np.linalg.det(rotation) < 0:
        raise ValueError("a target's rotation must be orthonormal and right handed")
    left, _, right = np.linalg.svd(rotation)
    return pin.SE3(left @ right, matrix[:3, 3])


def tool_T_frame(kinematics: ArmKinematics, frame: str) -> Array:
    """Return the fixed `(4, 4)` pose of a frame in `tool0`."""
    zero = np.zeros(6)
    return invert_pose(kinematics.forward(zero, FLANGE_FRAME)) @ kinematics.forward(zero, frame)
