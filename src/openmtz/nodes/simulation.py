"""Node `simulation`: the simulated cell behind standard topics. Physics, camera, interlock lines, truth.

Real time only, like the hardware it stands for: simulation time follows the machine's monotonic
clock, because the simulated scan head is a device with a clock of its own.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from geometry_msgs.msg import TransformStamped
from openmtz_interfaces.msg import Interlocks, ShotsTruth
from openmtz_interfaces.msg import TreatmentPlan as PlanMessage
from openmtz_interfaces.srv import InjectFault, SetInterlock
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_srvs.srv import SetBool
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory

from openmtz.capture import CaptureError
from openmtz.geometry import invert_pose
from openmtz.nodes import convert, topics
from openmtz.nodes.support import NodeError, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.optics import HandpieceProfile, ProfileError
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.robot import CAMERA_FRAME, FLANGE_FRAME, JOINT_NAMES, SCAN_HEAD_FRAME
from openmtz.simulation import Pacer, TrueSkin, World, evaluate_shots
from openmtz.simulation.camera import still_key_of
from openmtz.simulation.camera_worker import CameraFrame, CameraWorker, FrameRequest
from openmtz.simulation.controller import TrajectoryRejected
from openmtz.simulation.patient_request import PatientRequestError, build_patient
from openmtz.simulation.scan_head_device.injection import FAULTS
from openmtz.simulation.wires import LINES, Shots, WireServer

CLOSED_AT_START = ("emergency_stop_closed", "key_on", "door_closed", "smoke_evacuator_on")
"""From the first moment: a head that hears of an open stop line latches a fault."""


@dataclass(frozen=True)
class SimulationConfig:
    """Parameters of `simulation`."""

    wires: str = parameter("", "path of the socket the simulated scan head connects to")
    seed: int = parameter(0, "seed of patient and camera noise", 0, 2**32 - 1)
    patient_json: str = parameter(
        "", "the patient, JSON (docs/nodes/simulation.md); empty: a cheek with scars"
    )
    camera_rate_hz: float = parameter(10.0, "depth frames per second at rest", 0.5, 60.0)
    joint_rate_hz: float = parameter(125.0, "joint states per second", 20.0, 500.0)


class Simulation(rclpy.node.Node):
    """Steps the world, publishes what sensors would, records what shots really hit."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("simulation", parameter_overrides=overrides)
        self._config = parse_parameters(self, SimulationConfig)
        try:
            self._patient = build_patient(self._config.patient_json, self._config.seed)
        except PatientRequestError as error:
            raise NodeError(str(error)) from error
        self._world = World(self._patient, seed=self._config.seed)
        self._rays = TrueSkin(self._patient.mesh)
        self._camera = CameraWorker(self._patient.mesh, seed=self._config.seed)
        self._profile = CO2_120UM_LOW_ENERGY
        self._wires = WireServer(self._config.wires, CLOSED_AT_START) if self._config.wires else None
        self._pacer = Pacer(self._world.timestep_s)
        self._streaming = False
        self._contacts: set[tuple[str, str]] = set()
        self._rest_since: float | None = 0.0
        self._rest: tuple[tuple[int, ...], float, int] | None = None
        self._moving_frame_at = 0.0
        self._joints_due = self._slow_due = 0.0
        self._make_publishers()
        topics.TRAJECTORY.subscription(self, self._on_trajectory)
        topics.PLAN.subscription(self, self._on_plan)
        self.create_service(SetInterlock, "simulation/set_interlock", self._on_set_interlock)
        self.create_service(InjectFault, "simulation/inject_fault", self._on_inject_fault)
        self.create_service(SetBool, "camera/set_streaming", self._on_streaming)
        self._progress = ProgressCounter(self, 0.25)
        self._publish_static()
        work_timer(self, 0.004, self._work)

    def _make_publishers(self) -> None:
        self._clock_publisher = topics.CLOCK.publisher(self)
        self._joint_publisher = topics.JOINT_STATES.publisher(self)
        self._tf_publisher = topics.TF.publisher(self)
        self._static_publisher = topics.TF_STATIC.publisher(self)
        self._depth_publisher = topics.DEPTH.publisher(self)
        self._info_publisher = topics.CAMERA_INFO.publisher(self)
        self._interlock_publisher = topics.INTERLOCKS.publisher(self)
        self._truth_publisher = topics.SHOTS_TRUTH.publisher(self)

    # ---- commands -------------------------------------------------------------------------------

    def _on_trajectory(self, message: JointTrajectory) -> None:
        points = message.points
        times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in points]
        rows: dict[str, Any] = {}
        for name in ("positions", "velocities", "accelerations"):
            values = [list(getattr(p, name)) for p in points]
            rows[name] = values if values and all(values) else None
        try:
            self._world.follow(
                message.joint_names, times, rows["positions"] or [], rows["velocities"], rows["accelerations"]
            )
        except TrajectoryRejected as error:
            self.get_logger().error(f"trajectory rejected: {error}")

    def _on_plan(self, message: PlanMessage) -> None:
        """The tip that the plan names is the one mounted."""
        try:
            self._profile = HandpieceProfile.from_header(convert.plan_header(message)["profile"])
        except (ProfileError, KeyError, ValueError) as error:
            self.get_logger().error(f"the plan's profile is of no use: {error}")

    def _on_set_interlock(self, request: Any, response: Any) -> Any:
        if self._wires is None or request.line not in LINES:
            response.message = f"no line {request.line!r}; there are: {', '.join(LINES)}"
            return response
        self._wires.set_line(request.line, request.value)
        if request.line == "emergency_stop_closed":
            self._world.set_emergency_stop(not request.value)
        self._publish_interlocks()
        response.success = True
        return response

    def _on_inject_fault(self, request: Any, response: Any) -> Any:
        try:
            parameters = json.loads(request.parameters_json) if request.parameters_json.strip() else {}
        except (ValueError, RecursionError) as error:
            response.message = f"parameters_json is not JSON: {error}"
            return response
        if not isinstance(parameters, dict):
            response.message = "parameters_json must be a JSON object"
            return response
        if request.fault not in FAULTS:
            response.message = f"no fault {request.fault!r}; there are: {', '.join(FAULTS)}"
            return response
        if self._wires is None or not self._wires.send_fault(request.fault, request.active, parameters):
            response.message = "no simulated scan head is wired up"
            return response
        response.success = True
        return response

    def _on_streaming(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._streaming = bool(request.data)
        response.success = True
        return response

    # ---- the work loop --------------------------------------------------------------------------

    def _work(self) -> None:
        steps = self._pacer.due_steps()
        self._world.step_count(steps, self._pacer.monotonic_s)
        now = self._world.time_s
        if not self._world.resting:
            self._rest_since = None
            self._report_contacts()
        elif self._rest_since is None:
            self._rest_since = now
        if now >= self._joints_due:
            self._joints_due = max(self._joints_due + 1.0 / self._config.joint_rate_hz, now)
            self._publish_joints(now)
        if now >= self._slow_due:
            self._slow_due = now + 0.02
            self._publish_interlocks()
            self._publish_transforms(now)
        if self._wires is not None:
            for shots in self._wires.take_shots():
                self._judge(shots)
        try:
            self._take_pictures(now)
        except CaptureError as error:
            raise NodeError(str(error)) from error
        self._progress.work(time.monotonic())

    def _report_contacts(self) -> None:
        """A collision is a fact of the world: said once per pair, and in the log that a death shows."""
        for pair in self._world.contacts():
            if pair not in self._contacts:
                self._contacts.add(pair)
                self.get_logger().error(f"collision: {pair[0]} touches {pair[1]}")

    def _publish_joints(self, now: float) -> None:
        stamp = convert.stamp_of(now)
        self._clock_publisher.publish(Clock(clock=stamp))
        joints = self._world.joint_state()
        message = JointState(
            name=list(JOINT_NAMES),
            position=joints.position.tolist(),
            velocity=joints.velocity.tolist(),
            effort=joints.effort.tolist(),
        )
        message.header.stamp = stamp
        message.header.frame_id = "base_link"
        self._joint_publisher.publish(message)

    def _publish_interlocks(self) -> None:
        lines = self._wires.lines() if self._wires is not None else dict.fromkeys(LINES, True)
        message = Interlocks(**lines)
        message.header.stamp = convert.stamp_of(self._world.time_s)
        self._interlock_publisher.publish(message)

    def _transform(self, parent: str, child: str, pose: Any, now: float) -> TransformStamped:
        message = TransformStamped(child_frame_id=child, transform=convert.transform_message(pose))
        message.header.frame_id = parent
        message.header.stamp = convert.stamp_of(now)
        return message

    def _publish_transforms(self, now: float) -> None:
        pose = self._world.pose(FLANGE_FRAME)
        self._tf_publisher.publish(
            TFMessage(transforms=[self._transform("base_link", FLANGE_FRAME, pose, now)])
        )

    def _publish_static(self) -> None:
        flange = invert_pose(self._world.pose(FLANGE_FRAME))
        fixed = [self._transform("world", "base_link", np.eye(4), 0.0)]
        for frame in (SCAN_HEAD_FRAME, CAMERA_FRAME):
            fixed.append(self._transform(FLANGE_FRAME, frame, flange @ self._world.pose(frame), 0.0))
        self._static_publisher.publish(TFMessage(transforms=fixed))

    # ---- camera ---------------------------------------------------------------------------------

    def _take_pictures(self, now: float) -> None:
        """At rest the camera is triggered by the standstill, so that image n of a rest is one image."""
        for frame in self._camera.poll():
            self._publish_frame(frame)
        if not self._streaming or not self._camera.ready:
            self._rest = None
            return
        period = 1.0 / self._config.camera_rate_hz
        rest_since = self._rest_since
        if rest_since is None:
            self._rest = None
            if self._camera.pending == 0 and now >= self._moving_frame_at:
                self._moving_frame_at = now + 2.0 * period
                self._submit(now, ("moving", round(now * 1e6)), 0)
            return
        if self._rest is None or self._rest[1] != rest_since:
            self._rest = (still_key_of(self._world.joint_state().position), rest_since, 0)
        key, since, n = self._rest
        if now >= since + 0.1 + n * period and self._camera.pending < 3:
            self._submit(max(now, since + 0.1 + n * period), key, n)
            self._rest = (key, since, n + 1)

    def _submit(self, now: float, key: Any, n: int) -> None:
        self._camera.submit(FrameRequest(now, self._world.pose(CAMERA_FRAME), key, n))

    def _publish_frame(self, frame: CameraFrame) -> None:
        k = self._camera.intrinsics
        stamp = convert.stamp_of(frame.request.stamp_s)
        info = CameraInfo(width=k.width, height=k.height, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = k.matrix().ravel().tolist()
        info.r = np.eye(3).ravel().tolist()
        info.p = np.hstack([k.matrix(), np.zeros((3, 1))]).ravel().tolist()
        image = Image(width=k.width, height=k.height, encoding="32FC1", step=4 * k.width, is_bigendian=0)
        image.data = convert.typed_array(frame.depth.view(np.uint8), "uint8")
        for message in (info, image):
            message.header.stamp = stamp
            message.header.frame_id = CAMERA_FRAME
        self._info_publisher.publish(info)
        self._depth_publisher.publish(image)

    # ---- truth ----------------------------------------------------------------------------------

    def _judge(self, shots: Shots) -> None:
        poses = self._world.poses_at(shots.time_s, SCAN_HEAD_FRAME)
        hits = evaluate_shots(poses, shots.counts, shots.energy_mj, self._rays, self._profile)
        message = ShotsTruth()
        message.header.stamp = convert.stamp_of(self._world.time_s)
        message.header.frame_id = "world"
        message.spot_index = convert.typed_array(shots.spot_index, "uint32")
        message.hit = [bool(h) for h in hits.hit]
        message.position_m = convert.typed_array(hits.position_m, "float64")
        message.incidence_rad = convert.typed_array(hits.incidence_rad, "float32")
        message.defocus_mm = convert.typed_array(hits.defocus_m * 1e3, "float32")
        message.energy_mj = convert.typed_array(shots.energy_mj, "float32")
        message.fluence_j_cm2 = convert.typed_array(hits.fluence_j_cm2, "float32")
        offset = self._world.time_s - self._pacer.monotonic_s
        message.time_s = convert.typed_array(shots.time_s + offset, "float64")
        self._truth_publisher.publish(message)

    def is_ready(self) -> bool:
        """True once the camera's worker has loaded its scene: seconds, more on a loaded machine."""
        return self._camera.ready

    def close(self) -> None:
        """End camera and wires."""
        self._camera.close()
        if self._wires is not None:
            self._wires.close()


def create(overrides: list[Parameter]) -> Simulation:
    """Return the node."""
    return Simulation(overrides)
