"""A file read whole, with a limit: never more bytes than that are asked for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from openmtz.files.errors import UnsafeFileError


def read_bytes(path: str | Path, most_mb: float) -> bytes:
    """Return the content of a regular file of at most `most_mb` megabytes (10^6 bytes).

    Its size is not believed: a file that grows while it is read is refused too.

    Raises:
        UnsafeFileError: larger, or a device or pipe, which may have no end. OSError: it cannot be read.
    """
    file = Path(path)
    most = int(most_mb * 1e6)
    # Not blocking: to open a pipe would else wait until somebody writes into it.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(mode):
            raise UnsafeFileError(f"{file} is a device or a pipe, no file")
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        limit = f"{most_mb:g} MB" if most_mb > 1 else f"{most_mb * 1000:g} kB"
        raise UnsafeFileError(f"{file} is larger than {limit}, the most that is read of such a file")
    return data


def read_text(path: str | Path, most_mb: float) -> str:
    """Return the content of a UTF-8 file as `read_bytes` does.

    Raises:
        UnsafeFileError: as there, or not UTF-8. OSError: it cannot be read.
    """
    data = read_bytes(path, most_mb)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsafeFileError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}") from error
