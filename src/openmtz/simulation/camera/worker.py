"""The camera in a child process: a frame holds the interpreter lock from beginning to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics, CaptureError, WorkerProcess
from openmtz.geometry import TriangleMesh
from openmtz.simulation.camera.camera import CameraNoise, DepthCamera, Window, noise_seed
from openmtz.simulation.camera.faults import CameraFaults, FrameStream
from openmtz.simulation.camera.mesh_scene import MeshScene
from openmtz.simulation.patient import PatientMotion


@dataclass(frozen=True, eq=False)
class FrameRequest:
    """One image to take, exposed at `stamp_s` [s]; `still_key` and `n` choose the noise.

    `time_s`: the instant of exposure in the time of the patient's motion [s], None: `stamp_s`.
    `window`: u0, v0, width, height [px] of the part to render, None: the whole picture.
    """

    stamp_s: float
    world_T_camera: NDArray[np.float64]
    still_key: Any
    n: int
    time_s: float | None = None
    window: Window | None = None


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A finished image: depth `(H, W)` float32 [m], 0 where there is none, of the window asked for.

    `stamp_s` [s] is what the camera says; `request.stamp_s` when it was. They differ by faults alone.
    `render_s`: what it cost [s].
    """

    request: FrameRequest
    depth: NDArray[np.float32]
    render_s: float
    stamp_s: float


class CameraWorker:
    """Renders in the order asked. `submit` and `poll` never block.

    Nothing is dropped here, except by a fault (`lost` counts those): a caller that may drop images
    (arm moving) looks at `pending` first. What is set by `set_faults`, `set_motion` and `set_scene`
    holds for the images asked for afterwards.
    """

    def __init__(
        self,
        meshes: TriangleMesh | Sequence[TriangleMesh],
        intrinsics: CameraIntrinsics | None = None,
        seed: int = 0,
        noise: CameraNoise | None = None,
        motion: PatientMotion | None = None,
    ) -> None:
        self.intrinsics = intrinsics or CameraIntrinsics()
        self.ready = False
        self.pending = 0
        self.lost = 0
        self._process = WorkerProcess("openmtz.simulation.camera.worker:make_handler", "camera worker")
        self._process.send(("camera", (self.intrinsics, seed, noise)))
        self.set_scene(meshes, motion)

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def set_scene(
        self, meshes: TriangleMesh | Sequence[TriangleMesh], motion: PatientMotion | None = None
    ) -> None:
        """Look at other meshes, all of which move by `motion`.

        Raises:
            CaptureError: the child has ended (`WorkerDied`).
        """
        arrays = [(m.vertices, m.faces) for m in ([meshes] if isinstance(meshes, TriangleMesh) else meshes)]
        self._process.send(("scene", (arrays, motion or PatientMotion.none())))

    def set_motion(self, motion: PatientMotion) -> None:
        """Let the meshes move by `motion`.

        Raises:
            CaptureError: the child has ended (`WorkerDied`).
        """
        self._process.send(("motion", motion))

    def set_faults(self, faults: CameraFaults) -> None:
        """Put camera faults in force, in place of those before.

        Raises:
            CaptureError: the child has ended (`WorkerDied`).
        """
        self._process.send(("faults", faults))

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
            elif kind == "lost":
                self.pending -= 1
                self.lost += 1
            else:
                raise CaptureError(
                    f"the simulated camera failed: {content}", "check the request and the patient's mesh"
                )
        return frames


class MovingScene:
    """Meshes as they are at an instant; built anew only where they have moved since."""

    def __init__(self, meshes: Sequence[TriangleMesh], motion: PatientMotion) -> None:
        self._meshes = list(meshes)
        self.motion = motion
        self._shown = [m.vertices for m in self._meshes]
        self._scene = MeshScene(self._meshes)

    def at(self, time_s: float) -> MeshScene:
        """Return the scene at `time_s` [s], in the time of the motion."""
        points = [m.vertices for m in self._meshes]
        if not self.motion.is_still:
            points = [self.motion.displace(p, time_s) for p in points]
        if not all(np.array_equal(p, q) for p, q in zip(points, self._shown, strict=True)):
            moved = [TriangleMesh(p, m.faces) for p, m in zip(points, self._meshes, strict=True)]
            self._scene, self._shown = MeshScene(moved), points
        return self._scene


class CameraServer:
    """The child's side: one camera, one scene, the faults in force."""

    def __init__(self) -> None:
        self._stream = FrameStream()
        self._faults = CameraFaults.none()
        self._camera: DepthCamera | None = None
        self._scene: MovingScene | None = None

    def handle(self, message: tuple[str, Any], reply: Callable[[Any], None]) -> None:
        """Do what a `(kind, content)` message asks; failures are answers too."""
        kind, content = message
        try:
            if kind == "camera":
                self._camera = DepthCamera(*content)
            elif kind == "scene":
                arrays, motion = content
                self._scene = MovingScene([TriangleMesh(v, f) for v, f in arrays], motion)
                if self._camera is not None:  # its code is compiled, or loaded, before anybody waits
                    self._camera.render(np.eye(4), self._scene.at(0.0), "ready", 0, window=(0, 0, 1, 1))
                reply(("ready", None))
            elif kind == "motion" and self._scene is not None:
                self._scene.motion = content
            elif kind == "faults":
                self._faults = content
            else:
                reply(self._frame(content))
        except Exception as error:
            reply(("error", f"{type(error).__name__}: {error}"))

    def _frame(self, request: FrameRequest) -> tuple[str, CameraFrame | None]:
        if self._camera is None or self._scene is None:
            raise RuntimeError("an image was asked for before there was a scene")
        began = perf_counter()
        faults = self._faults
        entropy = noise_seed(self._camera.seed, request.still_key, request.n)
        if self._stream.is_lost(faults, entropy):
            return "lost", None
        time_s = request.stamp_s if request.time_s is None else request.time_s
        depth = self._camera.render(
            request.world_T_camera,
            self._scene.at(time_s),
            request.still_key,
            request.n,
            faults,
            request.window,
        )
        depth = self._stream.held(faults, depth)
        stamp = self._stream.stamp(faults, request.stamp_s, entropy)
        return "frame", CameraFrame(request, depth, perf_counter() - began, stamp)


def make_handler() -> Callable[[Any, Callable[[Any], None]], None]:
    """Return the child's handler of `(kind, content)` messages."""
    return CameraServer().handle
