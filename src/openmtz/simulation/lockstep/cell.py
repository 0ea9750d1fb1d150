"""The hardware side of the lockstep simulation: arm, patient, camera, lines, scan head, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics
from openmtz.optics import FieldCalibration, HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.robot import CAMERA_FRAME, SCAN_HEAD_FRAME
from openmtz.safety import INTERLOCK_LINES
from openmtz.simulation.arm import World
from openmtz.simulation.camera import CameraFaults, CameraServer, CameraTrigger, FrameRequest
from openmtz.simulation.faults import HeldLines
from openmtz.simulation.lockstep.head import LockstepHead
from openmtz.simulation.patient import Patient, PatientMotion
from openmtz.simulation.scan_head_device import HEAD_LINES, Shot
from openmtz.simulation.truth import TrueSkin, evaluate_shots

Array = NDArray[np.float64]
JUDGE_EVERY_S = 0.5
"""Well within the two seconds for which the world remembers where the arm was."""
STOPS_ARM = tuple(line.name for line in INTERLOCK_LINES if line.stops_arm)


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """A picture: stamp [s] as the camera says, depth `(H, W)` float32 [m]."""

    stamp_s: float
    depth: NDArray[np.float32]


class TruthLog:
    """What every shot really hit, column by column; `columns()` joins them."""

    NAMES = (
        "spot_index", "hit", "position_m", "rest_position_m", "incidence_rad", "defocus_m", "energy_mj",
        "pulse_us", "fluence_j_cm2", "time_s", "arm_speed_m_s", "patient_shift_m",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.NAMES}
        self.count = 0

    def add(self, **columns: NDArray[Any]) -> None:
        """Append rows; every column of `NAMES` is needed."""
        for name in self.NAMES:
            self._parts[name].append(columns[name])
        self.count += len(columns["spot_index"])

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return `(M, ...)` arrays by name, in order of emission."""
        out: dict[str, NDArray[Any]] = {}
        for name, parts in self._parts.items():
            shape = (0, 3) if name.endswith("position_m") else (0,)
            out[name] = np.concatenate(parts) if parts else np.zeros(shape)
        return out


class LockstepCell:
    """Everything that is not software of the stack. Time moves only through `advance`."""

    def __init__(
        self,
        patient: Patient,
        seed: int,
        profile: HandpieceProfile,
        camera_rate_hz: float = 10.0,
    ) -> None:
        """Put the patient before the arm, which is at home.

        Raises:
            StartBlocked: they touch.
        """
        self.patient, self.seed, self.profile = patient, seed, profile
        self.time_s = 0.0
        self.world = World(patient, seed=seed)
        self.world.require_free_start()
        self.skin = TrueSkin(patient.mesh, patient.motion)
        self.intrinsics = CameraIntrinsics()
        self.camera_faults = CameraFaults.none()
        self._camera = CameraServer()
        self._ask_camera("camera", (self.intrinsics, seed, None))
        self._ask_camera("scene", ([(patient.mesh.vertices, patient.mesh.faces)], patient.motion))
        self._shots: list[tuple[float, Shot]] = []
        self.streaming = False
        self._trigger = CameraTrigger(camera_rate_hz, while_moving=False)
        self._rest_since: float | None = 0.0
        self.frames: list[DepthFrame] = []
        self._seen = self._target_at(0.0)
        self.head = LockstepHead(seed)
        self.galvo_map: FieldCalibration | None = None
        """Where the head's counts truly point; None: as the mounted tip's profile says."""
        self.line_book = HeldLines()
        self._stop_open = False
        self.truth = TruthLog()
        self.contacts: list[tuple[float, str, str]] = []
        self._apply_lines()

    # ---- lines ----------------------------------------------------------------------------------

    @property
    def lines(self) -> dict[str, bool]:
        """What the wires carry, line by line."""
        return self.line_book.wires()

    def set_line(self, name: str, value: bool) -> None:
        """Ask for a line of the cell; one that a fault holds moves when the fault ends.

        Raises:
            LineError: no such line.
        """
        self.line_book.ask(name, value)
        self._apply_lines()

    def switch_line_fault(self, fault: str, active: bool) -> None:
        """Begin or end a fault that holds a line open."""
        self.line_book.switch_fault(fault, active)
        self._apply_lines()

    def _apply_lines(self) -> None:
        """The emergency stop acts on arm and head directly, whatever software does."""
        carried = self.line_book.wires()
        is_open = not all(carried[name] for name in STOPS_ARM)
        if is_open is not self._stop_open:
            self._stop_open = is_open
            self.world.set_emergency_stop(is_open)
        self.head.set_lines(**{name: carried[name] for name in HEAD_LINES})

    def mount(self, plan: TreatmentPlan) -> None:
        """The tip that the plan names is the one mounted.

        Raises:
            ProfileError: the plan's profile is of no use.
        """
        self.judge_shots()
        self.profile = HandpieceProfile.from_header(plan.header["profile"])

    # ---- patient --------------------------------------------------------------------------------

    def set_motion(self, motion: PatientMotion) -> None:
        """From now on the patient moves like this (displacements from the rest position)."""
        self.judge_shots()
        self.skin.motion = motion
        self._ask_camera("motion", motion)

    # ---- camera ---------------------------------------------------------------------------------

    def set_camera_faults(self, faults: CameraFaults) -> None:
        """From now on the camera is wrong like this."""
        self.camera_faults = faults
        self._ask_camera("faults", faults)

    def _ask_camera(self, kind: str, content: Any) -> list[tuple[str, Any]]:
        """Do what the camera's process would; nothing here waits."""
        answers: list[tuple[str, Any]] = []
        self._camera.handle((kind, content), answers.append)
        for answer, text in answers:
            if answer == "error":
                raise RuntimeError(f"the simulated camera failed: {text}")
        return answers

    # ---- time -----------------------------------------------------------------------------------

    def advance(self, until_s: float) -> None:
        """Let the world go on to `until_s`: joints, head, shots, pictures.

        Raises:
            PhysicsFailure: as `World.step_count`.
        """
        self.world.step(until_s - self.time_s, monotonic_s=until_s)
        self.time_s = until_s
        if not self.world.resting:
            self._rest_since = None
            self._note_contacts()
        elif self._rest_since is None:
            self._rest_since = until_s
        self.head.run(until_s)
        self._shots += self.head.take_shots()
        if self._shots and until_s - self._shots[0][0] > JUDGE_EVERY_S:
            self.judge_shots()
        if self.streaming:
            self._take_picture()
        else:
            self._trigger.reset()

    def _note_contacts(self) -> None:
        known = {contact[1:] for contact in self.contacts}
        for pair in self.world.contacts():
            if pair not in known:
                self.contacts.append((self.time_s, *pair))

    def _take_picture(self) -> None:
        exposure = self._trigger.due(self.time_s, self._rest_since, self.world.joint_state().position, 0)
        if exposure is None:
            return
        pose = self.world.pose(CAMERA_FRAME)
        self._seen = self._target_at(exposure.stamp_s)
        request = FrameRequest(exposure.stamp_s, pose, exposure.key, exposure.n)
        for kind, frame in self._ask_camera("frame", request):
            if kind == "frame":
                self.frames.append(DepthFrame(frame.stamp_s, frame.depth))

    def _target_at(self, time_s: float) -> Array:
        """Return where the skin at the target is `(3,)` [m], by the motion in force now."""
        target = np.array([self.patient.target_m], np.float64)
        place: Array = self.skin.motion.displace(target, np.array([time_s]))[0]
        return place

    def _shift(self, times_s: Array) -> Array:
        """Return `(M,)` how far the skin at the target was from where the camera saw it last [m]."""
        target = np.tile(self.patient.target_m, (len(times_s), 1))
        return np.linalg.norm(self.skin.motion.displace(target, times_s) - self._seen, axis=1)

    def take_frames(self) -> list[DepthFrame]:
        """Return the pictures taken since the last call."""
        frames, self.frames = self.frames, []
        return frames

    def judge_shots(self) -> None:
        """Find out what the shots so far hit; in batches, for one ray costs as much as a hundred."""
        shots, self._shots = self._shots, []
        if not shots:
            return
        times = np.array([t for t, _ in shots])
        counts = np.array([[s.x_counts, s.y_counts] for _, s in shots])
        energy = np.array([s.energy_uj for _, s in shots]) * 1e-3
        poses = self.world.poses_at(times, SCAN_HEAD_FRAME)
        hits = evaluate_shots(poses, counts, energy, self.skin, self.profile, times, self.galvo_map)
        step = 0.004
        before, after = (self.world.poses_at(times + d, SCAN_HEAD_FRAME)[:, :3, 3] for d in (-step, 0.0))
        self.truth.add(
            spot_index=np.array([s.spot for _, s in shots]),
            hit=hits.hit,
            position_m=hits.position_m,
            rest_position_m=hits.rest_position_m,
            incidence_rad=hits.incidence_rad,
            defocus_m=hits.defocus_m,
            energy_mj=energy,
            pulse_us=np.array([s.duration_us for _, s in shots], np.float64),
            fluence_j_cm2=hits.fluence_j_cm2,
            time_s=times,
            arm_speed_m_s=np.linalg.norm(after - before, axis=1) / step,
            patient_shift_m=self._shift(times),
        )
