"""What the head remembers without power: per plan, the next spot it may fire.

The index of a spot is written *before* its pulse starts. A crash between the two leaves a spot that
is remembered but was not fired: missing, and visible as such, never fired twice.
A mapped file survives `kill -9` of the process (the pages belong to the kernel); one entry is updated
by one 8-byte copy and carries its own complement, so a torn write is noticed. It does not model loss of
power of the host: a real head has ferroelectric memory.

File: 64 slots of 48 bytes: SHA-256 (32), executed u32, its complement u32, CRC-32 of the SHA-256
u32, order of use u32. A damaged name would make an executed plan look new, so it is checked as well.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import zlib
from typing import Protocol

SLOTS = 64
SLOT_BYTES = 48
_WORD = struct.Struct("<II")


class MemoryFailure(RuntimeError):
    """The memory does not hold what was written, or its content contradicts itself."""


class ExecutedMemory(Protocol):
    """What `DeviceCore` needs of a memory."""

    def last_plan(self) -> tuple[bytes, int]:
        """Return plan (32 bytes, empty if none) selected last and its executed index."""
        ...

    def open_plan(self, plan_sha256: bytes) -> int:
        """Make this plan the current one; return its executed index, 0 for a new plan."""
        ...

    def write(self, executed: int) -> None:
        """Keep the current plan's executed index, durable against a crash when this returns."""
        ...


class SlotMemory:
    """`ExecutedMemory` over any writable buffer of `SLOTS * SLOT_BYTES` bytes."""

    def __init__(self, buffer: mmap.mmap | bytearray) -> None:
        self._buffer = buffer
        self._slot = -1

    def _read(self, slot: int) -> tuple[bytes, int, int]:
        at = slot * SLOT_BYTES
        plan = bytes(self._buffer[at : at + 32])
        executed, complement = _WORD.unpack_from(self._buffer, at + 32)
        check, order = _WORD.unpack_from(self._buffer, at + 40)
        if (any(plan) or order) and zlib.crc32(plan) != check:
            raise MemoryFailure(f"slot {slot}: the plan's name is damaged")
        if any(plan) and executed ^ complement != 0xFFFFFFFF:
            raise MemoryFailure(f"slot {slot}: executed index and its complement disagree")
        return plan, executed, order

    def last_plan(self) -> tuple[bytes, int]:
        """Return plan and executed index of the slot used last."""
        used = [
            (order, plan, executed) for plan, executed, order in map(self._read, range(SLOTS)) if any(plan)
        ]
        if not used:
            return b"", 0
        _, plan, executed = max(used)
        return plan, executed

    def open_plan(self, plan_sha256: bytes) -> int:
        """Find or make the plan's slot; the one unused for longest gives way.

        Raises:
            MemoryFailure: a slot that contradicts itself.
        """
        slots = [self._read(slot) for slot in range(SLOTS)]
        order = 1 + max(entry[2] for entry in slots)
        known = [slot for slot, entry in enumerate(slots) if entry[0] == plan_sha256]
        if known:
            slot = known[0]
        else:
            slot = min(range(SLOTS), key=lambda s: slots[s][2])
            at = slot * SLOT_BYTES
            # One copy, so that a crash leaves the old entry, the new one, or one that fails its checks.
            fresh = plan_sha256 + _WORD.pack(0, 0xFFFFFFFF) + _WORD.pack(zlib.crc32(plan_sha256), order)
            self._buffer[at : at + SLOT_BYTES] = fresh
        self._slot = slot
        self._buffer[slot * SLOT_BYTES + 44 : slot * SLOT_BYTES + 48] = struct.pack("<I", order)
        return self._read(slot)[1]

    def write(self, executed: int) -> None:
        """Keep the executed index of the open plan and read it back.

        Raises:
            MemoryFailure: no plan open, or the bytes read back differ.
        """
        if self._slot < 0:
            raise MemoryFailure("no plan is open in the memory")
        at = self._slot * SLOT_BYTES + 32
        word = _WORD.pack(executed, executed ^ 0xFFFFFFFF)
        self._buffer[at : at + 8] = word
        if self._buffer[at : at + 8] != word:
            raise MemoryFailure("the executed index reads back differently")


class MemoryBusy(RuntimeError):
    """Another device process uses this memory file."""


def open_memory_file(path: str) -> SlotMemory:
    """Map the file (made if absent) and lock it for this process.

    Raises:
        MemoryBusy: another process holds it. OSError: not writable.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise MemoryBusy(f"{path} is in use by another simulated scan head: stop that one first") from error
    if os.fstat(descriptor).st_size < SLOTS * SLOT_BYTES:
        os.posix_fallocate(descriptor, 0, SLOTS * SLOT_BYTES)
    # The descriptor stays open on purpose: it holds the lock for the life of the process.
    return SlotMemory(mmap.mmap(descriptor, SLOTS * SLOT_BYTES))
