"""Bad input from the outside: a clear error with cause and fix, a non-zero exit, not one shot."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from cli import Run, quick_graph

pytestmark = [pytest.mark.ros, pytest.mark.alone]


def refused(tmp_path: Path, *arguments: str, says: list[str], code: int = 2, **environment: str) -> str:
    out = tmp_path / "run"
    run = Run(["demo", "--out", str(out), "--graph", str(quick_graph(tmp_path)), *arguments], environment)
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


def test_patients_that_cannot_be(tmp_path: Path) -> None:
    """One test, because each case starts a graph: what the world says is what the user reads."""
    empty = tmp_path / "empty"
    empty.mkdir()
    zeros = write_frames(tmp_path / "zeros", np.zeros((120, 160)))
    flat = write_frames(tmp_path / "flat", np.full((120, 160), 4000))
    square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
    nan = write_obj(tmp_path / "nan.obj", "v nan 0 0\nv 0.1 0 0\nv 0 0.1 0\n", "f 1 2 3\n")
    no_faces = write_obj(tmp_path / "points.obj", square, "")
    millimetres = write_obj(
        tmp_path / "mm.obj", "v 0 0 0\nv 150 0 0\nv 150 150 0\nv 0 150 0\n", "f 1 2 3\nf 1 3 4\n"
    )
    camera = "150,150,80,60"
    cases = {
        "empty": (["--frames", str(empty), "--intrinsics", camera], ["empty"]),
        "zeros": (["--frames", str(zeros), "--intrinsics", camera, "--depth-unit", "0.0001"], ["depth"]),
        "intrinsics": (
            ["--frames", str(flat), "--intrinsics", "150,150,8000,60", "--depth-unit", "0.0001"],
            ["principal point"],
        ),
        "nan": (["--mesh", str(nan)], ["nan"]),
        "no_faces": (["--mesh", str(no_faces)], ["face"]),
        "unit": (["--mesh", str(millimetres)], ["0.001"]),
    }
    for name, (arguments, says) in cases.items():
        folder = tmp_path / name / "case"
        folder.mkdir(parents=True)
        refused(folder, *arguments, says=says)


# --- the cell is not as it should be -------------------------------------------------------------


def test_a_serial_port_that_is_missing(tmp_path: Path) -> None:
    refused(tmp_path, "--serial-port", "/dev/ttyNOWHERE7", says=["/dev/ttyNOWHERE7", "scan_head"])


def test_a_serial_port_that_is_busy(tmp_path: Path) -> None:
    import serial

    main, side = pty.openpty()
    name = os.ttyname(side)
    with serial.Serial(name, exclusive=True):
        refused(tmp_path, "--serial-port", name, says=[name, "scan_head"])
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
