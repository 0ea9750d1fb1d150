"""Which files of a folder are depth frames, and which lie beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from openmtz import files
from openmtz.simulation.patient.errors import PatientError
from openmtz.simulation.patient.recordings.reading import (
    ARRAYS,
    LOST,
    READABLE,
    is_depth_mode,
    picture_mode,
)

KINDS = "16-bit PNG, PGM or TIFF, float TIFF, NPY or NPZ"
ELSE = {
    ".exr": "save it as 32-bit TIFF or NPY",
    ".pfm": "save it as 32-bit TIFF or NPY",
    ".raw": "save it as 16-bit PNG or NPY: raw bytes say neither size nor byte order",
    ".bin": "save it as 16-bit PNG or NPY: raw bytes say neither size nor byte order",
    ".bag": "export its depth frames as 16-bit PNG",
    ".mcap": "export its depth frames as 16-bit PNG",
    ".db3": "export its depth frames as 16-bit PNG",
    ".mkv": "export its depth frames as 16-bit PNG",
    ".mp4": "export the depth frames as 16-bit PNG: a film has lost the distances",
    ".jpg": "a JPEG has lost the distances: give the depth frames",
    ".jpeg": "a JPEG has lost the distances: give the depth frames",
    ".ply": "a point cloud or mesh is given as a mesh",
}


def choose_files(path: Path) -> tuple[list[Path], list[str]]:
    """Return the depth frames of a folder, or the one file, in natural order, and what was left out.

    Raises:
        PatientError: there are none, or two kinds and no saying which is meant.
    """
    if not path.exists():
        raise PatientError(f"there is no {path}", "give the folder that holds the depth frames")
    if path.is_file():
        if path.suffix.lower() not in READABLE:
            raise PatientError(
                f"{path.name} is no depth frame", ELSE.get(path.suffix.lower(), f"give {KINDS}")
            )
        return [path], []
    readable = [
        f for f in path.iterdir()
        if f.suffix.lower() in READABLE and not f.name.startswith(".") and f.is_file()
    ]  # fmt: skip
    if not readable:
        raise _nothing(path)
    depth, notes = _without(sorted(readable, key=_natural), _may_be_depth, "no depth images")
    if not depth:
        raise _no_depth(readable)
    if any("depth" in f.stem.lower() for f in depth):
        depth, more = _without(depth, lambda f: "depth" in f.stem.lower(), "not called depth")
        notes += more
    kinds = {f.suffix.lower() for f in depth}
    if len(kinds) > 1:
        raise PatientError(
            f"{path} holds depth frames of several kinds: {', '.join(sorted(kinds))}",
            "move all but one kind out of the folder",
        )
    return depth, notes


def _without(found: list[Path], good: Callable[[Path], bool], why: str) -> tuple[list[Path], list[str]]:
    kept = [f for f in found if good(f)]
    left = [f.name for f in found if f not in set(kept)]
    if not kept or not left:
        return kept, []
    return kept, [f"{len(left)} files beside the depth frames are left out, {why}: {_few(left)}"]


def _may_be_depth(file: Path) -> bool:
    """What cannot be read counts too: reading it says why."""
    if file.suffix.lower() == ".npz":
        try:
            return "depth" in files.npz_names(file)
        except (files.UnsafeFileError, OSError):
            return True
    if file.suffix.lower() in ARRAYS:
        return True
    mode = picture_mode(file)
    return not mode or is_depth_mode(mode)


def _no_depth(found: list[Path]) -> PatientError:
    file = min(found, key=_natural)
    if file.suffix.lower() == ".npz":
        has = ", ".join(files.npz_names(file)[:8]) or "none"
        return PatientError(
            f"{file.name} has no array 'depth' (it has {has})", "store the depth image under the name 'depth'"
        )
    return PatientError(
        f"{file.name} is an 8-bit picture (mode {picture_mode(file)}), not 16-bit depth", LOST
    )


def _nothing(path: Path) -> PatientError:
    inside = [f for f in path.iterdir() if not f.name.startswith(".")]
    folders = sorted(f.name for f in inside if f.is_dir())
    if folders and len(folders) == len(inside):
        return PatientError(
            f"no depth frame in {path}: it holds the folders {_few(folders)}",
            "give the one that holds the depth frames",
        )
    others = sorted({f.suffix.lower() or f.name for f in inside})
    found = f"it holds {', '.join(others[:5])}" if others else "it is empty"
    known = [ELSE[kind] for kind in others if kind in ELSE]
    return PatientError(
        f"no depth frame in {path}: {found}", known[0] if known else f"give a folder with {KINDS}"
    )


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _natural(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"([0-9]+)", file.stem)
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts], file.name
