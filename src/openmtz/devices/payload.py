"""What all messages share: versions and sizes, codes, and how a payload of fixed length is read. No I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

PROTOCOL_VERSION = 1
MAX_RECORDS_PER_FRAME = 32
"""448 bytes, 4.9 ms at 921,600 baud: the longest a permit waits for a frame boundary."""
MAX_FIRED_PER_FRAME = 32


class PayloadError(ValueError):
    """A payload whose length or content contradicts its type."""


class DeviceState(IntEnum):
    """As in ScanHeadStatus.msg."""

    IDLE = 0
    LOADED = 1
    FIRING = 2
    HOLD = 3
    FAULT = 4


class NakCode(IntEnum):
    """Why the device did not do what it was told."""

    VERSION = 1
    GAP = 2
    NOT_SELECTED = 3
    ALREADY_EXECUTED = 4
    BUSY = 5
    IN_FAULT = 6
    BAD_REQUEST = 7
    PERMIT_REJECTED = 8
    UNKNOWN_TYPE = 9
    CAUSE_PRESENT = 10


def unpack(layout: struct.Struct, payload: bytes) -> tuple[Any, ...]:
    """Return the fields of a payload of fixed length.

    Raises:
        PayloadError: another length.
    """
    if len(payload) != layout.size:
        raise PayloadError(f"payload of {len(payload)} bytes where {layout.size} belong")
    return layout.unpack(payload)


def plan_bytes(sha256_hex: str) -> bytes:
    """Return the 32 bytes of a plan's hex SHA-256.

    Raises:
        ValueError: not 64 hex digits.
    """
    data = bytes.fromhex(sha256_hex)
    if len(data) != 32:
        raise ValueError(f"a plan is named by 64 hex digits, got {len(sha256_hex)} characters")
    return data


@dataclass(frozen=True)
class EmptyMessage:
    """A message that its type says completely."""

    def payload(self) -> bytes:
        return b""

    @classmethod
    def parse(cls, payload: bytes):  # type: ignore[no-untyped-def]
        if payload:
            raise PayloadError(f"{cls.__name__} has no payload, got {len(payload)} bytes")
        return cls()
