"""The simulated world: arm dynamics in MuJoCo, the patient, true poses. No camera, no laser, no ROS."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.robot import CELL_BOXES, HOME, JOINT_NAMES, SCAN_HEAD_FRAME, CellBox
from openmtz.simulation.arm.history import JointHistory
from openmtz.simulation.arm.joint_controller import ArmState, JointController
from openmtz.simulation.arm.joint_trajectory import JointTrajectory
from openmtz.simulation.arm.scene import PATIENT_GEOM, TIMESTEP_S, build_model
from openmtz.simulation.patient import Patient

Array = NDArray[np.float64]

STIFFNESS = 2500.0
"""Computed torque: error dynamics e'' = -K e - D e', critically damped at 50 rad/s."""
DAMPING = 100.0
WILD_RAD_S = 50.0
"""No joint ever moves so fast [rad/s]: a physics that says so has blown up. Engineering default."""
BRAKE_HELP = 3.0
"""While braking, friction brakes work beside the motors: torque up to this many times theirs [M]."""


def _warn(text: str) -> None:
    logging.getLogger(__name__).warning("MuJoCo: %s", text)


class StartBlocked(ValueError):
    """The arm touches something before anything has moved; the text names what."""


class PhysicsFailure(RuntimeError):
    """The physics no longer makes sense; the text names the joint and the simulation time."""


@dataclass(frozen=True, eq=False)
class JointState:
    """`time_s` of the simulation; `position` [rad], `velocity` [rad/s], `effort` [Nm], `(6,)` each."""

    time_s: float
    position: Array
    velocity: Array
    effort: Array


class World:
    """Arm, furniture and patient. Time moves only through `step`, in whole physics steps of 2 ms.

    The outcome depends only on the commands and the simulation times they came at, never on how
    `step` was divided. At rest the brakes hold: joints are constant to the bit, and stepping is free.
    """

    def __init__(
        self,
        patient: Patient | None = None,
        seed: int = 0,
        *,
        urdf_path: str | PathLike[str] | None = None,
        q_start: ArrayLike = HOME,
        boxes: Sequence[CellBox] = (),
    ) -> None:
        """Place the arm at rest at `q_start` `(6,)` [rad]; `boxes`: obstacles in the cell.

        `seed` names the world; its physics has no noise (camera, laser and device have their own).

        Raises:
            UrdfMissing, ValueError: as `build_model`; a start that is not six finite numbers.
        """
        start = np.array(q_start, np.float64)
        if start.shape != (6,) or not np.isfinite(start).all():
            raise ValueError(f"q_start must be six finite numbers [rad], got {q_start!r}")
        self.patient, self.seed = patient, seed
        self._urdf_path, self._boxes = urdf_path, list(boxes)
        self._load(start)
        self.timestep_s = TIMESTEP_S
        effort = self.model.jnt_actfrcrange[:, 1].copy()
        self._effort_limit = np.where(effort > 0, effort, np.inf)
        self.controller = JointController(
            start, self.model.jnt_range[:, 0].copy(), self.model.jnt_range[:, 1].copy(), np.full(6, np.pi)
        )
        self._effort = self._data.qfrc_bias.copy()
        self._steps = 0
        self._part = 0.0
        self._history = JointHistory()
        self._history.add(0.0, start)
        self._torque = np.zeros(6)
        self._next_course = (-1, -1)
        self._next_targets = (start, start)

    def _load(self, q: Array) -> None:
        mujoco.set_mju_user_warning(_warn)  # of itself it writes MUJOCO_LOG.TXT where the user stands
        self.model = build_model(self.patient, self._urdf_path, self._boxes)
        self._data = mujoco.MjData(self.model)
        self._past = mujoco.MjData(self.model)
        self._data.qpos[:] = q
        mujoco.mj_forward(self.model, self._data)

    def add_box(self, name: str, center_m: Sequence[float], size_m: Sequence[float]) -> None:
        """Put an upright box into the cell while the arm rests; `center_m`, full `size_m`, x y z [m].

        Raises:
            ValueError: as `CellBox.checked`, or while the arm moves.
        """
        if not self.resting:
            raise ValueError(f"box {name!r}: the cell changes only while the arm rests; stop it first")
        taken = [box.name for box in (*CELL_BOXES, *self._boxes)] + [PATIENT_GEOM]
        self._boxes.append(CellBox.checked(name, center_m, size_m, taken))
        self._load(self._data.qpos.copy())

    @property
    def time_s(self) -> float:
        """Simulation time [s]."""
        return self._steps * self.timestep_s

    @property
    def resting(self) -> bool:
        """True while the brakes hold the arm."""
        return self.controller.state is ArmState.RESTING

    @property
    def emergency_stop_open(self) -> bool:
        """True while the emergency stop keeps the arm from moving."""
        return self.controller.stopped_open

    def set_emergency_stop(self, is_open: bool) -> None:
        """Open: brake at once, refuse motion. Closed again: nothing moves until a new trajectory."""
        self.controller.stopped_open = bool(is_open)
        if is_open:
            self.stop("emergency stop")

    def stop(self, reason: str = "stopped") -> None:
        """Brake to a rest where the arm is."""
        self.controller.brake(self._data.qpos.copy(), self._data.qvel.copy(), self.time_s, reason)

    def follow(
        self,
        joint_names: Sequence[str],
        times: ArrayLike,
        positions: ArrayLike,
        velocities: ArrayLike | None = None,
        accelerations: ArrayLike | None = None,
        start_s: float | None = None,
    ) -> None:
        """Follow a joint trajectory from now on; it replaces the one being followed.

        `start_s`: the time stamp it came with, in simulation seconds; None (a stamp of 0): now.

        Raises:
            TrajectoryRejected: as `JointController.accept`; the arm goes on with what it did.
        """
        self.controller.accept(
            JointTrajectory(joint_names, times, positions, velocities, accelerations),
            self._data.qpos.copy(),
            self._data.qvel.copy(),
            self.time_s,
            start_s,
        )

    def step(self, dt_s: float, monotonic_s: float | None = None) -> None:
        """Advance by `dt_s`; what is less than a physics step is kept for the next call.

        `monotonic_s`: the instant the end of this step stands for in the clock that `joints_at` will
        be asked in; simulation time where it is None.

        Raises:
            ValueError: `dt_s` negative or not finite.
        """
        if not (np.isfinite(dt_s) and dt_s >= 0):
            raise ValueError(f"dt_s must be zero or more, got {dt_s!r}")
        self._part += dt_s
        count = int(self._part / self.timestep_s + 1e-6)
        self._part = max(0.0, self._part - count * self.timestep_s)
        self.step_count(count, monotonic_s)

    def step_count(self, count: int, monotonic_s: float | None = None) -> None:
        """Advance by whole physics steps of 2 ms; otherwise as `step`.

        Raises:
            PhysicsFailure: a joint is not finite or impossibly fast.
        """
        end = (self._steps + count) * self.timestep_s
        offset = 0.0 if monotonic_s is None else monotonic_s - end
        done = 0
        while done < count:
            if self.resting:
                self._steps += count - done
                done = count
            else:
                self._physics_step()
                done += 1
            self._history.add(self.time_s + offset, self._data.qpos)

    def _physics_step(self) -> None:
        model, data = self.model, self._data
        mujoco.mj_step1(model, data)
        data.qfrc_applied[:] = self._computed_torque()
        mujoco.mj_step2(model, data)
        self._steps += 1
        if not np.abs(data.qvel).max() < WILD_RAD_S:
            raise PhysicsFailure(self._what_blew_up())
        held = self.controller.observe(data.qpos, data.qvel, self.time_s)
        if held is not None:
            self._engage_brakes(held)

    def _what_blew_up(self) -> str:
        data = self._data
        joint = int(np.abs(np.nan_to_num(data.qvel, nan=np.inf)).argmax())
        return (
            f"the physics blew up at {self.time_s:.3f} s: {JOINT_NAMES[joint]} at "
            f"{data.qvel[joint]:.3g} rad/s; touching: {self.contacts() or 'nothing'}; "
            "start again from a pose that touches nothing"
        )

    def _computed_torque(self) -> Array:
        """Return joint torques `(6,)` [Nm] that make the error decay, within the motors' limits.

        Velocity and acceleration asked for are the differences of the setpoints a step apart: with those
        the integrator lands on the next setpoint itself, where derivatives would trail by h v / 2.
        """
        data, h, now = self._data, self.timestep_s, self.time_s
        course = (self.controller.commands, self._steps)
        if course == self._next_course:
            before, at = self._next_targets
        else:
            before, at = (self.controller.setpoint(now + k * h).position for k in (-1, 0))
        after = self.controller.setpoint(now + h).position
        self._next_course, self._next_targets = (course[0], course[1] + 1), (at, after)
        push = (after - 2 * at + before) / h**2 + STIFFNESS * (at - data.qpos)
        push += DAMPING * ((at - before) / h - data.qvel)
        mujoco.mj_mulM(self.model, data, self._torque, push)
        limit = self._effort_limit
        if self.controller.state is ArmState.BRAKING:
            limit = limit * BRAKE_HELP
        self._effort = np.clip(self._torque + data.qfrc_bias, -limit, limit)
        return self._effort

    def _engage_brakes(self, q: Array) -> None:
        """Hold exactly `q`: no velocity, no leftover of the solver, so that nothing of the way remains."""
        mujoco.mj_resetData(self.model, self._data)
        self._data.qpos[:] = q
        self._data.time = self.time_s
        mujoco.mj_forward(self.model, self._data)
        self._effort = self._data.qfrc_bias.copy()

    def joint_state(self) -> JointState:
        """Return the joints now. Encoders are taken as exact: joints at rest do not flicker."""
        data = self._data
        return JointState(self.time_s, data.qpos.copy(), data.qvel.copy(), self._effort.copy())

    def joints_at(self, monotonic_s: ArrayLike) -> Array:
        """Return joints `(N, 6)` [rad] at past instants `(N,)` of the clock given to `step`, 2 s back."""
        return self._history.at(np.asarray(monotonic_s, np.float64))

    def pose(self, frame: str = SCAN_HEAD_FRAME, q: ArrayLike | None = None) -> Array:
        """Return the true `(4, 4)` pose of a frame in `world`, now or at joints `q` `(6,)`.

        Raises:
            ValueError: unknown frame.
        """
        body = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_BODY, frame)
        if body < 0:
            names = ", ".join(self.model.body(i).name for i in range(self.model.nbody))
            raise ValueError(f"unknown frame {frame!r}; valid: {names}")
        self._past.qpos[:] = self._data.qpos if q is None else np.asarray(q, np.float64)
        mujoco.mj_kinematics(self.model, self._past)
        pose = np.eye(4)
        pose[:3, :3] = self._past.xmat[body].reshape(3, 3)
        pose[:3, 3] = self._past.xpos[body]
        return pose

    def poses_at(self, monotonic_s: ArrayLike, frame: str = SCAN_HEAD_FRAME) -> Array:
        """Return true poses `(N, 4, 4)` of a frame at past instants `(N,)`; equal joints cost once."""
        joints = self.joints_at(monotonic_s)
        distinct, which = np.unique(joints, axis=0, return_inverse=True)
        poses = np.array([self.pose(frame, q) for q in distinct]).reshape(-1, 4, 4)
        return poses[which.reshape(-1)]

    def contacts(self) -> list[tuple[str, str]]:
        """Return which pairs of bodies or things touch, each once, sorted; normally none."""
        if self._data.ncon == 0:
            return []  # asked for at every step: the list of contacts costs a millisecond even when empty
        pairs = set()
        for contact in self._data.contact:
            first, second = sorted(self._owner(int(g)) for g in contact.geom)
            pairs.add((first, second))
        return sorted(pairs)

    def require_free_start(self) -> None:
        """Refuse a cell in which the arm stands inside something, as before a run.

        Raises:
            StartBlocked: who touches whom.
        """
        pairs = self.contacts()
        if pairs:
            touching = ", ".join(f"{a} and {b}" for a, b in pairs)
            raise StartBlocked(
                f"at the start these touch: {touching}; move the patient or the obstacle, "
                "or start the arm elsewhere"
            )

    def _owner(self, geom: int) -> str:
        body = int(self.model.geom_bodyid[geom])
        return str(self.model.geom(geom).name if body == 0 else self.model.body(body).name)
