"""Bad input from the outside: a clear error with cause and fix, a non-zero exit, not one shot."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from cli import Run, part_of_graph, quick_graph

# Not `alone`: all of it ends before the graph is ready, and nothing is measured.
pytestmark = pytest.mark.ros


def refused(
    tmp_path: Path,
    *arguments: str,
    says: list[str],
    code: int = 2,
    graph: Path | None = None,
    **environment: str,
) -> str:
    out = tmp_path / "run"
    graph = graph or quick_graph(tmp_path)
    run = Run(["demo", "--out", str(out), "--graph", str(graph), *arguments], environment)
    returncode, output = run.finish(90.0)
    assert returncode == code, output
    for text in says:
        assert text.lower() in output.lower(), f"{text!r} is not in:\n{output}"
    assert "Traceback" not in output, output
    assert run.left_running() == []
    log = out / "logs" / "scan_head_device.jsonl"
    assert not log.exists() or '"emission"' not in log.read_text(), "a shot was fired"
    return output


def write_frames(folder: Path, depth: np.ndarray, count: int = 2) -> Path:
    folder.mkdir()
    for k in range(count):
        Image.fromarray(depth.astype(np.uint16)).save(folder / f"{k}.png")
    return folder


def write_obj(path: Path, vertices: str, faces: str) -> Path:
    path.write_text(vertices + faces)
    return path


# --- before anything starts ----------------------------------------------------------------------


def test_unknown_indication(tmp_path: Path) -> None:
    output = refused(
        tmp_path, "--indication", "freckles", says=["unknown indication 'freckles'", "atrophic_scar"]
    )
    assert not (tmp_path / "run").exists(), "nothing is left behind"
    assert "striae" in output and "ladd" in output


def test_missing_files_and_wrong_numbers(tmp_path: Path) -> None:
    refused(tmp_path, "--mesh", "nowhere.glb", says=["no such file"])
    refused(tmp_path, "--frames", "nowhere", says=["no such folder"])
    refused(tmp_path, "--frames", str(tmp_path), "--intrinsics", "1,2,3", says=["--intrinsics", "4 numbers"])
    refused(tmp_path, "--frames", str(tmp_path), "--depth-unit", "0.5", says=["--depth-unit"])
    refused(tmp_path, "--region", "0,0,0,11", says=["--region", "metres"])


def test_an_output_folder_with_content_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("mine")
    refused(tmp_path, says=["not empty", "--out"])
    assert (tmp_path / "run" / "precious.txt").read_text() == "mine"


def test_a_plugin_that_raises_on_import_is_named(tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "broken_plugin-0.1.dist-info"
    info.mkdir(parents=True)
    (site / "broken_plugin.py").write_text("raise RuntimeError('no licence file')\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken_plugin\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[openmtz]\nbroken = broken_plugin\n")
    refused(
        tmp_path,
        "--indication",
        "broken_thing",
        says=["unknown indication 'broken_thing'", "broken", "no licence file"],
        PYTHONPATH=os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
    )


# --- the simulated patient cannot be made --------------------------------------------------------


CAMERA = "150,150,80,60"
SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
MILLIMETRES = "v 0 0 0\nv 150 0 0\nv 150 150 0\nv 0 150 0\n"


def empty(folder: Path) -> list[str]:
    (folder / "frames").mkdir()
    return ["--frames", str(folder / "frames"), "--intrinsics", CAMERA]


def zeros(folder: Path) -> list[str]:
    frames = write_frames(folder / "frames", np.zeros((120, 160)))
    return ["--frames", str(frames), "--intrinsics", CAMERA, "--depth-unit", "0.0001"]


def intrinsics(folder: Path) -> list[str]:
    frames = write_frames(folder / "frames", np.full((120, 160), 4000))
    return ["--frames", str(frames), "--intrinsics", "150,150,8000,60", "--depth-unit", "0.0001"]


def nan(folder: Path) -> list[str]:
    return mesh(folder, "v nan 0 0\nv 0.1 0 0\nv 0 0.1 0\n", "f 1 2 3\n")


def no_faces(folder: Path) -> list[str]:
    return mesh(folder, SQUARE, "")


def unit(folder: Path) -> list[str]:
    return mesh(folder, MILLIMETRES, "f 1 2 3\nf 1 3 4\n")


def mesh(folder: Path, vertices: str, faces: str) -> list[str]:
    return ["--mesh", str(write_obj(folder / "mesh.obj", vertices, faces))]


@pytest.mark.parametrize(
    ("patient", "says"),
    [
        (empty, "empty"),
        (zeros, "depth"),
        (intrinsics, "principal point"),
        (no_faces, "face"),
        (unit, "0.001"),
    ],
)
def test_patients_that_cannot_be(tmp_path: Path, patient: Callable[[Path], list[str]], says: str) -> None:
    """What the world says as it starts is what the user reads."""
    refused(tmp_path, *patient(tmp_path), says=[says], graph=part_of_graph(tmp_path, "world"))


def test_a_patient_that_cannot_be_ends_the_whole_graph(tmp_path: Path) -> None:
    refused(tmp_path, *nan(tmp_path), says=["nan"])


# --- the cell is not as it should be -------------------------------------------------------------


def test_a_serial_port_that_is_missing(tmp_path: Path) -> None:
    head = part_of_graph(tmp_path, "scan_head")
    refused(tmp_path, "--serial-port", "/dev/ttyNOWHERE7", says=["/dev/ttyNOWHERE7", "scan_head"], graph=head)


def test_a_serial_port_that_is_busy(tmp_path: Path) -> None:
    import serial

    main, side = pty.openpty()
    name = os.ttyname(side)
    with serial.Serial(name, exclusive=True):
        head = part_of_graph(tmp_path, "scan_head")
        refused(tmp_path, "--serial-port", name, says=[name, "scan_head"], graph=head)
    os.close(main)
    os.close(side)


def test_a_second_stack_on_the_same_machine(tmp_path: Path) -> None:
    from openmtz.graph.lock import StackLock

    lock = StackLock()
    lock.acquire()
    try:
        refused(tmp_path, says=["another OpenMTZ stack", str(os.getpid()), "ROS_DOMAIN_ID"])
    finally:
        lock.release()
