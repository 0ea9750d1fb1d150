"""The head's memory on disk: it belongs to one device, outlives every process, and is whole or a fault.

A mapped file survives `kill -9` of the process (the pages belong to the kernel). It does not model loss of
power of the host: a real head has ferroelectric memory.

File: header of 64 bytes (magic 8, format u16, slots u16, serial number 36 in UTF-8, CRC-32 of these u32,
zeros), then the slots (`memory`). It is made whole beside its place and then put there, so that a file that
is there and is not whole was damaged. A damaged or foreign file is not taken for an empty one: the head
starts, and has a fault that no reset clears.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import re
import struct
import zlib
from pathlib import Path

from openmtz.simulation.scan_head_device.memory import (
    EMPTY_SLOT,
    SLOT_BYTES,
    SLOTS,
    MemoryFailure,
    SlotMemory,
)

HEADER_BYTES = 64
FILE_BYTES = HEADER_BYTES + SLOTS * SLOT_BYTES
_MAGIC, _FORMAT = b"MTZ-EXEC", 1
_HEADER = struct.Struct("<8sHH36s")
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")


class MemoryBusy(RuntimeError):
    """Another device process uses this memory file."""


class DamagedMemory:
    """`ExecutedMemory` that cannot be read: every use says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def last_plan(self) -> tuple[bytes, int]:
        """Raise MemoryFailure."""
        raise MemoryFailure(self.reason)

    def executed_of(self, plan_sha256: bytes) -> int:
        """Raise MemoryFailure."""
        raise MemoryFailure(self.reason)

    def open_plan(self, plan_sha256: bytes) -> int:
        """Raise MemoryFailure."""
        raise MemoryFailure(self.reason)

    def write(self, executed: int) -> None:
        """Raise MemoryFailure."""
        raise MemoryFailure(self.reason)


def open_memory_file(path: str | os.PathLike[str], serial: str) -> SlotMemory | DamagedMemory:
    """Map the file of a device (made, with its folders, if absent) and lock it for this process.

    Args:
        serial: the device's serial number; the file of another device is not used.

    Raises:
        ValueError: no serial number. MemoryBusy: another process holds the file. OSError: not writable.
    """
    if not _SERIAL.fullmatch(serial):
        raise ValueError(f"serial {serial!r}: 1 to 36 letters, digits, dots, dashes or underscores")
    place = Path(path)
    if not place.exists():
        _make(place, serial)
    descriptor = os.open(place, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise MemoryBusy(f"{path} is in use by another simulated scan head: stop that one first") from error
    damage = _damage(descriptor, serial)
    if damage:
        return DamagedMemory(f"{place}: {damage}")
    # The descriptor stays open on purpose: it holds the lock for the life of the process.
    return SlotMemory(memoryview(mmap.mmap(descriptor, FILE_BYTES))[HEADER_BYTES:], formatted=True)


def _header(serial: str) -> bytes:
    body = _HEADER.pack(_MAGIC, _FORMAT, SLOTS, serial.encode())
    return (body + struct.pack("<I", zlib.crc32(body))).ljust(HEADER_BYTES, b"\0")


def _make(place: Path, serial: str) -> None:
    """Put a whole, empty file in place; of two that do so at once one is first."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = place.with_name(f"{place.name}.{os.getpid()}.new")
    try:
        with open(beside, "xb") as file:
            file.write(_header(serial) + EMPTY_SLOT * SLOTS)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, place)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _damage(descriptor: int, serial: str) -> str:
    """Return what is wrong with the file, empty if nothing is."""
    size = os.fstat(descriptor).st_size
    if size != FILE_BYTES:
        return f"{size} bytes where {FILE_BYTES} belong"
    header = os.pread(descriptor, HEADER_BYTES, 0)
    if header == _header(serial):
        return ""
    magic, _format, _slots, name = _HEADER.unpack_from(header)
    whole = header[: _HEADER.size] + struct.pack("<I", zlib.crc32(header[: _HEADER.size]))
    if magic == _MAGIC and header == whole.ljust(HEADER_BYTES, b"\0"):
        other = name.rstrip(b"\0").decode(errors="replace")
        if other != serial:
            return f"it is the memory of device {other}, this is {serial}"
        return "another format than this software's"
    return "its header is damaged"
