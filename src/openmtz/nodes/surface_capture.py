"""Node `surface_capture`: depth frames and joint states in, a skin surface out (action `capture_surface`).

What it does stands in `openmtz.stack.Capturing`; fusion runs in a worker process.
"""

from __future__ import annotations

import time
from typing import Any

from openmtz_interfaces.action import CaptureSurface
from openmtz_interfaces.msg import CaptureQuality
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_srvs.srv import SetBool, Trigger

from openmtz.capture import CameraIntrinsics, CaptureWorker
from openmtz.nodes import convert, topics
from openmtz.nodes.clients import ServiceQueue
from openmtz.nodes.goals import Goal, GoalSlot
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.parameters import parse_parameters
from openmtz.nodes.surface_capture_config import CaptureConfig
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.robot import JOINT_NAMES, ArmKinematics
from openmtz.stack import (
    Captured,
    CaptureFailed,
    CaptureFeedback,
    CaptureOrder,
    Capturing,
    WorkerRenewed,
)


class SurfaceCapture(ListeningNode):
    """Convert, let the capture go on, convert."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("surface_capture", overrides)
        config = parse_parameters(self, CaptureConfig)
        kinematics = ArmKinematics()
        self._calls = ServiceQueue(self)
        self.capturing = Capturing(
            CaptureWorker, self, lambda q: kinematics.forward(q, config.camera_frame), config.capturing()
        )
        self._surface_publisher = topics.SURFACE.publisher(self)
        self.ear.subscribe(topics.JOINT_STATES, self._on_joints)
        self.ear.subscribe(topics.CAMERA_INFO, self._on_info)
        self.ear.subscribe(topics.DEPTH, self._on_depth)
        self.create_service(Trigger, "surface_capture/finish", self._on_finish)
        self._slot: GoalSlot[Any] = GoalSlot(
            self, CaptureSurface, "capture_surface", self._start, self._cancel
        )
        self._progress = ProgressCounter(self, 1.0)
        work_timer(self, 0.02, self._work)

    def stream(self, on: bool) -> None:
        """Switch the camera, where it can be switched; one that cannot streams all the time."""
        request = SetBool.Request(data=on)
        self._calls.call(SetBool, "camera/set_streaming", request, lambda *_: None, time.monotonic(), 20.0)

    def _on_joints(self, message: JointState) -> None:
        joints = convert.joints_of(message, JOINT_NAMES)
        if joints is not None:
            self.capturing.hear_joints(convert.seconds(message.header.stamp), joints[0])

    def _on_info(self, message: CameraInfo) -> None:
        try:
            self.capturing.hear_intrinsics(
                CameraIntrinsics.from_matrix(message.k, message.width, message.height)
            )
        except ValueError as error:
            self.capturing.fail(f"camera_info: {error}")

    def _on_depth(self, message: Image) -> None:
        if not self.capturing.takes_frames:
            return
        try:
            self.capturing.hear_frame(convert.seconds(message.header.stamp), convert.depth_of(message))
        except ValueError as error:
            self.capturing.fail(str(error))

    def _start(self, goal: Goal[Any]) -> None:
        wanted = goal.request
        order = CaptureOrder(
            (wanted.center.x, wanted.center.y, wanted.center.z),
            float(wanted.radius_m),
            float(wanted.voxel_m),
            int(wanted.frames_per_rest),
            int(wanted.min_frames),
        )
        self.capturing.start(order, time.monotonic())

    def _cancel(self, _goal: Goal[Any]) -> None:
        self.capturing.fail("cancelled")

    def _on_finish(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = self.capturing.finish(time.monotonic())
        response.success = not response.message
        return response

    def _work(self) -> None:
        now = time.monotonic()
        self.ear.look(now)
        self._calls.work(now)
        for outcome in self.capturing.work(now):
            goal = self._slot.active
            match outcome:
                case CaptureFeedback() if goal is not None:
                    goal.handle.publish_feedback(CaptureSurface.Feedback(**outcome._asdict()))
                case Captured():
                    self._conclude(outcome)
                case CaptureFailed(reason) if goal is not None:
                    self.get_logger().error(f"capture failed: {reason}")
                    goal.finish(CaptureSurface.Result(success=False, reason=reason))
                case WorkerRenewed(reason):
                    self.get_logger().error(f"{reason}; a new worker is started")
        self._progress.work(now)

    def _conclude(self, captured: Captured) -> None:
        known, surface = captured.quality, captured.result.surface
        quality = CaptureQuality(
            frames_received=known.frames_received,
            frames_fused=known.frames_fused,
            frames_rejected=known.frames_received - known.frames_fused,
            rejections=list(known.rejections),
            area_cm2=known.area_cm2,
            depth_noise_mm=known.depth_noise_m * 1e3,
            duration_s=known.duration_s,
        )
        stamp = self.get_clock().now().to_msg()
        self._surface_publisher.publish(convert.surface_message(surface, stamp, quality))
        if self._slot.active is not None:
            self._slot.active.finish(
                CaptureSurface.Result(success=True, surface_id=surface.surface_id, quality=quality)
            )

    def is_ready(self) -> bool:
        """True once the worker has loaded Open3D: seconds, more on a loaded machine."""
        return self.capturing.ready

    def close(self) -> None:
        """End the worker process."""
        self.capturing.close()


def create(overrides: list[Parameter]) -> SurfaceCapture:
    """Return the node."""
    return SurfaceCapture(overrides)
