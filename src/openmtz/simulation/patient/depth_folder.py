"""Recorded depth frames from a folder of 16-bit PNG or NPZ files, checked before anything is built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics
from openmtz.simulation.patient.errors import PatientError

Array = NDArray[np.float64]
NEAR_M, FAR_M = 0.05, 5.0
"""Depth cameras for people measure within these [m] [M]; a median outside is a wrong depth unit."""
MOST_FRAMES = 200
MOST_PIXELS = 4096 * 4096
"""Of a picture no depth camera is larger [M]; more frames than these are read evenly spread over all."""


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """A depth image `(H, W)` [m], 0 where there is none, with its camera."""

    name: str
    depth: Array
    intrinsics: CameraIntrinsics


def load_depth_folder(
    path: str | Path, intrinsics: Sequence[float] | None, depth_unit_m: float
) -> list[DepthFrame]:
    """Return the frames in natural order of their names.

    Args:
        path: a folder of `.png` (16 bit, one channel) or `.npz` (array `depth`, optional `K`), or one file;
            of more than 200 frames every n-th is read.
        intrinsics: fx, fy, cx, cy [px]; None takes each NPZ's own `K`.
        depth_unit_m: metres per count.

    Raises:
        PatientError: nothing to read, not readable, 8 bit, wrong intrinsics or unit, no depth at all.
    """
    unit = float(depth_unit_m)
    if not (np.isfinite(unit) and unit > 0):
        raise PatientError(
            f"the depth unit {depth_unit_m!r} is no positive number of metres per count",
            "give metres, such as 0.001 for millimetres or 0.000125 for an SR305",
        )
    frames = []
    for file in _files(Path(path)):
        counts, matrix = _read(file)
        camera = _camera(file, counts.shape, intrinsics, matrix)
        depth = counts.astype(np.float64) * unit
        depth[~np.isfinite(depth) | (depth <= 0)] = 0.0
        frames.append(DepthFrame(file.stem, depth, camera))
    filled = [frame for frame in frames if np.count_nonzero(frame.depth) > 200]
    if not filled:
        raise PatientError(
            f"none of the {len(frames)} depth frames in {path} holds any depth (all zero)",
            "check that these are the depth images and that the camera saw something",
        )
    _check_unit(filled, unit)
    return filled


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise PatientError(f"there is no {path}", "give the folder that holds the depth frames")
    if path.is_file():
        if path.suffix.lower() not in (".png", ".npz"):
            raise PatientError(f"{path.name} is no depth frame", "give 16-bit PNG or NPZ files")
        return [path]
    by_kind = {kind: [f for f in path.iterdir() if f.suffix.lower() == kind] for kind in (".png", ".npz")}
    kind = max(by_kind, key=lambda suffix: len(by_kind[suffix]))
    if not by_kind[kind]:
        others = sorted({f.suffix or f.name for f in path.iterdir()})
        found = f"it holds {', '.join(others[:5])}" if others else "it is empty"
        raise PatientError(
            f"no depth frame in {path}: {found}", "give a folder with 16-bit PNG or NPZ depth frames"
        )
    files = sorted(by_kind[kind], key=_natural)
    return [
        files[k] for k in np.unique(np.linspace(0, len(files) - 1, min(len(files), MOST_FRAMES)).astype(int))
    ]


def _natural(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"(\d+)", file.stem)
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts], file.name


def _read(file: Path) -> tuple[NDArray[np.generic], Array | None]:
    if file.suffix.lower() == ".npz":
        try:
            with np.load(file, allow_pickle=False) as data:
                if "depth" not in data:
                    raise PatientError(
                        f"{file.name} has no array 'depth' (it has {', '.join(data.files) or 'none'})",
                        "store the depth image under the name 'depth'",
                    )
                depth = data["depth"]
                matrix = data["K"].astype(np.float64) if "K" in data else None
        except (OSError, ValueError, BadZipFile, EOFError) as error:
            if isinstance(error, PatientError):
                raise
            raise PatientError(
                f"{file.name} cannot be read ({error})", "replace or remove this file"
            ) from error
    else:
        depth, matrix = _read_png(file), None
    if depth.ndim != 2 or depth.shape[0] < 16 or depth.shape[1] < 16:
        raise PatientError(
            f"{file.name} holds {depth.shape}, not one depth image", "give (H, W) depth images"
        )
    if depth.size > MOST_PIXELS:
        raise PatientError(
            f"{file.name} has {depth.shape[1]}x{depth.shape[0]} pixels",
            "no depth camera has as many: check it",
        )
    if not np.issubdtype(depth.dtype, np.number):
        raise PatientError(f"{file.name} holds no numbers", "give depth counts")
    return depth, matrix


def _read_png(file: Path) -> NDArray[np.generic]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            mode = image.mode
            pixels = np.array(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PatientError(f"{file.name} cannot be read as PNG ({error})", "replace or remove it") from error
    if not (mode.startswith("I") and pixels.ndim == 2):
        raise PatientError(
            f"{file.name} is an 8-bit picture (mode {mode}), not 16-bit depth",
            "give the raw depth frames; a colour map or a preview has lost the distances",
        )
    return pixels


def _camera(
    file: Path, shape: tuple[int, ...], intrinsics: Sequence[float] | None, matrix: Array | None
) -> CameraIntrinsics:
    height, width = shape
    try:
        own = None if matrix is None else CameraIntrinsics.from_matrix(matrix, width, height)
        if intrinsics is None:
            if own is None:
                raise PatientError(
                    f"{file.name} carries no camera matrix K", "give the intrinsics as fx,fy,cx,cy in pixels"
                )
            return own
        if len(intrinsics) != 4:
            raise PatientError(f"{len(intrinsics)} intrinsics were given", "give four numbers fx,fy,cx,cy")
        given = CameraIntrinsics(width, height, *(float(value) for value in intrinsics))
    except PatientError:
        raise
    except ValueError as error:
        raise PatientError(
            f"wrong intrinsics for {file.name}: {error}", "take fx,fy,cx,cy from the camera's calibration"
        ) from error
    if own is not None and abs(own.fx / given.fx - 1.0) > 0.1:
        raise PatientError(
            f"the intrinsics given (fx {given.fx:.1f}) contradict K in {file.name} (fx {own.fx:.1f})",
            "leave the intrinsics out to take those of the file",
        )
    return given


def _check_unit(frames: list[DepthFrame], unit: float) -> None:
    median = float(np.median([np.median(f.depth[f.depth > 0]) for f in frames]))
    if NEAR_M <= median <= FAR_M:
        return
    better = [unit * 10.0**k for k in (-3, 3, -2, 2, -1, 1, -4, 4) if 0.15 <= median * 10.0**k <= 2.5]
    hint = (
        f"a unit of {better[0]:g} m would give {median * better[0] / unit:.2f} m"
        if better
        else "check the unit"
    )
    raise PatientError(f"with a depth unit of {unit:g} m the frames lie {median:.4g} m away", hint)
