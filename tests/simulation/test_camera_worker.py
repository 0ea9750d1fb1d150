"""The camera in its own process gives the very images of the camera here, in order."""

from __future__ import annotations

import time

import numpy as np
import pytest

from openmtz.capture import CameraIntrinsics, CaptureError, scan_views
from openmtz.simulation.camera.camera import DepthCamera
from openmtz.simulation.camera.mesh_scene import MeshScene
from openmtz.simulation.camera.worker import CameraFrame, CameraWorker, FrameRequest
from openmtz.simulation.patient.phantoms import make_phantom

SMALL = CameraIntrinsics(160, 120, 200.0, 200.0, 79.5, 59.5)


@pytest.mark.alone
def test_same_images_in_order_without_blocking() -> None:
    patient = make_phantom("cheek", "striae", 2)
    worker = CameraWorker(patient.mesh, SMALL, seed=5)
    try:
        requests = [
            FrameRequest(0.1 * k, view, (k,), n)
            for k, view in enumerate(scan_views(patient.target_m, patient.approach, count=2))
            for n in range(3)
        ]
        began = time.perf_counter()
        for request in requests:
            worker.submit(request)
        assert time.perf_counter() - began < 0.5 and worker.pending == 6
        frames: list[CameraFrame] = []
        end = time.monotonic() + 60.0
        while len(frames) < 6 and time.monotonic() < end:
            frames += worker.wait(0.5)
        assert worker.ready and worker.pending == 0 and worker.poll() == []
        camera, scene = DepthCamera(SMALL, seed=5), MeshScene(patient.mesh)
        for request, frame in zip(requests, frames, strict=True):
            assert frame.request.stamp_s == request.stamp_s and frame.render_s > 0
            here = camera.render(request.world_T_camera, scene, request.still_key, request.n)
            assert np.array_equal(frame.depth, here)
        worker.submit(FrameRequest(1.0, np.zeros((2, 2)), 0, 0))
        with pytest.raises(CaptureError, match="camera failed"):
            while time.monotonic() < end:
                worker.wait(0.5)
    finally:
        worker.close()
    with pytest.raises(CaptureError, match="closed"):
        worker.submit(requests[0])
