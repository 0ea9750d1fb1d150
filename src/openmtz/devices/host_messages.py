"""What the host says to the scan head, with the byte layout of each. No I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from openmtz.devices.payload import (
    MAX_RECORDS_PER_FRAME,
    PROTOCOL_VERSION,
    EmptyMessage,
    PayloadError,
    unpack,
)
from openmtz.devices.spots import RECORD_BYTES


@dataclass(frozen=True)
class Hello:
    """Host asks who is there."""

    TYPE: ClassVar[int] = 0x01
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<H")
    protocol_version: int = PROTOCOL_VERSION

    def payload(self) -> bytes:
        return self.LAYOUT.pack(self.protocol_version)

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        return cls(*unpack(cls.LAYOUT, payload))


@dataclass(frozen=True)
class Select:
    """Begin spots `[first, end)` of a plan, one station and pass; empties the device's buffer."""

    TYPE: ClassVar[int] = 0x02
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<32sHBII")
    plan_sha256: bytes
    station: int
    pass_index: int
    first: int
    end: int

    def payload(self) -> bytes:
        if len(self.plan_sha256) != 32:
            raise ValueError("plan_sha256 must be 32 bytes")
        return self.LAYOUT.pack(self.plan_sha256, self.station, self.pass_index, self.first, self.end)

    @classmethod
    def parse(cls, payload: bytes) -> Select:
        return cls(*unpack(cls.LAYOUT, payload))


@dataclass(frozen=True)
class Spots:
    """Records of spots `first`, `first + 1`, ... (openmtz.devices.spots), 1 to 32 of them."""

    TYPE: ClassVar[int] = 0x03
    first: int
    records: bytes

    def payload(self) -> bytes:
        if len(self.records) > MAX_RECORDS_PER_FRAME * RECORD_BYTES:
            raise ValueError(f"at most {MAX_RECORDS_PER_FRAME} spots in one frame")
        return struct.pack("<I", self.first) + self.records

    @classmethod
    def parse(cls, payload: bytes) -> Spots:
        size = len(payload) - 4
        if size <= 0 or size % RECORD_BYTES or size > MAX_RECORDS_PER_FRAME * RECORD_BYTES:
            raise PayloadError(f"payload of {len(payload)} bytes holds no 1 to 32 spot records")
        return cls(struct.unpack_from("<I", payload)[0], payload[4:])


@dataclass(frozen=True)
class PermitFrame:
    """Credit to fire spots below `credit_until` until `device_tick_us + ttl_us` of the device's clock."""

    TYPE: ClassVar[int] = 0x04
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<I16sHBIIIQI")
    counter: int
    plan_prefix: bytes
    station: int
    pass_index: int
    credit_until: int
    digest_at_credit: int
    device_boot_id: int
    device_tick_us: int
    ttl_us: int

    def payload(self) -> bytes:
        if len(self.plan_prefix) != 16:
            raise ValueError("plan_prefix must be the first 16 bytes of the plan's SHA-256")
        return self.LAYOUT.pack(
            self.counter,
            self.plan_prefix,
            self.station,
            self.pass_index,
            self.credit_until,
            self.digest_at_credit,
            self.device_boot_id,
            self.device_tick_us,
            self.ttl_us,
        )

    @classmethod
    def parse(cls, payload: bytes) -> PermitFrame:
        return cls(*unpack(cls.LAYOUT, payload))


@dataclass(frozen=True)
class GateClose(EmptyMessage):
    """Close the gate and forget the selection: nothing fires before a new Select and a newer permit."""

    TYPE: ClassVar[int] = 0x05


@dataclass(frozen=True)
class ResetFault(EmptyMessage):
    """Clear a latched fault whose cause is gone."""

    TYPE: ClassVar[int] = 0x06


@dataclass(frozen=True)
class StatusRequest(EmptyMessage):
    """Send a status now."""

    TYPE: ClassVar[int] = 0x07


@dataclass(frozen=True)
class FiredRequest:
    """Repeat the fired reports of spots `[first, end)`: a report lost on the line is asked for again."""

    TYPE: ClassVar[int] = 0x08
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<II")
    first: int
    end: int

    def payload(self) -> bytes:
        return self.LAYOUT.pack(self.first, self.end)

    @classmethod
    def parse(cls, payload: bytes) -> FiredRequest:
        return cls(*unpack(cls.LAYOUT, payload))


@dataclass(frozen=True)
class ShowPlan:
    """Name a plan: while nothing is selected, the statuses that follow show it and its executed index."""

    TYPE: ClassVar[int] = 0x09
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<32s")
    plan_sha256: bytes

    def payload(self) -> bytes:
        if len(self.plan_sha256) != 32:
            raise ValueError("plan_sha256 must be 32 bytes")
        return self.LAYOUT.pack(self.plan_sha256)

    @classmethod
    def parse(cls, payload: bytes) -> ShowPlan:
        return cls(*unpack(cls.LAYOUT, payload))
