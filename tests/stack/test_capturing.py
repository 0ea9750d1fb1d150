"""The capture's work loop: it waits, drains, counts, gives up and renews, each bounded and named."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from openmtz.capture import CameraIntrinsics, CaptureError, CaptureProgress, WorkerDied
from openmtz.stack import (
    Captured,
    CaptureFailed,
    CaptureFeedback,
    CaptureOrder,
    Capturing,
    CapturingConfig,
    WorkerRenewed,
)

ORDER = CaptureOrder((0.5, 0.0, 0.05), frames_per_rest=2)
INTRINSICS = CameraIntrinsics()


class NotedFuser:
    """Fuses nothing; every frame counts at once."""

    def __init__(self) -> None:
        self.ready, self.dead, self.error = True, False, ""
        self.fused = 0
        self.settings: Any = None
        self.cancelled = self.closed = False
        self.future: Future[Any] = Future()

    def progress(self) -> CaptureProgress:
        if self.dead:
            raise WorkerDied("the capture worker ended by itself", "start again")
        return CaptureProgress(ready=self.ready, fused=self.fused, error=self.error)

    def start(self, settings: Any) -> None:
        self.settings = settings

    def submit(self, _depth: Any, _pose: Any) -> None:
        self.fused += 1

    def finish(self) -> Future[Any]:
        return self.future

    def cancel(self) -> None:
        if self.dead:
            raise CaptureError("dead", "")
        self.cancelled = True

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self, **config: float) -> None:
        self.made: list[NotedFuser] = []
        self.streaming = False
        self.capturing = Capturing(self._make, self, lambda _q: np.eye(4), CapturingConfig(**config))  # type: ignore[arg-type]

    def _make(self) -> NotedFuser:
        self.made.append(NotedFuser())
        return self.made[-1]

    def stream(self, on: bool) -> None:
        self.streaming = on

    @property
    def fuser(self) -> NotedFuser:
        return self.made[-1]

    def begin(self, now: float = 0.0) -> None:
        self.capturing.start(ORDER, now)
        assert self.capturing.work(now) == [] and self.streaming
        self.capturing.hear_intrinsics(INTRINSICS)
        self.capturing.work(now)
        assert self.fuser.settings is not None

    def rest(self, t: float, q: float) -> None:
        for k in range(20):
            self.capturing.hear_joints(t + 0.01 * k, np.full(6, q))

    def failure(self, now: float) -> str:
        (end,) = (o for o in self.capturing.work(now) if isinstance(o, CaptureFailed))
        assert self.capturing.gate is None and not self.streaming, "nothing goes on behind it"
        return end.reason


def test_frames_of_rests_are_fused_and_the_end_waits_for_their_joints() -> None:
    rig = Rig()
    rig.begin()
    rig.rest(0.0, 0.0)
    rig.rest(1.0, 0.1)
    for stamp in (1.10, 1.12, 1.14, 1.50):
        rig.capturing.hear_frame(stamp, np.zeros((2, 2), np.float32))
    (told,) = rig.capturing.work(1.2)
    assert isinstance(told, CaptureFeedback) and told.frames_received == 4
    assert rig.fuser.fused == 2, "two of a rest, the third is surplus, the last waits for its joints"
    assert rig.capturing.finish(1.6) == "" and not rig.streaming and not rig.capturing.takes_frames
    assert rig.capturing.finish(1.6) == "no capture is running"
    assert rig.capturing.work(1.7) and not rig.fuser.future.done()
    rig.capturing.work(3.7)  # the joints of the last frame never came
    result = type("R", (), {"frames_fused": 2, "depth_noise_m": 1e-4, "surface": None})()
    result.surface = type("S", (), {"area_cm2": 3.0, "surface_id": "s"})()
    rig.fuser.future.set_result(result)
    (end,) = rig.capturing.work(3.8)
    assert isinstance(end, Captured) and end.quality.frames_received == 4 and end.quality.frames_fused == 2
    assert len(end.quality.rejections) == 2 and end.quality.duration_s == pytest.approx(0.4)
    assert rig.capturing.gate is None


def test_a_camera_or_a_worker_that_never_comes_is_named() -> None:
    rig = Rig(ready_timeout_s=2.0)
    rig.capturing.start(ORDER, 0.0)
    rig.capturing.work(0.0)
    assert "camera_info within 2 s" in rig.failure(2.1)
    rig.fuser.ready = False
    rig.capturing.start(ORDER, 3.0)
    rig.capturing.work(3.0)
    assert not rig.streaming and "the capture worker within 2 s" in rig.failure(5.1)


def test_a_capture_nobody_feeds_ends() -> None:
    rig = Rig(idle_timeout_s=1.0)
    rig.begin()
    assert "nothing was fused for 1 s" in rig.failure(1.1)


def test_a_worker_that_fails_or_dies_is_told_and_a_dead_one_replaced_but_not_over_and_over() -> None:
    rig = Rig()
    rig.begin()
    rig.fuser.error = "frames of another size"
    assert "another size" in rig.failure(0.1)
    rig.fuser.error = ""
    rig.begin(1.0)
    rig.fuser.dead = True
    told = rig.capturing.work(1.1)
    assert [type(o) for o in told] == [CaptureFailed, WorkerRenewed] and rig.made[0].closed
    assert len(rig.made) == 2
    rig.fuser.dead = True
    assert rig.capturing.work(1.2) == [] and len(rig.made) == 2, "not again within five seconds"
    assert [type(o) for o in rig.capturing.work(6.2)] == [WorkerRenewed] and len(rig.made) == 3


def test_settings_that_cannot_be_end_it_before_it_begins() -> None:
    rig = Rig()
    rig.capturing.start(ORDER._replace(radius_m=-1.0), 0.0)
    rig.capturing.work(0.0)
    rig.capturing.hear_intrinsics(INTRINSICS)
    assert "radius" in rig.failure(0.0) and rig.fuser.settings is None


def test_a_cancelled_capture_says_so_once() -> None:
    rig = Rig()
    rig.capturing.fail("cancelled")
    assert rig.capturing.work(0.0) == [], "nothing ran"
    rig.begin()
    rig.capturing.fail("cancelled")
    assert rig.failure(0.1) == "cancelled" and rig.fuser.cancelled
    assert rig.capturing.work(0.2) == []
