"""The worker gives the same surface as the fuser here, never blocks, and dies with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from openmtz.capture import CaptureError, CaptureWorker, SurfaceFuser, WorkerDied


@pytest.fixture(scope="module")
def worker() -> Iterator[CaptureWorker]:
    made = CaptureWorker()
    yield made
    made.close()
    assert not psutil.pid_exists(made.pid)


def until(condition, timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.01)


@pytest.mark.alone
def test_same_surface_in_another_process_without_blocking(worker: CaptureWorker, scan) -> None:
    here = SurfaceFuser(scan.settings)
    for depth, pose in scan.frames[:10]:
        here.integrate(depth, pose)
    expected = here.result()
    longest = 0.0
    worker.start(scan.settings)
    for depth, pose in scan.frames[:10]:
        began = time.perf_counter()
        worker.submit(depth, pose)
        longest = max(longest, time.perf_counter() - began)
    future = worker.finish()
    got = worker.wait(future, 60.0)
    assert got.surface.surface_id == expected.surface.surface_id
    assert np.array_equal(got.surface.quality, expected.surface.quality)
    progress = worker.progress()
    assert (progress.submitted, progress.processed, progress.fused) == (10, 10, 10)
    assert longest < 0.1


def test_the_future_completes_by_progress_alone(worker: CaptureWorker, scan) -> None:
    worker.start(scan.settings)
    for depth, pose in scan.frames[:3]:
        worker.submit(depth, pose)
    future = worker.finish()
    until(lambda: worker.progress() and future.done())
    assert future.result().frames_fused == 3


def test_cancel_discards_and_the_next_capture_starts_clean(worker: CaptureWorker, scan) -> None:
    worker.start(scan.settings)
    worker.submit(*scan.frames[0])
    cancelled = worker.finish()
    worker.cancel()
    assert cancelled.cancelled()
    with pytest.raises(CaptureError, match="no capture runs"):
        worker.submit(*scan.frames[0])
    worker.start(scan.settings)
    for depth, pose in scan.frames[5:9]:
        worker.submit(depth, pose)
    assert worker.wait(worker.finish(), 30.0).frames_fused == 4
    with pytest.raises(CaptureError, match="no capture to finish"):
        worker.finish()


def test_errors_of_the_child_arrive_with_cause_and_fix(worker: CaptureWorker, scan) -> None:
    depth, pose = scan.frames[0]
    worker.start(scan.settings)
    worker.submit(np.zeros_like(depth), pose)
    with pytest.raises(CaptureError, match="are empty") as caught:
        worker.wait(worker.finish(), 30.0)
    assert caught.value.cause and caught.value.fix

    worker.start(scan.settings)
    for _ in range(4):
        worker.submit(depth, pose)
    worker.submit(np.ones((3, 3)), pose)
    with pytest.raises(CaptureError, match="failed on a frame"):
        worker.wait(worker.finish(), 30.0)
    assert "failed on a frame" in worker.progress().error


def test_a_worker_that_is_killed_is_reported() -> None:
    worker = CaptureWorker()
    os.kill(worker.pid, signal.SIGKILL)

    def reported() -> bool:
        try:
            worker.progress()
        except WorkerDied:
            return True
        return False

    until(reported)
    worker.close()


def test_a_worker_dies_with_a_parent_that_is_killed_and_loads_no_ros() -> None:
    """The parent is lean, the child has Open3D; kill -9 of the parent ends the child."""
    code = (
        "import sys, time\n"
        "from openmtz.capture import CaptureWorker\n"
        "w = CaptureWorker()\n"
        "while not w.progress().ready: time.sleep(0.01)\n"
        "lean = not {'open3d', 'rclpy'} & set(sys.modules)\n"
        "print(w.pid, int(lean), flush=True)\n"
        "time.sleep(600)\n"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert parent.stdout is not None
        pid, lean = (int(word) for word in parent.stdout.readline().split())
        assert lean == 1
        child = psutil.Process(pid)
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "open3d" in maps and "rclpy" not in maps
    finally:
        parent.kill()
        parent.wait()
    gone, _ = psutil.wait_procs([child], timeout=10.0)
    assert gone
