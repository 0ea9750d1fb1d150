"""What `bench/graph.py` reads out of a record: real-time factor, and the times between frames at rest."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def bench(root) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_graph", root / "bench" / "graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_real_time_factor_of_all_and_of_the_worst_span(bench: ModuleType) -> None:
    wall = np.arange(0.0, 30.0, 0.01)
    slow = (wall > 10.0) & (wall < 16.0)
    clock = np.cumsum(np.where(slow, 0.005, 0.01))
    whole, worst = bench.real_time_factor(wall, clock)
    assert whole == pytest.approx(27.0 / 30.0, abs=0.005) and worst == pytest.approx(0.5, abs=0.01)
    assert bench.real_time_factor(wall[:100], clock[:100]) == (pytest.approx(1.0), pytest.approx(1.0))


def test_only_frames_of_one_rest_are_compared(bench: ModuleType) -> None:
    joints_s = np.arange(0.0, 3.0, 0.01)
    moving = (joints_s > 1.0) & (joints_s < 1.5)
    joints = np.column_stack([np.cumsum(moving) * 0.01, np.zeros(len(joints_s))])
    stamps = [0.2, 0.3, 0.45, 1.1, 1.3, 1.7, 1.8]
    assert bench.periods_at_rest(stamps[::-1], joints_s, joints) == pytest.approx([0.1, 0.15, 0.1])
    assert len(bench.periods_at_rest([], joints_s, joints)) == 0


def test_a_process_is_named_by_what_it_runs(bench: ModuleType, tmp_path) -> None:
    def seen(*words: str) -> str:
        (tmp_path / "cmdline").write_bytes("\0".join(words).encode())
        (tmp_path / "stat").write_text("7 (a (b) c) S " + " ".join(str(k) for k in range(3, 40)))
        name, seconds = bench.name_and_cpu_s(tmp_path)
        assert seconds > 0
        return name

    assert seen("python", "-m", "openmtz.nodes", "--parameters", "/x/world.params.json") == "world"
    worker = ("python", "-m", "openmtz.capture.process", "openmtz.simulation.camera.worker:make_handler", "5")
    assert seen(*worker) == "camera_worker"
    assert (
        seen("python", "-m", "openmtz.simulation.scan_head_device") == "openmtz.simulation.scan_head_device"
    )
    assert bench.name_and_cpu_s(tmp_path / "gone") == ("", 0.0)
