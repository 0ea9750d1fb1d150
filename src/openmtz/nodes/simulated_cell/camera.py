"""The simulated depth camera behind its topics: what it takes pictures of, and when. Part of `simulation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy.node
from openmtz_interfaces.msg import SafetyState
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool

from openmtz.nodes import convert, topics
from openmtz.robot import CAMERA_FRAME, SCAN_HEAD_FRAME
from openmtz.simulation.arm import World
from openmtz.simulation.camera import (
    CameraFrame,
    CameraTrigger,
    CameraWorker,
    Exposure,
    FrameRequest,
    Window,
    field_window,
    still_key_of,
)


@dataclass(frozen=True)
class CameraRates:
    """Frames per second: at rest while somebody asked for frames, and cropped while the laser may fire."""

    scanning_hz: float
    firing_hz: float


class SimulatedCamera:
    """Takes pictures in a worker process and publishes them.

    While `camera/set_streaming` is on: whole frames at rest, triggered by the standstill, so that image
    n of a rest is one image; a few while the arm moves. While the laser holds the token and nobody asked
    for whole frames: the window around the scan head's field, to see the patient move.
    """

    def __init__(
        self,
        node: rclpy.node.Node,
        worker: CameraWorker,
        rates: CameraRates,
        stamp: Callable[[float], Any],
    ) -> None:
        self._worker, self._rates, self._stamp = worker, rates, stamp
        self._depth_publisher = topics.DEPTH.publisher(node)
        self._info_publisher = topics.CAMERA_INFO.publisher(node)
        topics.SAFETY_STATE.subscription(node, self._on_safety)
        node.create_service(SetBool, "camera/set_streaming", self._on_streaming)
        self._streaming = False
        self._laser_may_fire = False
        self.safety_state = ""
        """Of the safety monitor, as last heard; to be shown, nothing else."""
        self.begin_anew()

    @property
    def ready(self) -> bool:
        """True once the worker has loaded its scene."""
        return self._worker.ready

    def begin_anew(self) -> None:
        """Forget rests and due times: the world was reset."""
        self._trigger = CameraTrigger(self._rates.scanning_hz)
        self._firing_frame_at = 0.0
        self._firing_count = 0
        self._window: tuple[tuple[int, ...], Window] | None = None

    def _on_streaming(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._streaming = bool(request.data)
        response.success = True
        return response

    def _on_safety(self, message: SafetyState) -> None:
        self._laser_may_fire = message.token == SafetyState.TOKEN_EMISSION
        self.safety_state = str(message.state_name)

    def publish_finished(self) -> None:
        """Publish what the worker has finished.

        Raises:
            CaptureError: the worker has ended.
        """
        for frame in self._worker.poll():
            self._publish(frame)

    def take(self, world: World, rest_since: float | None) -> None:
        """Ask for the pictures that are due at the world's time; `rest_since` [s], None while moving.

        Raises:
            CaptureError: the worker has ended.
        """
        if not self._worker.ready:
            self._trigger.reset()
        elif self._streaming:
            self._take_whole(world, rest_since)
        else:
            self._trigger.reset()
            if self._laser_may_fire and self._rates.firing_hz > 0:
                self._take_window(world)

    def _take_whole(self, world: World, rest_since: float | None) -> None:
        joints = world.joint_state().position
        exposure = self._trigger.due(world.time_s, rest_since, joints, self._worker.pending)
        if exposure is not None:
            self._submit(world, exposure)

    def _take_window(self, world: World) -> None:
        """A late worker loses pictures here: an old one tells nothing of a patient who moves."""
        now = world.time_s
        if now < self._firing_frame_at or self._worker.pending:
            return
        period = 1.0 / self._rates.firing_hz
        late = now - self._firing_frame_at
        self._firing_frame_at = now + period - (late if late < period else 0.0)
        key = still_key_of(world.joint_state().position)
        if self._window is None or self._window[0] != key:
            head, camera = world.pose(SCAN_HEAD_FRAME), world.pose(CAMERA_FRAME)
            self._window = (key, field_window(self._worker.intrinsics, camera, head))
            self._firing_count = 0
        self._submit(world, Exposure(now, ("firing", *key), self._firing_count), self._window[1])
        self._firing_count += 1

    def _submit(self, world: World, exposure: Exposure, window: Window | None = None) -> None:
        pose = world.pose(CAMERA_FRAME)
        self._worker.submit(FrameRequest(exposure.stamp_s, pose, exposure.key, exposure.n, window=window))

    def _publish(self, frame: CameraFrame) -> None:
        """REP-104: the intrinsics are the whole image's, `roi` says which part of it was sent."""
        k, window = self._worker.intrinsics, frame.request.window
        height, width = frame.depth.shape
        info = CameraInfo(width=k.width, height=k.height, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = k.matrix().ravel().tolist()
        info.r = np.eye(3).ravel().tolist()
        info.p = np.hstack([k.matrix(), np.zeros((3, 1))]).ravel().tolist()
        if window is not None:
            info.roi.x_offset, info.roi.y_offset = window[:2]
            info.roi.width, info.roi.height = width, height
        image = Image(width=width, height=height, encoding="32FC1", step=4 * width, is_bigendian=0)
        image.data = convert.typed_array(np.ascontiguousarray(frame.depth).view(np.uint8), "uint8")
        for message in (info, image):
            message.header.stamp = self._stamp(frame.stamp_s)
            message.header.frame_id = CAMERA_FRAME
        self._info_publisher.publish(info)
        self._depth_publisher.publish(image)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()
