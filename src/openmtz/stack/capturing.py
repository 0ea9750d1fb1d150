"""The work loop of the capture's process: depth frames and joints in, a skin surface out.

Every frame received is fused or counted as rejected with its cause. Free of ROS, threads and clocks; what
fuses (a worker process, or the same code in line) and the camera's switch are ports.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import (
    CameraIntrinsics,
    CaptureError,
    CaptureProgress,
    CaptureResult,
    CaptureSettings,
    FrameGate,
    StillFrame,
    WorkerDied,
)
from openmtz.stack.ports import Camera, CaptureOrder, Fuser

Array = NDArray[np.float64]

DRAIN_LIMIT_S = 2.0
"""How long the end waits for joint states of frames already received [s]."""
RENEW_EVERY_S = 5.0
"""Least time between two workers [s]."""
FEEDBACK_PERIOD_S = 0.1


@dataclass(frozen=True)
class CapturingConfig:
    """Defaults of a capture; the parameters of node `surface_capture` explain them."""

    voxel_m: float = 0.001
    radius_m: float = 0.045
    frames_per_rest: int = 5
    min_frames: int = 3
    settle_s: float = 0.05
    rest_tolerance_rad: float = 0.0
    ready_timeout_s: float = 20.0
    idle_timeout_s: float = 120.0


class CaptureFeedback(NamedTuple):
    """How a capture goes: `step` is `receiving` or `draining`."""

    frames_received: int
    frames_fused: int
    step: str


class CaptureQuality(NamedTuple):
    """What a surface was made of; `rejections` in words, `duration_s` from the first frame to the last."""

    frames_received: int
    frames_fused: int
    rejections: tuple[str, ...]
    area_cm2: float
    depth_noise_m: float
    duration_s: float


class Captured(NamedTuple):
    """A capture ended well."""

    result: CaptureResult
    quality: CaptureQuality


class CaptureFailed(NamedTuple):
    """A capture ended without a surface."""

    reason: str


class WorkerRenewed(NamedTuple):
    """The worker had died; the next capture gets a new one."""

    reason: str


Outcome = CaptureFeedback | Captured | CaptureFailed | WorkerRenewed


class Capturing:
    """One capture at a time.

    Args:
        make_fuser: makes what fuses; asked again where it died.
        pose_of: world pose `(4, 4)` of the camera for joints `(6,)` [rad].
    """

    def __init__(
        self,
        make_fuser: Callable[[], Fuser],
        camera: Camera,
        pose_of: Callable[[Array], Array],
        config: CapturingConfig | None = None,
    ) -> None:
        self.config = config or CapturingConfig()
        self._make_fuser, self._camera, self._pose_of = make_fuser, camera, pose_of
        self._fuser = make_fuser()
        self._renewed_at = -np.inf
        self._intrinsics: CameraIntrinsics | None = None
        self._streaming = False
        self._waiting: tuple[CaptureOrder, float] | None = None
        self._finish_at: float | None = None
        self._result: Future[CaptureResult] | None = None
        self._stamps: list[float] = []
        self._feedback_at = -np.inf
        self._fused, self._moved_at = 0, 0.0
        self._out: list[Outcome] = []
        self.gate: FrameGate | None = None
        """Judges the frames of the capture under way, None without one."""
        self.ready = False
        """Whether the fuser waits for frames: a worker process has loaded Open3D, which takes seconds."""

    # ---- what it hears --------------------------------------------------------------------------

    def hear_joints(self, stamp_s: float, joints: Array) -> None:
        """Take measured joints `(6,)` [rad] with the instant they are of."""
        if self.gate is not None:
            self.gate.add_joints(stamp_s, joints)

    def hear_intrinsics(self, intrinsics: CameraIntrinsics) -> None:
        """Take what the camera says of itself."""
        self._intrinsics = intrinsics

    @property
    def takes_frames(self) -> bool:
        """Whether a frame that comes now is of use."""
        return self.gate is not None and self._finish_at is None

    def hear_frame(self, stamp_s: float, depth_m: NDArray[np.floating]) -> None:
        """Take a depth image `(H, W)` [m]; it waits for the joints of its instant."""
        if self.gate is not None and self._finish_at is None:
            self._stamps.append(stamp_s)
            self.gate.add_frame(stamp_s, depth_m)

    # ---- what is asked of it --------------------------------------------------------------------

    def start(self, order: CaptureOrder, now: float) -> None:
        """Begin: joints are noted from now on, frames once worker and camera are there."""
        self._intrinsics = None
        self._streaming = False
        self._stamps = []
        self.gate = FrameGate(
            per_standstill=order.frames_per_rest or self.config.frames_per_rest,
            settle_s=self.config.settle_s,
            tolerance_rad=self.config.rest_tolerance_rad,
        )
        self._waiting = (order, now + self.config.ready_timeout_s)

    def finish(self, now: float) -> str:
        """Let the capture end with the frames it has; returns why that cannot be, or nothing."""
        if not self.takes_frames:
            return "no capture is running"
        self._finish_at = now + DRAIN_LIMIT_S
        self._stream(False)
        return ""

    def fail(self, reason: str) -> None:
        """End the capture without a surface: it was cancelled, or what comes from the camera is of no use."""
        if self.gate is not None:
            self._out.append(CaptureFailed(reason))
        self._reset()

    def close(self) -> None:
        """Give up the worker."""
        self._fuser.close()

    # ---- the work loop --------------------------------------------------------------------------

    def work(self, now: float) -> list[Outcome]:
        """Let the capture go on; return what there is to tell."""
        try:
            self._step(now)
        except WorkerDied as error:
            self.fail(str(error))
            self._renew(str(error), now)
        except CaptureError as error:
            self.fail(str(error))
        out, self._out = self._out, []
        return out

    def _step(self, now: float) -> None:
        progress: CaptureProgress = self._fuser.progress()
        self.ready = progress.ready
        if self._waiting is not None:
            self._await_start(*self._waiting, progress, now)
        elif self._result is not None:
            if self._result.done():
                self._conclude(self._result.result())
        elif self.gate is not None:
            self._go_on(self.gate, progress, now)

    def _await_start(
        self, order: CaptureOrder, deadline: float, progress: CaptureProgress, now: float
    ) -> None:
        if progress.ready and not self._streaming:
            self._stream(True)
        if progress.ready and self._intrinsics is not None:
            self._waiting = None
            self._begin(order, self._intrinsics, now)
        elif now > deadline:
            missing = "camera_info" if progress.ready else "the capture worker"
            self.fail(
                f"nothing from {missing} within {self.config.ready_timeout_s:.0f} s: is the camera running?"
            )

    def _begin(self, order: CaptureOrder, intrinsics: CameraIntrinsics, now: float) -> None:
        try:
            settings = CaptureSettings(
                center=order.center_m,
                radius_m=order.radius_m or self.config.radius_m,
                intrinsics=intrinsics,
                voxel_m=order.voxel_m or self.config.voxel_m,
                min_frames=order.min_frames or self.config.min_frames,
            )
            self._fuser.start(settings)
        except (ValueError, CaptureError) as error:
            self.fail(str(error))
        self._fused, self._moved_at = 0, now

    def _go_on(self, gate: FrameGate, progress: CaptureProgress, now: float) -> None:
        if progress.error:
            self.fail(progress.error)
            return
        if progress.fused != self._fused:
            self._fused, self._moved_at = progress.fused, now
        elif now - self._moved_at > self.config.idle_timeout_s:
            self.fail(f"nothing was fused for {self.config.idle_timeout_s:.0f} s")
            return
        draining = self._finish_at is not None
        final = draining and (gate.waiting == 0 or now > (self._finish_at or 0.0))
        self._submit(gate.drain(final=final))
        if final:
            self._result = self._fuser.finish()
        if now >= self._feedback_at:
            self._feedback_at = now + FEEDBACK_PERIOD_S
            step = "draining" if draining else "receiving"
            self._out.append(CaptureFeedback(gate.received, progress.fused, step))

    def _submit(self, frames: list[StillFrame]) -> None:
        for frame in frames:
            self._fuser.submit(frame.payload, self._pose_of(frame.joints))

    def _conclude(self, result: CaptureResult) -> None:
        gate = self.gate
        assert gate is not None
        quality = CaptureQuality(
            gate.received,
            result.frames_fused,
            tuple(gate.rejection_texts()),
            float(result.surface.area_cm2),
            float(result.depth_noise_m),
            float(self._stamps[-1] - self._stamps[0]) if self._stamps else 0.0,
        )
        self._out.append(Captured(result, quality))
        self._reset()

    def _stream(self, on: bool) -> None:
        self._streaming = on
        self._camera.stream(on)

    def _renew(self, reason: str, now: float) -> None:
        """The next capture needs a worker that lives; one that dies at once is not made over and over."""
        if now - self._renewed_at < RENEW_EVERY_S:
            return
        self._renewed_at = now
        self._out.append(WorkerRenewed(reason))
        self._fuser.close()
        self._fuser = self._make_fuser()

    def _reset(self) -> None:
        self._stream(False)
        with contextlib.suppress(CaptureError):  # a worker that is dead has nothing to cancel
            self._fuser.cancel()
        self.gate = None
        self._finish_at = None
        self._result = None
        self._waiting = None
