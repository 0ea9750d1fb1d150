"""What the simulated cell shows: depth while it fires, and the picture a person watches."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated_cell import PATIENT, Cell, seconds

pytestmark = pytest.mark.ros


def test_depth_while_firing_is_a_window_ten_times_a_second(bench: Any, tmp_path: Path) -> None:
    """Nobody asked for frames, the laser holds the token: skin beside the field, and where in the image."""
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import CameraInfo, Image
    from std_srvs.srv import SetBool

    from openmtz.nodes import topics

    cell = Cell(bench, tmp_path)
    images: list[Image] = []
    infos: list[CameraInfo] = []
    topics.DEPTH.subscription(bench.client, images.append)
    topics.CAMERA_INFO.subscription(bench.client, infos.append)
    bench.wait(cell.node.is_ready, "the camera", 60.0)
    bench.spin(0.3)
    assert not images, "nobody asked"
    bench.publish(topics.SAFETY_STATE, SafetyState(token=SafetyState.TOKEN_EMISSION))
    bench.wait(lambda: len(images) >= 8, "pictures", 20.0)
    stamps = [seconds(m.header.stamp) for m in images]
    assert stamps[-1] - stamps[0] > 0.1 * (len(stamps) - 2), "ten a second at most"
    window = images[-1]
    roi = infos[-1].roi
    assert (window.width, window.height) == (roi.width, roi.height)
    assert window.width * window.height < 0.3 * infos[-1].width * infos[-1].height
    assert roi.x_offset + roi.width <= infos[-1].width and roi.y_offset + roi.height <= infos[-1].height
    depth = np.frombuffer(window.data, np.float32)
    assert len(depth) == window.width * window.height and (depth > 0).mean() > 0.3
    # somebody asks for frames: whole ones, whoever holds the token
    client = bench.client.create_client(SetBool, "camera/set_streaming")
    bench.wait(client.service_is_ready, "set_streaming")
    future = client.call_async(SetBool.Request(data=True))
    bench.wait(future.done, "set_streaming")
    bench.wait(lambda: infos[-1].roi.width == 0, "a whole frame's camera_info", 20.0)
    bench.wait(lambda: images[-1].width == infos[-1].width, "a whole frame", 20.0)
    cell.head.socket.close()


def test_what_is_fired_is_seen(bench: Any, tmp_path: Path) -> None:
    """Shots at the wires become spots in the view, a few pictures a second however many batches there are."""
    import time

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cell = Cell(bench, tmp_path, viewer_port=port)
    shown: list[Any] = []
    real = cell.node._view.viewer.show
    cell.node._view.viewer.show = lambda snapshot: (shown.append(snapshot), real(snapshot))
    began = time.monotonic()
    for k in range(20):
        shot = [[k, 100.0 * k, 0.0, 20.0, time.monotonic()]]
        cell.head.socket.sendall((json.dumps({"shots": shot, "plan": "00"}) + "\n").encode())
        bench.spin(0.03)
    bench.spin(0.2)
    assert len(shown) <= 15 * (time.monotonic() - began) + 2
    spots = np.concatenate([s.new_spots_m for s in shown])
    assert len(spots) == 20 and np.linalg.norm(spots - [0.5, 0.0, 0.05], axis=1).max() < 0.05
    cell.head.socket.close()


def test_a_port_that_is_taken_is_named(bench: Any) -> None:
    from openmtz.nodes import simulation
    from openmtz.nodes.errors import NodeError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NodeError, match=f"viewer_port {port}.*choose another"):
            bench.add(simulation.create, patient_json=PATIENT, viewer_port=port)
