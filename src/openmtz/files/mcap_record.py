"""MCAP records of others: what their chunks would unpack to is looked at before a reader unpacks them.

The reader takes each record of up to 4 GB whole, and a chunk's stated size at its word.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO

from openmtz.files.errors import UnsafeFileError

MOST_RECORD_MB = 256.0
"""Of one record and of one unpacked chunk [MB]; ours are of 1 to 4 MB, other recorders' seldom above 16."""
_MAGIC = b"\x89MCAP0\r\n"
_CHUNK = 6
_LZ4_MOST = 255
"""LZ4 cannot pack tighter than this."""


def check_mcap(path: str | Path, most_mb: float = MOST_RECORD_MB) -> None:
    """Walk over the records of an MCAP file, reading their heads alone. A file that is cut off passes: what
    came before is whole, and a reader says where it ends.

    Raises:
        UnsafeFileError: no MCAP, or a record or an unpacked chunk of more than `most_mb`.
        OSError: it cannot be read.
    """
    file = Path(path)
    most = int(most_mb * 1e6)
    with open(file, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise UnsafeFileError(f"{file} is no MCAP file")
        while len(head := stream.read(9)) == 9:  # the mark at the end has 8
            kind, length = struct.unpack("<BQ", head)
            start = stream.tell()
            if length > most:
                raise UnsafeFileError(
                    f"{file} has a record of {length / 1e6:.0f} MB; {most_mb:g} MB are the most that are read"
                )
            if kind == _CHUNK:
                unpacked = _unpacked(stream, length)
                if unpacked > most:
                    raise UnsafeFileError(
                        f"{file} has a chunk that may unpack to {unpacked / 1e6:.0f} MB;"
                        f" {most_mb:g} MB are the most that are read"
                    )
            if start + length > size:
                return
            stream.seek(start + length)


def _unpacked(stream: IO[bytes], length: int) -> int:
    """Return the most that a chunk's data can become [bytes]: as stated, and as its own frame says."""
    head = stream.read(min(length, 64))  # start, end: 8 each; size: 8; sum: 4; kind: 4 + n; data: 8 + n
    if len(head) < 32:
        return 0
    (stated,) = struct.unpack_from("<Q", head, 16)
    (letters,) = struct.unpack_from("<I", head, 28)
    kind = head[32 : 32 + letters]
    frame = head[32 + letters + 8 :]
    if kind == b"zstd":
        return max(stated, _zstd(frame))
    if kind == b"lz4":
        return max(stated, _lz4(frame, length))
    return int(stated)


def _zstd(frame: bytes) -> int:
    import zstandard

    try:
        # Unknown (negative): then the size stated is the most that the reader unpacks.
        return max(0, int(zstandard.frame_content_size(frame)))
    except zstandard.ZstdError:
        return 0


def _lz4(frame: bytes, length: int) -> int:
    import lz4.frame

    try:
        return int(lz4.frame.get_frame_info(frame)["content_size"]) or length * _LZ4_MOST
    except RuntimeError:
        return 0
