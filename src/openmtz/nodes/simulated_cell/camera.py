"""The simulated depth camera behind its topics. What it takes pictures of, and when, is `FrameSchedule`'s.

Part of node `simulation`.
"""

from __future__ import annotations

import numpy as np
from openmtz_interfaces.msg import SafetyState
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool

from openmtz.capture import CameraIntrinsics
from openmtz.nodes import convert, topics
from openmtz.nodes.hearing import ListeningNode
from openmtz.robot import CAMERA_FRAME
from openmtz.simulation.camera import CameraFrame, CameraWorker
from openmtz.simulation.cell import CameraRates, FrameSchedule, PlayedCell


class SimulatedCamera:
    """Takes pictures in a worker process and publishes them; `camera/set_streaming` asks for whole ones."""

    def __init__(
        self, node: ListeningNode, cell: PlayedCell, worker: CameraWorker, rates: CameraRates
    ) -> None:
        self._cell, self._worker = cell, worker
        self._schedule = FrameSchedule(rates, worker.intrinsics)
        self._depth_publisher = topics.DEPTH.publisher(node)
        self._info_publisher = topics.CAMERA_INFO.publisher(node)
        node.ear.subscribe(topics.SAFETY_STATE, self._on_safety)
        node.create_service(SetBool, "camera/set_streaming", self._on_streaming)
        self.safety_state = ""
        """Of the safety monitor, as last heard; to be shown, nothing else."""

    @property
    def ready(self) -> bool:
        """True once the worker has loaded its scene."""
        return self._worker.ready

    def begin_anew(self) -> None:
        """Forget rests and due times: the world was reset."""
        self._schedule.begin_anew()

    def _on_streaming(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._schedule.streaming = bool(request.data)
        response.success = True
        return response

    def _on_safety(self, message: SafetyState) -> None:
        self._schedule.laser_may_fire = message.token == SafetyState.TOKEN_EMISSION
        self.safety_state = str(message.state_name)

    def publish_finished(self) -> None:
        """Publish what the worker has finished.

        Raises:
            CaptureError: the worker has ended.
        """
        for frame in self._worker.poll():
            self._publish(frame)

    def take(self) -> None:
        """Ask for the picture that is due at the world's time.

        Raises:
            CaptureError: the worker has ended.
        """
        cell, worker = self._cell, self._worker
        request = self._schedule.due(
            cell.world, cell.world.time_s, cell.rest.since_s, worker.pending, worker.ready
        )
        if request is not None:
            worker.submit(request)

    def _publish(self, frame: CameraFrame) -> None:
        height, width = frame.depth.shape
        image = Image(width=width, height=height, encoding="32FC1", step=4 * width, is_bigendian=0)
        image.data = convert.typed_array(np.ascontiguousarray(frame.depth).view(np.uint8), "uint8")
        info = _info(self._worker.intrinsics, frame.request.window, (width, height))
        for message in (info, image):
            message.header.stamp = convert.stamp_of(self._cell.clock.stamp_s(frame.stamp_s))
            message.header.frame_id = CAMERA_FRAME
        self._info_publisher.publish(info)
        self._depth_publisher.publish(image)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()


def _info(k: CameraIntrinsics, window: tuple[int, int, int, int] | None, size: tuple[int, int]) -> CameraInfo:
    """Return what describes a picture of `size` width, height [px].

    By REP-104 the intrinsics are those of the whole image, and `roi` says which part of it was sent.
    """
    info = CameraInfo(width=k.width, height=k.height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = k.matrix().ravel().tolist()
    info.r = np.eye(3).ravel().tolist()
    info.p = np.hstack([k.matrix(), np.zeros((3, 1))]).ravel().tolist()
    if window is not None:
        info.roi.x_offset, info.roi.y_offset = window[:2]
        info.roi.width, info.roi.height = size
    return info
