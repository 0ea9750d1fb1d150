"""Which picture the simulated depth camera takes, and when."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.capture import CameraIntrinsics
from openmtz.robot import CAMERA_FRAME, SCAN_HEAD_FRAME
from openmtz.simulation.arm import World
from openmtz.simulation.camera import (
    CameraTrigger,
    Exposure,
    FrameRequest,
    Window,
    field_window,
    still_key_of,
)


@dataclass(frozen=True)
class CameraRates:
    """Frames per second: at rest while somebody asked for frames; cropped while the laser may fire (0: none).

    `while_moving`: whole frames also while the arm moves, as of a camera that runs freely.
    """

    scanning_hz: float
    firing_hz: float = 0.0
    while_moving: bool = True


class FrameSchedule:
    """Ask `due` after every step; it says at most one picture at a time.

    While `streaming`: whole pictures at rest, triggered by the standstill, so that image n of a rest is one
    image; a few while the arm moves. Else, while `laser_may_fire`: the window around the scan head's field,
    to see the patient move.
    """

    def __init__(self, rates: CameraRates, intrinsics: CameraIntrinsics) -> None:
        self._rates, self._intrinsics = rates, intrinsics
        self.streaming = False
        self.laser_may_fire = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget rests and due times: the world is new."""
        self._trigger = CameraTrigger(self._rates.scanning_hz, self._rates.while_moving)
        self._firing_at = 0.0
        self._firing_count = 0
        self._window: tuple[tuple[int, ...], Window] | None = None

    def due(
        self, world: World, now_s: float, rest_since_s: float | None, pending: int = 0, ready: bool = True
    ) -> FrameRequest | None:
        """Return the picture to take now, if any.

        Args:
            rest_since_s: when the arm came to rest, None while it moves. pending: pictures not finished yet.
            ready: whether the camera takes pictures at all yet.
        """
        if ready and self.streaming:
            joints = world.joint_state().position
            exposure = self._trigger.due(now_s, rest_since_s, joints, pending)
            return None if exposure is None else self._request(world, exposure)
        self._trigger.reset()
        if ready and self.laser_may_fire and self._rates.firing_hz > 0:
            return self._firing_frame(world, now_s, pending)
        return None

    def _firing_frame(self, world: World, now_s: float, pending: int) -> FrameRequest | None:
        """A late camera loses pictures here: an old one tells nothing of a patient who moves."""
        if now_s < self._firing_at or pending:
            return None
        period = 1.0 / self._rates.firing_hz
        late = now_s - self._firing_at
        self._firing_at = now_s + period - (late if late < period else 0.0)
        key = still_key_of(world.joint_state().position)
        if self._window is None or self._window[0] != key:
            head, camera = world.pose(SCAN_HEAD_FRAME), world.pose(CAMERA_FRAME)
            self._window = (key, field_window(self._intrinsics, camera, head))
            self._firing_count = 0
        exposure = Exposure(now_s, ("firing", *key), self._firing_count)
        self._firing_count += 1
        return self._request(world, exposure, self._window[1])

    @staticmethod
    def _request(world: World, exposure: Exposure, window: Window | None = None) -> FrameRequest:
        pose = world.pose(CAMERA_FRAME)
        return FrameRequest(exposure.stamp_s, pose, exposure.key, exposure.n, window=window)
