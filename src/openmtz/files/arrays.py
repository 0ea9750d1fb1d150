"""NPZ and NPY files of others: their sizes are added up before anything is unpacked or allocated.

A few kB of NPZ can unpack to gigabytes, a header can claim any shape, and an array of objects is a pickle,
which runs whatever its author liked. `numpy.load` heeds only the last.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from openmtz.files.errors import UnsafeFileError
from openmtz.files.whole import read_bytes

MOST_ARRAY_MB = 1000.0
"""Unpacked, all arrays of a file together: a surface of 5 million vertices has 500 (engineering default)."""
MOST_ARRAYS = 1000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npz(
    path: str | Path, names: Collection[str] | None = None, most_mb: float = MOST_ARRAY_MB
) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of an NPZ file by name.

    Args:
        names: only these, where they are there; the others are not unpacked. None: all.
        most_mb: what they may hold together, unpacked [MB, 10^6 bytes]; the file itself too.

    Raises:
        UnsafeFileError: larger, too many, Python objects, damaged, or no NPZ. OSError: it cannot be read.
    """
    name = Path(path).name
    data = read_bytes(path, most_mb)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = _members(name, packed, names, most_mb)
            return {key: _unpack(f"{name}: {key}", packed, info) for key, info in members.items()}
    except UnsafeFileError:
        raise
    # RuntimeError: encrypted. NotImplementedError is one: an unknown way of packing.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError) as error:
        raise UnsafeFileError(f"{name} is no NPZ file, or damaged: {error}") from error


def npz_names(path: str | Path, most_mb: float = MOST_ARRAY_MB) -> list[str]:
    """Return the names of the arrays in an NPZ file; none is unpacked.

    Raises:
        UnsafeFileError: larger, or no NPZ. OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path, most_mb))) as packed:
            return [name.removesuffix(".npy") for name in packed.namelist()]
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        if isinstance(error, UnsafeFileError):
            raise
        raise UnsafeFileError(f"{Path(path).name} is no NPZ file, or damaged: {error}") from error


def read_npy(path: str | Path, most_mb: float = MOST_ARRAY_MB) -> NDArray[np.generic]:
    """Return the array of an NPY file of at most `most_mb` [MB].

    Raises:
        UnsafeFileError: larger, Python objects, damaged, or no NPY. OSError: it cannot be read.
    """
    name = Path(path).name
    data = read_bytes(path, most_mb)
    return _array(name, io.BytesIO(data), len(data))


def _members(
    name: str, packed: zipfile.ZipFile, names: Collection[str] | None, most_mb: float
) -> dict[str, zipfile.ZipInfo]:
    infos = packed.infolist()
    if len(infos) > MOST_ARRAYS:
        raise UnsafeFileError(f"{name} holds {len(infos)} arrays; {MOST_ARRAYS} are the most that are read")
    found = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(found) < len(infos):
        raise UnsafeFileError(f"{name} holds two arrays of one name")
    wanted = {key: info for key, info in found.items() if names is None or key in names}
    megabytes = sum(info.file_size for info in wanted.values()) / 1e6
    if megabytes > most_mb:
        raise UnsafeFileError(
            f"{name} would unpack to {megabytes:.0f} MB; {most_mb:g} MB are the most that are read of it"
        )
    return wanted


def _unpack(what: str, packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[np.generic]:
    if info.compress_type not in _METHODS:
        raise UnsafeFileError(f"{what} is packed in a way that numpy does not write; save it with numpy")
    with packed.open(info) as stream:  # reads no further than the size stated, and checks the sum
        return _array(what, stream, info.file_size)


def _array(what: str, stream: IO[bytes], size: int) -> NDArray[np.generic]:
    try:
        major = npy.read_magic(stream)[0]
        if major not in (1, 2):
            raise UnsafeFileError(f"{what}: version {major} of the NPY format; 1 and 2 are read")
        reader = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, fortran, dtype = reader(stream)  # its length is limited by numpy
        if dtype.hasobject:
            raise UnsafeFileError(f"{what} holds Python objects (a pickle), which are never unpacked")
        count = 1
        for side in shape:
            count *= int(side)
        if min(shape, default=0) < 0 or count * dtype.itemsize != size - stream.tell():
            raise UnsafeFileError(
                f"{what}: its header says {shape} of {dtype}, {count * dtype.itemsize} bytes;"
                f" it has {size - stream.tell()}"
            )
        array: NDArray[np.generic] = np.empty(count, dtype)
        if array.nbytes:
            _fill(what, stream, array.view(np.uint8).data)
        return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    except UnsafeFileError:
        raise
    except (ValueError, EOFError, OverflowError, SyntaxError, RecursionError) as error:
        raise UnsafeFileError(f"{what} is no array as numpy saves it: {error}") from error


def _fill(what: str, stream: IO[bytes], room: memoryview) -> None:
    at = 0
    while at < len(room):
        part = stream.read(min(len(room) - at, 1 << 20))
        if not part:
            raise UnsafeFileError(f"{what} ends after {at} of {len(room)} bytes: damaged or cut off")
        room[at : at + len(part)] = part
        at += len(part)
    stream.read(1)  # at its end a packed member's sum is checked
