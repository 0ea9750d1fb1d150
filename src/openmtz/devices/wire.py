"""Codec of the scan head's serial line: bytes in, messages out; pure, no I/O.

A frame is `COBS(type u8 | payload | CRC-32 u32 of type and payload) 00`. The zero byte occurs nowhere
else, so after garbage the next zero byte is a frame boundary. A frame that fails any check becomes a
`WireError` and nothing else of it is believed.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from cobs import cobs

from openmtz.devices.messages import FRAMES_BY_TYPE, Frame
from openmtz.devices.spots import (
    RECORD_BYTES,
    SpotRecords,
    decode_records,
    encode_records,
    running_digest,
)

MAX_ENCODED = 600
"""Longest encoded frame [bytes]: 32 spot records need 460. More without a boundary is garbage."""


@dataclass(frozen=True)
class WireError:
    """Bytes that were no frame. `kind`: `cobs`, `short`, `crc`, `type`, `payload`, `too-long`."""

    kind: str
    detail: str = ""


def encode(message: Frame) -> bytes:
    """Return the bytes on the wire of one message, with its closing zero byte."""
    body = struct.pack("<B", message.TYPE) + message.payload()
    return bytes(cobs.encode(body + struct.pack("<I", zlib.crc32(body)))) + b"\0"


def decode_frame(encoded: bytes) -> Frame | WireError:
    """Return the message of one frame's bytes (without the zero byte), or why there is none."""
    try:
        body = bytes(cobs.decode(encoded))
    except cobs.DecodeError as error:
        return WireError("cobs", str(error))
    if len(body) < 5:
        return WireError("short", f"{len(body)} bytes")
    if zlib.crc32(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
        return WireError("crc", f"{len(body)} bytes")
    frame_class = FRAMES_BY_TYPE.get(body[0])
    if frame_class is None:
        return WireError("type", f"0x{body[0]:02x}")
    try:
        return frame_class.parse(body[1:-4])  # type: ignore[no-any-return, attr-defined]
    except ValueError as error:
        return WireError("payload", f"{frame_class.__name__}: {error}")


class Decoder:
    """Collects bytes and gives frames; finds the next frame boundary after garbage by itself."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Frame | WireError]:
        """Return what became complete with these bytes, in order. Never raises on any content."""
        found: list[Frame | WireError] = []
        *complete, rest = data.split(b"\0")
        for part in complete:
            self._take(part, found)
            if self._buffer and not self._skipping:
                found.append(decode_frame(bytes(self._buffer)))
            self._buffer.clear()
            self._skipping = False
        self._take(rest, found)
        return found

    def _take(self, part: bytes, found: list[Frame | WireError]) -> None:
        if self._skipping:
            return
        self._buffer += part
        if len(self._buffer) > MAX_ENCODED:
            found.append(WireError("too-long", f"{len(self._buffer)} bytes without a boundary"))
            self._buffer.clear()
            self._skipping = True


__all__ = [
    "MAX_ENCODED",
    "RECORD_BYTES",
    "Decoder",
    "SpotRecords",
    "WireError",
    "decode_frame",
    "decode_records",
    "encode",
    "encode_records",
    "running_digest",
]
