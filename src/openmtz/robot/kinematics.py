"""Forward and inverse kinematics of the arm in its cell: closed form, held against Pinocchio."""

from __future__ import annotations

import itertools
from os import PathLike

import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import invert_pose, pose_distance
from openmtz.robot.analytic import UrGeometry
from openmtz.robot.branches import Branch, IkResult
from openmtz.robot.description import FLANGE_FRAME, HOME, SCAN_HEAD_FRAME, find_urdf
from openmtz.robot.joint_limits import JointLimits
from openmtz.robot.urdf_check import UrdfInvalid, validate_urdf

Array = NDArray[np.float64]

DECIMALS = 10
"""Solutions are rounded to 1e-10 rad (below 0.1 nm at the tool): one branch has one answer, whatever
posture the search began at."""
EXACT = 1e-11
"""Newton's steps stop at this pose error [m, rad]; a nominal URDF is there at once."""
MOST_NEWTON_STEPS = 30
LARGEST_NEWTON_STEP_RAD = 0.5
SINGULARITY_MARGIN = 0.005
"""A branch nearer to a singularity is taken only where there is no other: there, a millimetre at the tool
may take 0.2 rad. Engineering default."""


class ArmKinematics:
    """Poses of frames from joints, and joints from poses. Not thread safe: one per thread."""

    def __init__(self, urdf_path: str | PathLike[str] | None = None) -> None:
        """Load the URDF (the cell's own by default).

        Raises:
            UrdfMissing: no URDF found. UrdfInvalid: it is broken, or its six joints are not ours.
            NotThisKindOfArm: its joints stand otherwise than in a UR.
        """
        self.urdf_path = str(urdf_path or find_urdf())
        validate_urdf(self.urdf_path)
        try:
            self.model: pin.Model = pin.buildModelFromUrdf(self.urdf_path)
        except (ValueError, RuntimeError) as error:
            raise UrdfInvalid(f"{self.urdf_path}: Pinocchio cannot read it: {error}") from error
        self._data = self.model.createData()
        self.limits = JointLimits(
            self.model.lowerPositionLimit.copy(),
            self.model.upperPositionLimit.copy(),
            self.model.velocityLimit.copy(),
            self.model.effortLimit.copy(),
        )
        self.geometry = UrGeometry.of(self.model)

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

    def jacobian(self, q: ArrayLike, frame: str = SCAN_HEAD_FRAME) -> Array:
        """Return the `(6, 6)` Jacobian of a frame, linear rows [m/rad] first, in the frame's own axes."""
        index = self._frame_id(frame)
        return np.array(
            pin.computeFrameJacobian(self.model, self._data, _joints(q), index, pin.ReferenceFrame.LOCAL)
        )

    def branches(
        self,
        target: ArrayLike,
        frame: str = SCAN_HEAD_FRAME,
        q_seed: ArrayLike | None = None,
        *,
        turns: bool = False,
    ) -> list[Branch]:
        """Return every posture within limits that brings `frame` to `target` `(4, 4)`, nearest first.

        At most eight: two shoulders, two wrists, two elbows, each with whole turns of its joints as near
        to the seed (HOME by default) as the limits allow; `turns`: with every combination of whole turns.

        Raises:
            ValueError: as `inverse`.
        """
        goal, index, seed = self._question(target, frame, q_seed)
        found = []
        for q in self._solutions(goal, index, seed):
            turned = self._turned(q, seed)
            if turns:
                found += [row for row in self._every_turn(turned) if self.limits.margin(row) >= 0]
            elif self.limits.margin(turned) >= 0:
                found.append(turned)
        branches = [
            Branch(q, float(np.abs(q - seed).max()), self.limits.margin(q), self.singularity_margin(q))
            for q in found
        ]
        return sorted(branches, key=lambda b: (b.distance_rad, float(np.abs(b.q - seed).sum())))

    def inverse(
        self,
        target: ArrayLike,
        frame: str = SCAN_HEAD_FRAME,
        q_seed: ArrayLike | None = None,
    ) -> IkResult:
        """Return joints that bring `frame` to the `(4, 4)` pose `target` in `world`, nearest to the seed.

        The nearest branch that keeps `SINGULARITY_MARGIN`; the nearest of all where none does. The same
        question has the same answer, to the bit.

        Raises:
            ValueError: unknown frame or one not carried by the last joint, a target that is no rigid
                pose, a seed that is no posture.
        """
        goal, index, seed = self._question(target, frame, q_seed)
        branches = self.branches(target, frame, seed)
        if branches:
            q = next((b for b in branches if b.singularity_margin >= SINGULARITY_MARGIN), branches[0]).q
            position, angle = pose_distance(self.forward(q, frame), goal.homogeneous)
            return IkResult(q, position, angle, True)
        beyond = [self._turned(q, seed) for q in self._solutions(goal, index, seed)]
        if beyond:
            q = max(beyond, key=self.limits.margin)
            position, angle = pose_distance(self.forward(q, frame), goal.homogeneous)
            need = self.limits.violation(q)
            return IkResult(
                q,
                position,
                angle,
                False,
                f"{frame} would need {need}; turn it about its axis or move the patient",
            )
        wrist = np.array(self._wrist(goal, index).homogeneous)
        kind, missing = self.geometry.shortfall(wrist)
        return IkResult(seed, missing, 0.0, False, self._shortfall_text(kind, missing))

    def solve_many(self, targets: Array, frame: str = SCAN_HEAD_FRAME) -> NDArray[np.bool_]:
        """Return for targets `(N, 4, 4)` whether a posture within limits exists `(N,)`; rigid poses only."""
        tool = np.array(self.model.frames[self._tool_id(frame)].placement.inverse().homogeneous)
        joints = self.geometry.solve(targets @ tool)
        # Within (-pi, pi] or a whole turn beside it.
        fits = np.zeros(joints.shape, np.bool_)
        for turn in (-2 * np.pi, 0.0, 2 * np.pi):
            fits |= (joints + turn >= self.limits.lower) & (joints + turn <= self.limits.upper)
        reached: NDArray[np.bool_] = np.any(np.all(fits, axis=2), axis=1)
        return reached

    def singularity_margin(self, q: ArrayLike) -> float:
        """Return the smallest singular value of the Jacobian at joint 6, lengths in units of the reach."""
        jacobian = pin.computeJointJacobian(self.model, self._data, _joints(q), 6)
        jacobian[:3] /= self.geometry.reach_m
        return float(np.linalg.svd(jacobian, compute_uv=False)[-1])

    def refine(self, q: ArrayLike, target: ArrayLike, frame: str = SCAN_HEAD_FRAME) -> Array | None:
        """Return joints near `q` that bring `frame` exactly to `target` `(4, 4)`, by Newton's steps; or None.

        Raises:
            ValueError: as `inverse`.
        """
        goal, index, start = self._question(target, frame, q)
        return self._newton(start, goal, index)

    def _question(self, target: ArrayLike, frame: str, seed: ArrayLike | None) -> tuple[pin.SE3, int, Array]:
        return _rigid(target), self._tool_id(frame), _joints(HOME if seed is None else seed)

    def _tool_id(self, frame: str) -> int:
        index = self._frame_id(frame)
        if self.model.frames[index].parentJoint != 6:
            raise ValueError(
                f"frame {frame!r} is not carried by the last joint: ask for tool0 or a tool on it"
            )
        return index

    def _wrist(self, goal: pin.SE3, index: int) -> pin.SE3:
        """Return where the last joint stands when frame `index` is at the goal."""
        return goal * self.model.frames[index].placement.inverse()

    def _solutions(self, goal: pin.SE3, index: int, seed: Array) -> list[Array]:
        """Return the exact solutions `(6,)` in (-pi, pi], limits not yet looked at."""
        wrist = np.array(self._wrist(goal, index).homogeneous)
        nominal = self.geometry.solve(wrist[None], spin=float(seed[5]))[0]
        nominal = nominal[np.isfinite(nominal).all(axis=1)]
        found: list[Array] = []
        for start in nominal:
            q = self._newton(start, goal, index)
            if q is not None and not any(_same(q, other) for other in found):
                found.append(q)
        return found

    def _newton(self, q: Array, goal: pin.SE3, index: int) -> Array | None:
        model, data, q = self.model, self._data, q.copy()
        for _ in range(MOST_NEWTON_STEPS):
            pin.forwardKinematics(model, data, q)
            away = pin.updateFramePlacement(model, data, index).actInv(goal)
            error = pin.log6(away).vector
            if np.abs(error).max() < EXACT:
                return q
            jacobian = pin.computeFrameJacobian(model, data, q, index, pin.ReferenceFrame.LOCAL)
            jacobian = pin.Jlog6(away) @ jacobian
            step = np.linalg.solve(jacobian.T @ jacobian + 1e-9 * np.eye(6), jacobian.T @ error)
            q += step * min(1.0, LARGEST_NEWTON_STEP_RAD / float(np.abs(step).max()))
        return None

    def _turned(self, q: Array, seed: Array) -> Array:
        """Return `q` with the whole turns nearest to the seed that lie within limits, rounded."""
        q = q - np.round((q - seed) / (2 * np.pi)) * 2 * np.pi
        q = np.where(q > self.limits.upper, q - 2 * np.pi, q)
        q = np.where(q < self.limits.lower, q + 2 * np.pi, q)
        rounded: Array = np.round(q, DECIMALS)
        return rounded

    def _every_turn(self, q: Array) -> list[Array]:
        choices = []
        for value, low, high in zip(q, self.limits.lower, self.limits.upper, strict=True):
            turns = [value + k * 2 * np.pi for k in (0, -1, 1, -2, 2)]
            choices.append([np.round(v, DECIMALS) for v in turns if low <= v <= high] or [value])
        return [np.array(row) for row in itertools.product(*choices)]

    def _shortfall_text(self, kind: str, missing: float) -> str:
        if kind == "axis":
            return (
                "too near to the arm's own axis: shoulder_pan_joint cannot bring the wrist within "
                f"{abs(self.geometry.d4):.2f} m of it ({missing:.3f} m too near); move the target "
                f"{missing:.3f} m away from the arm's base"
            )
        if kind == "far":
            return (
                f"out of reach: with elbow_joint straight the arm is still {missing:.3f} m short; "
                f"move the target {missing:.2f} m nearer to the arm"
            )
        return (
            "too near to the shoulder: elbow_joint cannot fold the arm so far "
            f"({max(missing, 0.0):.3f} m missing); move the target away from the arm's base"
        )


def _same(a: Array, b: Array) -> bool:
    return bool(np.abs((a - b + np.pi) % (2 * np.pi) - np.pi).max() < 1e-7)


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
