"""The camera in a child process: Embree holds the interpreter lock for a whole frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics, CaptureError, WorkerProcess
from openmtz.geometry import TriangleMesh
from openmtz.simulation.camera import CameraNoise, DepthCamera, RayScene


@dataclass(frozen=True, eq=False)
class FrameRequest:
    """One image to take: `stamp_s` comes back with it; `still_key` and `n` choose the noise."""

    stamp_s: float
    world_T_camera: NDArray[np.float64]
    still_key: Any
    n: int


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A finished image: depth `(H, W)` float32 [m], 0 where there is none."""

    request: FrameRequest
    depth: NDArray[np.float32]
    render_s: float


class CameraWorker:
    """Renders in the order asked. `submit` and `poll` never block.

    Nothing is dropped here: a caller that may drop images (arm moving) looks at `pending` first.
    """

    def __init__(
        self,
        meshes: TriangleMesh | Sequence[TriangleMesh],
        intrinsics: CameraIntrinsics | None = None,
        seed: int = 0,
        noise: CameraNoise | None = None,
    ) -> None:
        arrays = [(m.vertices, m.faces) for m in ([meshes] if isinstance(meshes, TriangleMesh) else meshes)]
        self.intrinsics = intrinsics or CameraIntrinsics()
        self.ready = False
        self.pending = 0
        self._process = WorkerProcess("openmtz.simulation.camera_worker:make_handler", "camera worker")
        self._process.send(("scene", (arrays, self.intrinsics, seed, noise)))

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def submit(self, request: FrameRequest) -> None:
        """Ask for an image.

        Raises:
            CaptureError: the child has ended (`WorkerDied`).
        """
        self._process.send(("frame", request))
        self.pending += 1

    def poll(self) -> list[CameraFrame]:
        """Return the images finished since the last call, in the order asked.

        Raises:
            CaptureError: the child has ended, or could not build the scene or render.
        """
        return self._sort(self._process.receive())

    def wait(self, timeout_s: float) -> list[CameraFrame]:
        """As `poll`, after waiting for a message for at most `timeout_s` [s]."""
        return self._sort(self._process.wait(timeout_s))

    def close(self) -> None:
        """End the child process."""
        self._process.close()

    def _sort(self, messages: list[tuple[str, Any]]) -> list[CameraFrame]:
        frames = []
        for kind, content in messages:
            if kind == "ready":
                self.ready = True
            elif kind == "frame":
                self.pending -= 1
                frames.append(content)
            else:
                raise CaptureError(f"the simulated camera failed: {content}", "check the patient's mesh")
        return frames


def make_handler() -> Callable[[Any, Callable[[Any], None]], None]:
    """Return the child's handler of `(kind, content)` messages."""
    from time import perf_counter

    state: dict[str, Any] = {}

    def handle(message: tuple[str, Any], reply: Callable[[Any], None]) -> None:
        kind, content = message
        try:
            if kind == "scene":
                arrays, intrinsics, seed, noise = content
                state["scene"] = RayScene([TriangleMesh(v, f) for v, f in arrays])
                state["camera"] = DepthCamera(intrinsics, seed, noise)
                reply(("ready", None))
                return
            began = perf_counter()
            depth = state["camera"].render(
                content.world_T_camera, state["scene"], content.still_key, content.n
            )
            reply(("frame", CameraFrame(content, depth, perf_counter() - began)))
        except Exception as error:
            reply(("error", f"{type(error).__name__}: {error}"))

    return handle
