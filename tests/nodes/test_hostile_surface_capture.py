"""Surface capture with frames that contradict themselves, and with a worker that fails or dies."""

from __future__ import annotations

from typing import Any

import pytest
from asking import send_goal
from fakes import FakeWorker

pytestmark = pytest.mark.ros


def test_surface_capture_refuses_frames_and_goes_on(bench: Any, worker: type[FakeWorker]) -> None:
    import hostile
    from openmtz_interfaces.action import CaptureSurface
    from sensor_msgs.msg import CameraInfo

    from openmtz.nodes import surface_capture, topics

    node = bench.add(surface_capture.create)
    k = [4.0, 0.0, 2.0, 0.0, 4.0, 2.0, 0.0, 0.0, 1.0]
    for image in hostile.images():
        handle = send_goal(bench, CaptureSurface, "capture_surface", radius_m=0.05)
        result = handle.get_result_async()
        bench.publish(topics.CAMERA_INFO, CameraInfo(width=4, height=4, k=k))
        bench.wait(lambda: worker.made[-1].active, "the capture to begin")
        bench.publish(topics.JOINT_STATES, *hostile.joint_states()[:2])
        bench.publish(topics.DEPTH, image)
        bench.wait(result.done, "the refusal")
        answer = result.result().result
        assert not answer.success and "depth frame" in answer.reason
        assert node.capturing.gate is None and not worker.made[-1].active
    bench.publish(topics.CAMERA_INFO, CameraInfo(width=0, height=0, k=[float("nan")] * 9))


def test_surface_capture_tells_what_its_worker_says_and_replaces_a_dead_one(
    bench: Any, worker: type[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    from openmtz_interfaces.action import CaptureSurface
    from sensor_msgs.msg import CameraInfo

    from openmtz.nodes import surface_capture, topics

    monkeypatch.setattr("openmtz.stack.capturing.RENEW_EVERY_S", 0.0)
    bench.add(surface_capture.create, idle_timeout_s=1.0)
    k = [4.0, 0.0, 2.0, 0.0, 4.0, 2.0, 0.0, 0.0, 1.0]

    def capture() -> Any:
        handle = send_goal(bench, CaptureSurface, "capture_surface", radius_m=0.05)
        bench.publish(topics.CAMERA_INFO, CameraInfo(width=4, height=4, k=k))
        bench.wait(lambda: worker.made[-1].active, "the capture to begin")
        return handle.get_result_async()

    result = capture()
    worker.made[-1].error = "frames of another size"
    bench.wait(result.done, "the worker's own words")
    assert "another size" in result.result().result.reason
    worker.made[-1].error = ""

    result = capture()
    worker.made[-1].dead = True
    bench.wait(result.done, "the worker's death")
    assert "ended by itself" in result.result().result.reason
    assert len(worker.made) == 2, "the next capture has a worker that lives"

    result = capture()  # and nobody ever finishes it
    bench.wait(result.done, "the end of a capture that nobody feeds", 5.0)
    assert "nothing was fused" in result.result().result.reason
