"""The fuser in a child process, or in line: frames go in without waiting, the surface comes as a future."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from openmtz.capture.errors import CaptureError
from openmtz.capture.fusion import CaptureResult, CaptureSettings, SurfaceFuser
from openmtz.capture.open3d_core import load_open3d
from openmtz.capture.process import Handler, WorkerProcess


@dataclass(frozen=True)
class CaptureProgress:
    """Counts of the running capture. `ready`: the child has loaded Open3D and waits for frames."""

    ready: bool = False
    submitted: int = 0
    processed: int = 0
    fused: int = 0
    empty: int = 0
    outside: int = 0
    error: str = ""


class Transport(Protocol):
    """Carries messages to the handler and its replies back."""

    @property
    def pid(self) -> int:
        """Process id of whoever handles them."""
        ...

    def send(self, message: Any) -> None:
        """Hand over a message."""
        ...

    def receive(self) -> Iterable[Any]:
        """Return the replies so far."""
        ...

    def wait(self, timeout_s: float) -> Iterable[Any]:
        """Return the replies so far, waiting for the first of them."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class InLine:
    """The handler in this process: whatever is sent is done at once. For simulations on virtual time."""

    pid = 0

    def __init__(self) -> None:
        self._handle = make_handler()
        self._replies: list[Any] = []

    def send(self, message: Any) -> None:
        """Handle a message."""
        self._handle(message, self._replies.append)

    def receive(self) -> list[Any]:
        """Return the replies so far."""
        replies, self._replies = self._replies, []
        return replies

    def wait(self, timeout_s: float) -> list[Any]:
        """Return the replies so far; there is nothing to wait for."""
        return self.receive()

    def close(self) -> None:
        """Nothing is held."""


def in_line_worker() -> CaptureWorker:
    """Return a worker without a process of its own."""
    return CaptureWorker(InLine())


class CaptureWorker:
    """One child process, many captures: `start`, `submit` per frame, then `finish` or `cancel`.

    No method blocks, except `close`. Call `progress()` regularly: it is also what completes the
    future of `finish`, in the caller's thread.
    """

    def __init__(self, process: Transport | None = None) -> None:
        self._process: Transport = process or WorkerProcess(
            "openmtz.capture.worker:make_handler", "capture worker"
        )
        self._run = 0
        self._progress = CaptureProgress()
        self._future: Future[CaptureResult] | None = None
        self._active = False
        self._process.send(("hello", 0, None))

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def start(self, settings: CaptureSettings) -> None:
        """Begin a capture; one that is running is cancelled.

        Raises:
            WorkerDied: the child has ended; make a new worker.
        """
        self.cancel()
        self._run += 1
        self._progress = CaptureProgress(ready=self._progress.ready)
        self._process.send(("start", self._run, settings))
        self._active = True

    def submit(self, depth_m: NDArray[np.floating], world_T_camera: NDArray[np.float64]) -> None:
        """Hand over a depth image `(H, W)` [m] and its pose `(4, 4)`. The arrays are copied.

        Raises:
            CaptureError: no capture is running.
            WorkerDied: the child has ended.
        """
        if not self._active:
            raise CaptureError("a frame was submitted while no capture runs", "call start first")
        frame = np.array(depth_m, np.float32), np.array(world_T_camera, np.float64)
        self._process.send(("frame", self._run, frame))
        self._progress = _with(self._progress, submitted=self._progress.submitted + 1)

    def progress(self) -> CaptureProgress:
        """Return the counts so far and complete the future of `finish` if its answer has come.

        Raises:
            WorkerDied: the child has ended by itself; a future in waiting gets the same error.
        """
        try:
            for message in self._process.receive():
                self._take(message)
        except CaptureError as error:
            self._settle(lambda future, cause=error: future.set_exception(cause))
            raise
        return self._progress

    def finish(self) -> Future[CaptureResult]:
        """Fuse every frame submitted, extract the surface; the future completes in `progress()`.

        Its exception is a `CaptureError` that names cause and fix.

        Raises:
            CaptureError: no capture is running.
        """
        if not self._active:
            raise CaptureError("there is no capture to finish", "call start first")
        self._active = False
        self._future = Future()
        self._process.send(("finish", self._run, None))
        return self._future

    def wait(self, future: Future[CaptureResult], timeout_s: float) -> CaptureResult:
        """Block until the future is done (for scripts and tests).

        Raises:
            CaptureError: as the future, or no answer within `timeout_s`.
        """
        waited = 0.0
        while not future.done() and waited < timeout_s:
            try:
                for message in self._process.wait(0.2):
                    self._take(message)
            except CaptureError as error:
                self._settle(lambda pending, cause=error: pending.set_exception(cause))
            waited += 0.2
        if not future.done():
            raise CaptureError(f"no surface after {timeout_s:g} s", "wait longer or submit fewer frames")
        return future.result()

    def cancel(self) -> None:
        """Discard the running capture and the answer to a `finish` not yet come."""
        if self._active:
            self._process.send(("cancel", self._run, None))
        self._active = False
        self._settle(lambda future: future.cancel())

    def close(self) -> None:
        """End the child process."""
        self._active = False
        self._process.close()
        self._settle(lambda future: future.cancel())

    def _take(self, message: tuple[str, int, Any]) -> None:
        kind, run, content = message
        if kind == "ready":
            self._progress = _with(self._progress, ready=True)
        if run != self._run:
            return
        if kind == "counts":
            self._progress = _with(self._progress, **content)
        elif kind == "result":
            self._settle(lambda future: future.set_result(content))
        elif kind == "error":
            self._progress = _with(self._progress, error=str(content))
            self._settle(lambda future: future.set_exception(content))

    def _settle(self, action: Callable[..., Any]) -> None:
        future, self._future = self._future, None
        if future is not None and not future.done():
            action(future)


def _with(progress: CaptureProgress, **changes: Any) -> CaptureProgress:
    return CaptureProgress(**{**progress.__dict__, **changes})


def make_handler() -> Handler:
    """Return the child's handler of `(kind, run, content)` messages. Loads Open3D at once."""
    load_open3d()
    state: dict[str, Any] = {"fuser": None, "failed": None}

    def counts(fuser: SurfaceFuser) -> dict[str, int]:
        return {
            "processed": fuser.frames_seen,
            "fused": fuser.frames_fused,
            "empty": fuser.frames_empty,
            "outside": fuser.frames_outside,
        }

    def handle(message: tuple[str, int, Any], reply: Callable[[Any], None]) -> None:
        kind, run, content = message
        try:
            if kind == "hello":
                reply(("ready", run, None))
            elif kind == "start":
                state["fuser"], state["failed"] = SurfaceFuser(content), None
            elif kind == "cancel":
                state["fuser"] = None
            elif kind == "frame" and state["fuser"] is not None:
                state["fuser"].integrate(*content)
                reply(("counts", run, counts(state["fuser"])))
            elif kind == "finish" and state["failed"] is not None:
                raise state["failed"]
            elif kind == "finish":
                fuser, state["fuser"] = state["fuser"], None
                reply(("result", run, fuser.result()))
        except CaptureError as error:
            reply(("error", run, error))
        except Exception as error:  # a frame that cannot be fused must not silently go missing
            failure = CaptureError(
                f"the capture worker failed on a {kind}: {type(error).__name__}: {error}",
                "check the frame size, the intrinsics and the pose of the frames",
            )
            state["failed"] = failure
            reply(("error", run, failure))

    return handle
