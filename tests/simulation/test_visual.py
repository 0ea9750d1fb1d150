"""What is shown is what is there: shapes, spots, beam; in a browser, in pictures and in films."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from openmtz.geometry import TriangleMesh
from openmtz.robot import HOME, ArmKinematics
from openmtz.simulation.visual import (
    CellPainter,
    CellShapes,
    Look,
    Snapshot,
    Viewer,
    ViewerError,
    film,
    snapshots_of_record,
)
from openmtz.simulation.visual.picture import BEAM_RGB, SPOT_RGB

SIZE = (160, 120)


@pytest.fixture(scope="module")
def skin() -> TriangleMesh:
    from openmtz.simulation.patient.phantoms import make_phantom

    return make_phantom("forearm", "none", 0).mesh


@pytest.fixture(scope="module")
def spots(skin: TriangleMesh) -> Any:
    near = np.linalg.norm(skin.vertices - [0.5, 0.0, 0.05], axis=1) < 0.01
    return skin.vertices[near]


def count(image: Image.Image, color: tuple[int, int, int]) -> int:
    away = np.abs(np.asarray(image.convert("RGB"), int) - color).sum(axis=2)
    return int((away < 60).sum())


def test_shapes_are_where_the_kinematics_says() -> None:
    cell, arm = CellShapes(), ArmKinematics()
    rng = np.random.default_rng(1)
    names = [s.name for s in cell.moving]
    head = names.index(next(n for n in names if n.startswith("head_body")))
    for _ in range(20):
        q = rng.uniform(-2.0, 2.0, 6)
        body = arm.forward(q, "head_body")
        assert cell.poses(q)[head] == pytest.approx(body @ _up(0.05), abs=1e-9)
        assert cell.window(q) == pytest.approx((arm.forward(q, "scan_head") @ _up(0.02))[:3, 3], abs=1e-9)
    sizes = {s.name: np.ptp(s.mesh.vertices, axis=0) for s in cell.fixed}
    assert sizes["bed"] == pytest.approx([0.70, 1.90, 0.10])


def _up(z: float) -> Any:
    pose = np.eye(4)
    pose[2, 3] = z
    return pose


def test_spots_and_beam_are_drawn_where_they_are_seen(skin: TriangleMesh, spots: Any) -> None:
    painter = CellPainter(skin, Look((0.55, -0.10, 0.20), (0.5, 0.0, 0.05), 30.0), SIZE, label=False)
    bare = painter.paint(Snapshot(0.0, HOME), np.zeros((0, 3)))
    assert count(bare, SPOT_RGB) == 0 == count(bare, BEAM_RGB)
    fired = painter.paint(Snapshot(1.0, HOME), spots)
    assert count(fired, SPOT_RGB) > 20 and count(fired, BEAM_RGB) == 0, "no new spots, no beam"
    beam = painter.paint(Snapshot(1.0, HOME, spots[:1]), spots[:1])
    assert count(beam, BEAM_RGB) > 20
    above = CellPainter(skin, Look((0.5, -0.02, 1.0), (0.5, 0.0, 0.05), 30.0), SIZE, label=False)
    assert count(above.paint(Snapshot(1.0, HOME), spots), SPOT_RGB) == 0, "the scan head is in front of them"
    aside = HOME + np.array([0.6, 0, 0, 0, 0, 0])
    assert count(above.paint(Snapshot(1.0, aside), spots), SPOT_RGB) > 20
    again = painter.paint(Snapshot(1.0, HOME), spots)
    assert np.array_equal(np.asarray(fired), np.asarray(again))


def test_the_arm_moves_in_the_picture(skin: TriangleMesh) -> None:
    painter = CellPainter(skin, size=SIZE, label=False)
    first, second = (
        np.asarray(painter.paint(Snapshot(0.0, q), np.zeros((0, 3))), int) for q in (HOME, HOME + 0.3)
    )
    changed = (np.abs(first - second).sum(axis=2) > 30).mean()
    assert 0.01 < changed < 0.6


@pytest.mark.parametrize("name", ["film.gif", "film.png"])
def test_a_film_has_every_frame_and_all_spots(
    skin: TriangleMesh, spots: Any, tmp_path: Path, name: str
) -> None:
    look = Look((0.55, -0.10, 0.20), (0.5, 0.0, 0.05), 30.0)
    frames = (Snapshot(0.1 * k, HOME + 0.002 * k, spots[10 * k : 10 * k + 10]) for k in range(5))
    assert film(frames, tmp_path / name, SIZE, 10.0, patient=skin, look=look, close_up=look) == 5
    with Image.open(tmp_path / name) as picture:
        assert picture.n_frames == 5 and picture.size == SIZE  # type: ignore[attr-defined]
        assert picture.info["duration"] == pytest.approx(100)
        reds = []
        for k in range(5):
            picture.seek(k)
            reds.append(count(picture, SPOT_RGB))
    assert reds[-1] > reds[0] > 0, "spots stay"
    assert (tmp_path / name).stat().st_size < 2_000_000


def test_one_frame_is_a_picture(skin: TriangleMesh, tmp_path: Path) -> None:
    assert film([Snapshot(0.0, HOME)], tmp_path / "a.png", SIZE, patient=skin) == 1
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == SIZE and getattr(picture, "n_frames", 1) == 1


def test_films_that_cannot_be(tmp_path: Path) -> None:
    frame = Snapshot(0.0, HOME)
    with pytest.raises(ValueError, match=r"ends in one of \.gif"):
        film([frame], tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="at least one frame"):
        film([], tmp_path / "a.gif", SIZE)
    with pytest.raises(ValueError, match="fps"):
        film([frame], tmp_path / "a.gif", SIZE, 0.0)
    with pytest.raises(ValueError, match="size"):
        film([frame], tmp_path / "a.gif", (0, 10))
    with pytest.raises(ValueError, match="no upright"):
        Look((0.0, 0.0, 1.0), (0.0, 0.0, 0.0)).rays(4, 4)
    with pytest.raises(ValueError, match="six finite numbers"):
        Snapshot(0.0, np.full(6, np.nan))
    with pytest.raises(ValueError, match="finite points"):
        Snapshot(0.0, HOME, np.full((1, 3), np.nan))


def test_frames_out_of_a_record(tmp_path: Path) -> None:
    from mcap_ros2.writer import Writer

    path = tmp_path / "record.mcap"
    stamp = "builtin_interfaces/Time stamp\nstring frame_id\n"
    time_text = "int32 sec\nuint32 nanosec\n"
    rule = "=" * 80
    header = f"{rule}\nMSG: std_msgs/Header\n{stamp}{rule}\nMSG: builtin_interfaces/Time\n{time_text}"
    from openmtz.robot import JOINT_NAMES

    with path.open("wb") as file:
        writer = Writer(file)
        joints = writer.register_msgdef(
            "sensor_msgs/msg/JointState",
            f"std_msgs/Header header\nstring[] name\nfloat64[] position\n{header}",
        )
        shots = writer.register_msgdef(
            "openmtz_interfaces/msg/ShotsTruth",
            f"std_msgs/Header header\nbool[] hit\nfloat64[] position_m\n{header}",
        )
        for k in range(1000):  # ten seconds; the arm turns in the first, fires at 2.5 s, then nothing
            at = {"stamp": {"sec": k // 100, "nanosec": k % 100 * 10**7}, "frame_id": ""}
            turned = [HOME[0] + 0.005 * min(k, 100), *HOME[1:]]
            message = {"header": at, "name": list(reversed(JOINT_NAMES)), "position": turned[::-1]}
            writer.write_message("/joint_states", joints, message, k * 10**7, k * 10**7)
            if k == 250:
                truth = {
                    "header": at,
                    "hit": [True, False],
                    "position_m": [0.5, 0, 0.05, *[float("nan")] * 3],
                }
                writer.write_message("/ground_truth/shots", shots, truth, k * 10**7, k * 10**7)
        writer.finish()
    frames = list(snapshots_of_record(path, every_s=0.5, idle_s=1.0))
    assert [f.new_spots_m.tolist() for f in frames if len(f.new_spots_m)] == [[[0.5, 0.0, 0.05]]]
    assert frames[3].joints_rad == pytest.approx([HOME[0] + 0.5, *HOME[1:]])
    assert frames[-1].time_s < 4.0, "six seconds of nothing are cut"
    with pytest.raises(ValueError, match="no such record"):
        list(snapshots_of_record(tmp_path / "none.mcap"))
    with pytest.raises(ValueError, match="every_s"):
        list(snapshots_of_record(path, every_s=0.0))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_view_serves_a_page_on_this_machine_and_loses_no_spot(skin: TriangleMesh, spots: Any) -> None:
    viewer = Viewer(skin, free_port())
    try:
        for k in range(40):  # faster than any browser's process can draw
            viewer.show(Snapshot(0.01 * k, HOME, spots[k : k + 1]))
        assert viewer.wait_drawn(2, 60.0), viewer.error
        kept = sum(len(s) for s in viewer._spots)
        assert kept == 38, "what was not drawn waits for the next picture"
        viewer.show(Snapshot(1.0, HOME))
        assert viewer.wait_drawn(3, 20.0) and viewer._spots == []
        page = urllib.request.urlopen(viewer.url, timeout=10).read()
        assert b"<html" in page.lower()
        listening = Path(f"/proc/{viewer.pid}/net/tcp").read_text()
        mine = f":{viewer.url.rsplit(':', 1)[1] and int(viewer.url.rsplit(':', 1)[1]):04X}"
        addresses = {row.split()[1] for row in listening.splitlines()[1:] if row.split()[3] == "0A"}
        assert {a for a in addresses if a.endswith(mine)} == {f"0100007F{mine}"}, "loopback only"
        viewer.clear_spots()
        with pytest.raises(ViewerError, match="choose another"):
            Viewer(None, int(viewer.url.rsplit(":", 1)[1]))
    finally:
        viewer.close()


def test_a_view_that_dies_is_no_harm() -> None:
    viewer = Viewer(None, free_port())
    try:
        os.kill(viewer.pid, signal.SIGKILL)
        until = time.monotonic() + 20.0
        while not viewer.error and time.monotonic() < until:
            viewer.show(Snapshot(0.0, HOME))
        assert "ended by itself" in viewer.error
        viewer.show(Snapshot(0.0, HOME))
        viewer.clear_spots()
    finally:
        viewer.close()
