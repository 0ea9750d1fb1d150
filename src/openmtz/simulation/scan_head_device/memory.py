"""What the head remembers without power: per plan, the next spot it may fire.

The index of a spot is written *before* its pulse starts. A crash between the two leaves a spot that
is remembered but was not fired: missing, and visible as such, never fired twice.
One entry is updated by one 8-byte copy and carries its own complement, so a torn write is noticed. A plan of
which spots were fired is never forgotten: entries of plans that were only selected give way, and when
there are none the memory is full, which is a fault. `memory_file` keeps it on disk.

256 slots of 48 bytes: SHA-256 (32), executed u32, its complement u32, CRC-32 of the
SHA-256 u32, order of use u32. A damaged name would make an executed plan look new, so it is checked as well.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import Protocol

SLOTS = 256
SLOT_BYTES = 48
_WORD = struct.Struct("<II")
EMPTY_SLOT = bytes(32) + _WORD.pack(0, 0xFFFFFFFF) + _WORD.pack(zlib.crc32(bytes(32)), 0)
"""A slot never used, as a memory that was formatted has it: one that was wiped reads as zeros instead."""


class MemoryFailure(RuntimeError):
    """The memory does not hold what was written, or its content contradicts itself."""


class ExecutedMemory(Protocol):
    """What `DeviceCore` needs of a memory."""

    def last_plan(self) -> tuple[bytes, int]:
        """Return plan (32 bytes, empty if none) selected last and its executed index."""
        ...

    def executed_of(self, plan_sha256: bytes) -> int:
        """Return the executed index of a plan, 0 for one that is not known; nothing is changed."""
        ...

    def open_plan(self, plan_sha256: bytes) -> int:
        """Make this plan the current one; return its executed index, 0 for a new plan."""
        ...

    def write(self, executed: int) -> None:
        """Keep the current plan's executed index, durable against a crash when this returns."""
        ...


class SlotMemory:
    """`ExecutedMemory` over any writable buffer of `SLOTS * SLOT_BYTES` bytes.

    `formatted`: unused slots are `EMPTY_SLOT`; else zeros are good for one too.
    """

    def __init__(self, buffer: mmap.mmap | bytearray | memoryview, formatted: bool = False) -> None:
        self._buffer, self._formatted = buffer, formatted
        self._slot = -1

    def _read(self, slot: int) -> tuple[bytes, int, int]:
        at = slot * SLOT_BYTES
        plan = bytes(self._buffer[at : at + 32])
        executed, complement = _WORD.unpack_from(self._buffer, at + 32)
        check, order = _WORD.unpack_from(self._buffer, at + 40)
        if (any(plan) or order or self._formatted) and zlib.crc32(plan) != check:
            raise MemoryFailure(f"slot {slot}: the plan's name is damaged")
        if (any(plan) or self._formatted) and executed ^ complement != 0xFFFFFFFF:
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

    def executed_of(self, plan_sha256: bytes) -> int:
        """Return the executed index of a plan, 0 for one that is not known.

        Raises:
            MemoryFailure: a slot that contradicts itself.
        """
        return max((e for plan, e, _ in map(self._read, range(SLOTS)) if plan == plan_sha256), default=0)

    def open_plan(self, plan_sha256: bytes) -> int:
        """Find or make the plan's slot; of those without fired spots the one unused for longest gives way.

        Raises:
            MemoryFailure: a slot that contradicts itself, or every slot holds a plan that was fired.
        """
        slots = [self._read(slot) for slot in range(SLOTS)]
        order = 1 + max(entry[2] for entry in slots)
        known = [slot for slot, entry in enumerate(slots) if entry[0] == plan_sha256]
        if known:
            slot = known[0]
        else:
            free = [slot for slot, entry in enumerate(slots) if entry[1] == 0]
            if not free:
                raise MemoryFailure(f"it holds {SLOTS} plans that were fired, and forgets none: exchange it")
            slot = min(free, key=lambda s: slots[s][2])
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
