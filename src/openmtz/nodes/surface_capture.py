"""Node `surface_capture`: depth frames and joint states in, a skin surface out (action `capture_surface`).

Fusion keeps an interpreter busy for half a second at a time, so it runs in a worker process.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import Future as WorkerFuture
from dataclasses import dataclass
from typing import Any

import rclpy.node
from openmtz_interfaces.action import CaptureSurface
from openmtz_interfaces.msg import CaptureQuality
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_srvs.srv import SetBool, Trigger

from openmtz.capture import (
    CameraIntrinsics,
    CaptureError,
    CaptureResult,
    CaptureSettings,
    CaptureWorker,
    FrameGate,
    StillFrame,
    WorkerDied,
)
from openmtz.nodes import convert, topics
from openmtz.nodes.support import Goal, GoalSlot, ProgressCounter, parameter, parse_parameters, work_timer
from openmtz.robot import JOINT_NAMES, ArmKinematics

DRAIN_LIMIT_S = 2.0
"""How long `finish` waits for joint states of frames already received."""
RENEW_EVERY_S = 5.0
"""Least time between two workers."""


@dataclass(frozen=True)
class CaptureConfig:
    """Parameters of `surface_capture`."""

    voxel_m: float = parameter(0.001, "edge of a fusion voxel [m]", 0.0003, 0.01)
    radius_m: float = parameter(0.045, "half edge of the box kept around the centre [m]", 0.005, 0.3)
    frames_per_rest: int = parameter(5, "frames fused per rest of the arm; more are surplus", 1, 100)
    settle_s: float = parameter(0.05, "the arm must have rested so long before a frame [s]", 0.0, 2.0)
    rest_tolerance_rad: float = parameter(0.0, "joint change that still counts as rest [rad]", 0.0, 0.01)
    camera_frame: str = parameter("camera_depth_optical_frame", "link that holds the camera")
    ready_timeout_s: float = parameter(20.0, "longest wait for camera_info and worker [s]", 1.0, 120.0)
    idle_timeout_s: float = parameter(120.0, "no frame fused for so long ends a capture [s]", 1.0, 3600.0)


class SurfaceCapture(rclpy.node.Node):
    """Gate -> worker -> surface. Every frame received is fused or counted as rejected with its cause."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("surface_capture", parameter_overrides=overrides)
        self._config = parse_parameters(self, CaptureConfig)
        self._kinematics = ArmKinematics()
        self._worker = CaptureWorker()
        self._renewed_at = -1e9
        self._ready = False
        self._gate: FrameGate | None = None
        self._intrinsics: CameraIntrinsics | None = None
        self._waiting_start: tuple[Goal[Any], float] | None = None
        self._finish_at: float | None = None
        self._future: WorkerFuture[CaptureResult] | None = None
        self._stamps: list[float] = []
        self._feedback_at = 0.0
        self._fused, self._moved_at = 0, 0.0
        self._surface_publisher = topics.SURFACE.publisher(self)
        topics.JOINT_STATES.subscription(self, self._on_joints)
        topics.CAMERA_INFO.subscription(self, self._on_info)
        topics.DEPTH.subscription(self, self._on_depth)
        self._switch = self.create_client(SetBool, "camera/set_streaming")
        self._streaming = False
        self.create_service(Trigger, "surface_capture/finish", self._on_finish)
        self._slot: GoalSlot[Any] = GoalSlot(
            self, CaptureSurface, "capture_surface", self._start, self._cancel
        )
        self._progress = ProgressCounter(self, 1.0)
        work_timer(self, 0.02, self._work)

    def _on_joints(self, message: JointState) -> None:
        if self._gate is None:
            return
        joints = convert.joints_of(message, JOINT_NAMES)
        if joints is not None:
            self._gate.add_joints(convert.seconds(message.header.stamp), joints[0])

    def _on_info(self, message: CameraInfo) -> None:
        try:
            self._intrinsics = CameraIntrinsics.from_matrix(message.k, message.width, message.height)
        except ValueError as error:
            self._fail(f"camera_info: {error}")

    def _on_depth(self, message: Image) -> None:
        if self._gate is None or self._finish_at is not None:
            return
        try:
            depth = convert.depth_of(message)
        except ValueError as error:
            self._fail(str(error))
            return
        stamp = convert.seconds(message.header.stamp)
        self._stamps.append(stamp)
        self._gate.add_frame(stamp, depth)

    def _start(self, goal: Goal[Any]) -> None:
        """Joints are noted from now on, frames once worker and camera are there."""
        self._intrinsics = None
        self._streaming = False
        self._stamps = []
        self._gate = FrameGate(
            per_standstill=int(goal.request.frames_per_rest) or self._config.frames_per_rest,
            settle_s=self._config.settle_s,
            tolerance_rad=self._config.rest_tolerance_rad,
        )
        self._waiting_start = (goal, time.monotonic() + self._config.ready_timeout_s)

    def _begin(self, goal: Goal[Any]) -> None:
        request = goal.request
        center = (request.center.x, request.center.y, request.center.z)
        try:
            settings = CaptureSettings(
                center=center,
                radius_m=float(request.radius_m) or self._config.radius_m,
                intrinsics=self._intrinsics or CameraIntrinsics(),
                voxel_m=float(request.voxel_m) or self._config.voxel_m,
                min_frames=int(request.min_frames) or 3,
            )
            self._worker.start(settings)
            self._fused, self._moved_at = 0, time.monotonic()
        except (ValueError, CaptureError) as error:
            self._fail(str(error))

    def _cancel(self, _goal: Goal[Any]) -> None:
        self._fail("cancelled")

    def _on_finish(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._gate is None or self._finish_at is not None:
            response.message = "no capture is running"
            return response
        self._finish_at = time.monotonic() + DRAIN_LIMIT_S
        self._stream(False)
        response.success = True
        response.message = f"draining {self._gate.waiting} frames"
        return response

    def _stream(self, on: bool) -> None:
        """A camera that can be switched is; one that cannot streams all the time."""
        self._streaming = on
        if self._switch.service_is_ready():
            self._switch.call_async(SetBool.Request(data=on))

    def _work(self) -> None:
        now = time.monotonic()
        try:
            self._step(now)
        except WorkerDied as error:
            self._fail(str(error))
            self._renew_worker(str(error))
        except CaptureError as error:
            self._fail(str(error))
        self._progress.work(now)

    def _step(self, now: float) -> None:
        progress = self._worker.progress()
        self._ready = progress.ready
        if self._waiting_start is not None:
            goal, deadline = self._waiting_start
            if progress.ready and not self._streaming:
                self._stream(True)
            if progress.ready and self._intrinsics is not None:
                self._waiting_start = None
                self._begin(goal)
            elif now > deadline:
                missing = "the capture worker" if not progress.ready else f"{topics.CAMERA_INFO.name}"
                self._fail(
                    f"nothing from {missing} within {self._config.ready_timeout_s:.0f} s:"
                    " is the camera running?"
                )
            return
        if self._future is not None:
            if self._future.done():
                self._conclude(self._future.result())
            return
        if self._gate is None:
            return
        if progress.error:
            self._fail(progress.error)
            return
        if progress.fused != self._fused:
            self._fused, self._moved_at = progress.fused, now
        elif now - self._moved_at > self._config.idle_timeout_s:
            self._fail(f"nothing was fused for {self._config.idle_timeout_s:.0f} s")
            return
        draining = self._finish_at is not None
        final = draining and (self._gate.waiting == 0 or now > (self._finish_at or 0.0))
        self._submit(self._gate.drain(final=final))
        if final:
            self._future = self._worker.finish()
        self._feedback(now, progress.fused, draining)

    def _submit(self, frames: list[StillFrame]) -> None:
        for frame in frames:
            pose = self._kinematics.forward(frame.joints, self._config.camera_frame)
            self._worker.submit(frame.payload, pose)

    def _feedback(self, now: float, fused: int, draining: bool) -> None:
        goal, gate = self._slot.active, self._gate
        if goal is None or gate is None or now < self._feedback_at:
            return
        self._feedback_at = now + 0.1
        step = "draining" if draining else "receiving"
        goal.handle.publish_feedback(
            CaptureSurface.Feedback(frames_received=gate.received, frames_fused=fused, step=step)
        )

    def _conclude(self, result: CaptureResult) -> None:
        gate, goal = self._gate, self._slot.active
        assert gate is not None
        quality = CaptureQuality(
            frames_received=gate.received,
            frames_fused=result.frames_fused,
            frames_rejected=gate.received - result.frames_fused,
            rejections=gate.rejection_texts(),
            area_cm2=float(result.surface.area_cm2),
            depth_noise_mm=float(result.depth_noise_m * 1e3),
            duration_s=float(self._stamps[-1] - self._stamps[0]) if self._stamps else 0.0,
        )
        stamp = self.get_clock().now().to_msg()
        self._surface_publisher.publish(convert.surface_message(result.surface, stamp, quality))
        self._reset()
        if goal is not None:
            goal.finish(
                CaptureSurface.Result(success=True, surface_id=result.surface.surface_id, quality=quality)
            )

    def _fail(self, reason: str) -> None:
        goal = self._slot.active
        self._reset()
        if goal is not None:
            self.get_logger().error(f"capture failed: {reason}")
            goal.finish(CaptureSurface.Result(success=False, reason=reason))

    def _renew_worker(self, reason: str) -> None:
        """The next capture needs a worker that lives; one that dies at once is not made over and over."""
        now = time.monotonic()
        if now - self._renewed_at < RENEW_EVERY_S:
            return
        self._renewed_at = now
        self.get_logger().error(f"{reason}; a new worker is started")
        self._worker.close()
        self._worker = CaptureWorker()

    def _reset(self) -> None:
        self._stream(False)
        with contextlib.suppress(CaptureError):  # a worker that is dead has nothing to cancel
            self._worker.cancel()
        self._gate = None
        self._finish_at = None
        self._future = None
        self._waiting_start = None

    def is_ready(self) -> bool:
        """True once the worker has loaded Open3D: seconds, more on a loaded machine."""
        return self._ready

    def close(self) -> None:
        """End the worker process."""
        self._worker.close()


def create(overrides: list[Parameter]) -> SurfaceCapture:
    """Return the node."""
    return SurfaceCapture(overrides)
