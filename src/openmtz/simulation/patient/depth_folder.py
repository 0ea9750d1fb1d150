"""Recorded depth frames from a folder: read, judged, and what was noticed said."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics
from openmtz.simulation.patient.errors import PatientError
from openmtz.simulation.patient.recordings import (
    camera_of,
    check_one_camera,
    check_surfaces,
    check_unit,
    choose_files,
    read_frame,
    without_marks,
)

Array = NDArray[np.float64]
MOST_FRAMES = 200
"""More frames than these are read evenly spread over all."""
MOST_TOTAL_MB = 1000.0
"""Of all frames together, as they are kept in memory [MB] (engineering default)."""
FEWEST_PIXELS = 200
"""A frame with fewer measured is empty."""


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """A depth image as `counts` `(H, W)`, 0 where there is none, of `unit_m` metres each, with its camera."""

    name: str
    counts: NDArray[np.generic]
    unit_m: float
    intrinsics: CameraIntrinsics

    @property
    def depth(self) -> Array:
        """The distances `(H, W)` [m], 0 where there is none."""
        return self.counts.astype(np.float64) * self.unit_m


class Recording(NamedTuple):
    """`frames` in natural order of their names; `notes` for the user: what was left out or taken for none."""

    frames: list[DepthFrame]
    notes: tuple[str, ...]


def load_depth_folder(path: str | Path, intrinsics: Sequence[float] | None, depth_unit_m: float) -> Recording:
    """Return the frames in natural order of their names.

    Args:
        path: a folder of depth images of one kind (`.png`, `.pgm`, `.tif` of one channel of 16 or 32 bits;
            `.npy`; `.npz` with an array `depth`, optional `K`), or one file; of more than 200 frames every
            n-th is read.
        intrinsics: fx, fy, cx, cy [px], and width, height [px] where the images are cut out of larger ones;
            None takes each NPZ's own `K`.
        depth_unit_m: metres per count.

    Raises:
        PatientError: nothing to read, not readable, 8 bit, wrong intrinsics or unit, noise, frames of several
            sizes or kinds, no depth at all.
    """
    unit = float(depth_unit_m)
    if not (np.isfinite(unit) and unit > 0):
        raise PatientError(
            f"the depth unit {depth_unit_m!r} is no positive number of metres per count",
            "give metres, such as 0.001 for millimetres or 0.000125 for an SR305",
        )
    files, notes = choose_files(Path(path))
    if len(files) > MOST_FRAMES:
        spread = np.unique(np.linspace(0, len(files) - 1, MOST_FRAMES).astype(int))
        notes.append(f"{len(spread)} of {len(files)} frames are read, evenly spread over the recording")
        files = [files[k] for k in spread]
    frames, marks = _read_all(files, intrinsics, unit)
    if marks:
        notes.append(f"pixels of {_counts(marks)} counts are taken for nothing measured")
    check_one_camera([(frame.name, frame.intrinsics) for frame in frames])
    filled = [frame for frame in frames if np.count_nonzero(frame.counts) > FEWEST_PIXELS]
    if not filled:
        raise PatientError(
            f"none of the {len(frames)} depth frames in {path} holds any depth (all zero or marked as none)",
            "check that these are the depth images and that the camera saw something",
        )
    if len(filled) < len(frames):
        notes.append(f"{len(frames) - len(filled)} of {len(frames)} frames hold no depth and are left out")
    single = _without_repeats(filled)
    if len(single) < len(filled):
        notes.append(f"{len(filled) - len(single)} of {len(filled)} frames repeat another and are left out")
    check_surfaces([(frame.name, frame.counts) for frame in single])
    check_unit([(frame.name, frame.counts) for frame in single], unit)
    return Recording(single, tuple(notes))


def _read_all(
    files: list[Path], intrinsics: Sequence[float] | None, unit: float
) -> tuple[list[DepthFrame], set[float]]:
    frames: list[DepthFrame] = []
    marks: set[float] = set()
    megabytes = 0.0
    for file in files:
        counts, matrix = read_frame(file)
        camera = camera_of(file.name, counts.shape, intrinsics, matrix)
        counts, found = without_marks(counts)
        marks.update(found)
        megabytes += counts.nbytes / 1e6
        if megabytes > MOST_TOTAL_MB:
            raise PatientError(
                f"the {len(files)} frames hold more than {MOST_TOTAL_MB:g} MB, the most that is read",
                "give fewer frames",
            )
        frames.append(DepthFrame(file.stem, counts, unit, camera))
    return frames, marks


def _without_repeats(frames: list[DepthFrame]) -> list[DepthFrame]:
    """Return the frames without those whose every count is another's: they add no measurement."""
    seen: dict[bytes, DepthFrame] = {}
    for frame in frames:
        seen.setdefault(hashlib.sha256(np.ascontiguousarray(frame.counts).data).digest(), frame)
    return list(seen.values())


def _counts(marks: set[float]) -> str:
    shown = [f"{mark:g}" for mark in sorted(marks)]
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "")
