"""The hardware side of the lockstep simulation: arm, patient, camera, lines, scan head, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics
from openmtz.optics import FieldCalibration, HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.robot import SCAN_HEAD_FRAME
from openmtz.simulation.arm import JointState, World
from openmtz.simulation.camera import CameraFaults, CameraServer, FrameRequest
from openmtz.simulation.cell import CameraRates, FrameSchedule, RestWatch, ShotTruth, wired_lines
from openmtz.simulation.faults import SpoiledJoints
from openmtz.simulation.lockstep.head import LockstepHead
from openmtz.simulation.lockstep.truth_log import TruthLog
from openmtz.simulation.patient import Patient, PatientMotion
from openmtz.simulation.scan_head_device import HEAD_LINES, Shot
from openmtz.simulation.truth import TrueSkin

Array = NDArray[np.float64]
JUDGE_EVERY_S = 0.5
"""Well within the two seconds for which the world remembers where the arm was."""


@dataclass
class HostClock:
    """The clock of the host's processes. `offset_s`: how far it is ahead of virtual time [s]."""

    offset_s: float = 0.0


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """A picture: stamp [s] as the camera says, depth `(H, W)` float32 [m]."""

    stamp_s: float
    depth: NDArray[np.float32]


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
        self.patient, self.seed = patient, seed
        self.time_s = 0.0
        self.host_clock = HostClock()
        self.world = World(patient, seed=seed)
        self.world.require_free_start()
        self.skin = TrueSkin(patient.mesh, patient.motion)
        self.judge = ShotTruth(self.skin, profile)
        self.joints = SpoiledJoints()
        self.rest = RestWatch()
        self.intrinsics = CameraIntrinsics()
        self.camera_faults = CameraFaults.none()
        self._camera = CameraServer()
        self._ask_camera("camera", (self.intrinsics, seed, None))
        self._ask_camera("scene", ([(patient.mesh.vertices, patient.mesh.faces)], patient.motion))
        self._schedule = FrameSchedule(CameraRates(camera_rate_hz, while_moving=False), self.intrinsics)
        self.frames: list[DepthFrame] = []
        self._seen = self._target_at(0.0)
        self.head = LockstepHead(seed)
        self._shots: list[tuple[float, Shot]] = []
        self.truth = TruthLog()
        self.contacts: list[tuple[float, str, str]] = []
        self._to_head = dict.fromkeys(HEAD_LINES, False)
        self.line_book = wired_lines(self._tell_head, lambda is_open: self.world.set_emergency_stop(is_open))

    @property
    def host_time_s(self) -> float:
        """What the host's clock says [s]: virtual time, unless a fault sets it wrong."""
        return self.time_s + self.host_clock.offset_s

    def read_joints(self) -> JointState | None:
        """Return the joint state as it is published, None if nothing is."""
        return self.joints.tell(self.world.joint_state())

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

    def _tell_head(self, name: str, value: bool) -> None:
        """The wires act on the head directly, whatever software does."""
        if name in self._to_head:
            self._to_head[name] = value
            self.head.set_lines(**self._to_head)

    # ---- the tip --------------------------------------------------------------------------------

    @property
    def profile(self) -> HandpieceProfile:
        """The optics of the tip that is mounted."""
        return self.judge.profile

    @property
    def galvo_map(self) -> FieldCalibration | None:
        """Where the head's counts truly point; None: as the mounted tip's profile says."""
        return self.judge.galvo_map

    @galvo_map.setter
    def galvo_map(self, value: FieldCalibration | None) -> None:
        self.judge.galvo_map = value

    def mount(self, plan: TreatmentPlan) -> None:
        """The tip that the plan names is the one mounted.

        Raises:
            ProfileError: the plan's profile is of no use.
        """
        self.judge_shots()
        self.judge.mount(plan.header)

    # ---- patient --------------------------------------------------------------------------------

    def set_motion(self, motion: PatientMotion) -> None:
        """From now on the patient moves like this (displacements from the rest position)."""
        self.judge_shots()
        self.skin.motion = motion
        self._ask_camera("motion", motion)

    # ---- camera ---------------------------------------------------------------------------------

    @property
    def streaming(self) -> bool:
        """Whether somebody asked for pictures."""
        return self._schedule.streaming

    @streaming.setter
    def streaming(self, on: bool) -> None:
        self._schedule.streaming = on

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
        self.contacts += [(until_s, *pair) for pair in self.rest.look(self.world, until_s)]
        self.head.run(until_s)
        self._shots += self.head.take_shots()
        if self._shots and until_s - self._shots[0][0] > JUDGE_EVERY_S:
            self.judge_shots()
        request = self._schedule.due(self.world, until_s, self.rest.since_s)
        if request is not None:
            self._take_picture(request)

    def _take_picture(self, request: FrameRequest) -> None:
        self._seen = self._target_at(request.stamp_s)
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
        hits = self.judge.judge(self.world, times, counts, energy)
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
