"""One file -> one depth image as counts, and the camera matrix where the file has it."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openmtz import files
from openmtz.simulation.patient.errors import PatientError

PICTURES = (".png", ".tif", ".tiff", ".pgm")
ARRAYS = (".npz", ".npy")
READABLE = PICTURES + ARRAYS
MOST_MB = 200.0
"""Of a file, packed and unpacked [MB]: a picture of `MOST_PIXELS` doubles has 134."""
MOST_PIXELS = 4096 * 4096
"""Of a picture; no depth camera has more [M]."""
LOST = "give the raw depth frames; a colour map or a preview has lost the distances"
REPLACE = "replace or remove this file"


def read_frame(file: Path) -> tuple[NDArray[np.generic], NDArray[np.float64] | None]:
    """Return the counts `(H, W)` and K `(3, 3)` or None.

    Raises:
        PatientError: not readable, larger than the limits, or no single image of numbers wider than 8 bits.
    """
    try:
        if file.suffix.lower() == ".npz":
            depth, matrix = _read_npz(file)
        elif file.suffix.lower() == ".npy":
            depth, matrix = files.read_npy(file, MOST_MB), None
        else:
            depth, matrix = _read_picture(file), None
    except (files.UnsafeFileError, OSError) as error:
        raise PatientError(f"{file.name} cannot be read ({error})", REPLACE) from error
    if depth.ndim == 3 and 1 in (depth.shape[0], depth.shape[2]):
        depth = depth.squeeze(0 if depth.shape[0] == 1 else 2)
    if depth.ndim != 2 or min(depth.shape) < 16:
        raise PatientError(
            f"{file.name} holds {depth.shape}, not one depth image", "give (H, W) depth images"
        )
    _check_pixels(file, depth.shape[1], depth.shape[0])
    if depth.dtype.kind not in "uif":
        raise PatientError(f"{file.name} holds no numbers ({depth.dtype})", "give depth counts")
    if depth.dtype.itemsize == 1:
        raise PatientError(f"{file.name} holds 8-bit counts, not depth", LOST)
    return depth.astype(depth.dtype.newbyteorder("=")), matrix


def picture_mode(file: Path) -> str:
    """Return how the pixels of a picture are kept, from its header; nothing if that cannot be read."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            return str(image.mode)
    except Exception:  # whoever reads the whole of it says what is wrong with it
        return ""


def is_depth_mode(mode: str) -> bool:
    """Whether pixels kept so can be distances: one channel of 16 or 32 bits."""
    return mode.startswith("I") or mode == "F"


def _check_pixels(file: Path, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise PatientError(
            f"{file.name} has {width}x{height} pixels, more than the {MOST_PIXELS} that are read",
            "no depth camera has as many: check it",
        )


def _read_npz(file: Path) -> tuple[NDArray[np.generic], NDArray[np.float64] | None]:
    arrays = files.read_npz(file, ("depth", "K"), MOST_MB)
    if "depth" not in arrays:
        raise PatientError(
            f"{file.name} has no array 'depth' (it has {', '.join(files.npz_names(file)[:8]) or 'none'})",
            "store the depth image under the name 'depth'",
        )
    matrix = arrays.get("K")
    if matrix is not None and (matrix.dtype.kind not in "uif" or matrix.size != 9):
        raise PatientError(
            f"K in {file.name} is {matrix.shape} of {matrix.dtype}, no camera matrix",
            "store K as 3 x 3 numbers",
        )
    return arrays["depth"], None if matrix is None else matrix.astype(np.float64)


def _read_picture(file: Path) -> NDArray[np.generic]:
    from PIL import Image

    if file.stat().st_size > MOST_MB * 1e6:
        raise files.UnsafeFileError(f"larger than {MOST_MB:g} MB, the most that is read")
    kind = "TIFF" if file.suffix.lower().startswith(".tif") else file.suffix[1:].upper()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on metadata; on size `_check_pixels` has the word
            with Image.open(file) as image:
                mode = image.mode
                _check_pixels(file, *image.size)
                if not is_depth_mode(mode):
                    raise PatientError(
                        f"{file.name} is an 8-bit picture (mode {mode}), not 16-bit depth", LOST
                    )
                if getattr(image, "n_frames", 1) > 1:
                    raise PatientError(f"{file.name} holds {image.n_frames} images", "give one frame a file")
                return np.array(image)
    except PatientError:
        raise
    except Image.DecompressionBombError as error:
        raise PatientError(
            f"{file.name} has far more than the {MOST_PIXELS} pixels that are read", "check it"
        ) from error
    except (
        OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError,
        struct.error, zlib.error,
    ) as error:  # fmt: skip
        raise PatientError(
            f"{file.name} cannot be read as {kind} ({error})", "replace or remove it"
        ) from error
