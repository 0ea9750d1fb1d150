"""The messages between host and scan head as frozen dataclasses with their byte layout. No I/O.

Every message knows its `TYPE` byte, `payload()` and `parse(payload)`. All numbers are little-endian.
The tables of docs/serial_protocol.md repeat these layouts; a test holds them together.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from openmtz.devices.spots import RECORD_BYTES

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


def _unpack(layout: struct.Struct, payload: bytes) -> tuple[Any, ...]:
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
class Hello:
    """Host asks who is there."""

    TYPE: ClassVar[int] = 0x01
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<H")
    protocol_version: int = PROTOCOL_VERSION

    def payload(self) -> bytes:
        return self.LAYOUT.pack(self.protocol_version)

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        return cls(*_unpack(cls.LAYOUT, payload))


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
        return cls(*_unpack(cls.LAYOUT, payload))


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
        return cls(*_unpack(cls.LAYOUT, payload))


@dataclass(frozen=True)
class _Empty:
    def payload(self) -> bytes:
        return b""

    @classmethod
    def parse(cls, payload: bytes):  # type: ignore[no-untyped-def]
        if payload:
            raise PayloadError(f"{cls.__name__} has no payload, got {len(payload)} bytes")
        return cls()


@dataclass(frozen=True)
class GateClose(_Empty):
    """Close the gate and forget the selection: nothing fires before a new Select and a newer permit."""

    TYPE: ClassVar[int] = 0x05


@dataclass(frozen=True)
class ResetFault(_Empty):
    """Clear a latched fault whose cause is gone."""

    TYPE: ClassVar[int] = 0x06


@dataclass(frozen=True)
class StatusRequest(_Empty):
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
        return cls(*_unpack(cls.LAYOUT, payload))


@dataclass(frozen=True)
class HelloReply:
    """Who is there, and its limits."""

    TYPE: ClassVar[int] = 0x81
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HIIIIH")
    protocol_version: int
    boot_id: int
    buffer_spots: int
    max_ttl_us: int
    energy_limit_uj: int
    pulse_limit_us: int
    device_id: str

    def payload(self) -> bytes:
        numbers = self.LAYOUT.pack(
            self.protocol_version,
            self.boot_id,
            self.buffer_spots,
            self.max_ttl_us,
            self.energy_limit_uj,
            self.pulse_limit_us,
        )
        return numbers + self.device_id.encode()[:64]

    @classmethod
    def parse(cls, payload: bytes) -> HelloReply:
        version, boot, spots, ttl, energy, pulse = _unpack(cls.LAYOUT, payload[: cls.LAYOUT.size])
        return cls(
            version, boot, spots, ttl, energy, pulse, payload[cls.LAYOUT.size :].decode(errors="replace")
        )


@dataclass(frozen=True)
class Status:
    """State of the device, every 10 ms and at every change; the fields of ScanHeadStatus.msg."""

    TYPE: ClassVar[int] = 0x82
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BIQBIIIIIH32s")
    state: int
    boot_id: int
    device_tick_us: int
    gate_open: bool
    emergency_stop_open: bool
    footswitch_pressed: bool
    loaded_until: int
    executed: int
    credit_until: int
    permit_counter: int
    permits_rejected: int
    fault_code: int
    plan_sha256: bytes = b""
    fault_text: str = ""

    @property
    def plan_hex(self) -> str:
        """Hex SHA-256 of the plan selected last, empty if none."""
        return self.plan_sha256.hex()

    def payload(self) -> bytes:
        flags = self.gate_open | self.emergency_stop_open << 1 | self.footswitch_pressed << 2
        return (
            self.LAYOUT.pack(
                self.state,
                self.boot_id,
                self.device_tick_us,
                flags,
                self.loaded_until,
                self.executed,
                self.credit_until,
                self.permit_counter,
                self.permits_rejected,
                self.fault_code,
                self.plan_sha256,
            )
            + self.fault_text.encode()[:120]
        )

    @classmethod
    def parse(cls, payload: bytes) -> Status:
        size = cls.LAYOUT.size
        state, boot, tick, flags, loaded, done, credit, counter, rejected, fault, plan = _unpack(
            cls.LAYOUT, payload[:size]
        )
        if state > DeviceState.FAULT:
            raise PayloadError(f"a device has no state {state}")
        return cls(
            DeviceState(state),
            boot,
            tick,
            bool(flags & 1),
            bool(flags & 2),
            bool(flags & 4),
            loaded,
            done,
            credit,
            counter,
            rejected,
            fault,
            plan if any(plan) else b"",
            payload[size:].decode(errors="replace"),
        )


@dataclass(frozen=True)
class Fired:
    """Pulses really emitted: spots `first`, `first + 1`, ... with (tick_us at start, measured uJ)."""

    TYPE: ClassVar[int] = 0x83
    ROW: ClassVar[struct.Struct] = struct.Struct("<QI")
    first: int
    shots: tuple[tuple[int, int], ...]

    def payload(self) -> bytes:
        if len(self.shots) > MAX_FIRED_PER_FRAME:
            raise ValueError(f"at most {MAX_FIRED_PER_FRAME} shots in one frame")
        return struct.pack("<I", self.first) + b"".join(self.ROW.pack(*shot) for shot in self.shots)

    @classmethod
    def parse(cls, payload: bytes) -> Fired:
        size = len(payload) - 4
        if size <= 0 or size % cls.ROW.size or size > MAX_FIRED_PER_FRAME * cls.ROW.size:
            raise PayloadError(f"payload of {len(payload)} bytes holds no 1 to 32 shots")
        return cls(struct.unpack_from("<I", payload)[0], tuple(cls.ROW.iter_unpack(payload[4:])))


@dataclass(frozen=True)
class Nak:
    """The device did not do what it was told; `text` for a person."""

    TYPE: ClassVar[int] = 0x84
    code: int
    text: str = ""

    def payload(self) -> bytes:
        return struct.pack("<B", self.code) + self.text.encode()[:160]

    @classmethod
    def parse(cls, payload: bytes) -> Nak:
        if not payload:
            raise PayloadError("a Nak without code")
        return cls(payload[0], payload[1:].decode(errors="replace"))


@dataclass(frozen=True)
class SelectReply:
    """The selection as the device took it, and the tick of it: permits must echo this tick or a later one."""

    TYPE: ClassVar[int] = 0x85
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<16sHBIIQ")
    plan_prefix: bytes
    station: int
    pass_index: int
    first: int
    end: int
    device_tick_us: int

    def payload(self) -> bytes:
        return self.LAYOUT.pack(
            self.plan_prefix, self.station, self.pass_index, self.first, self.end, self.device_tick_us
        )

    @classmethod
    def parse(cls, payload: bytes) -> SelectReply:
        return cls(*_unpack(cls.LAYOUT, payload))


HostFrame = Hello | Select | Spots | PermitFrame | GateClose | ResetFault | StatusRequest | FiredRequest
DeviceFrame = HelloReply | Status | Fired | Nak | SelectReply
Frame = HostFrame | DeviceFrame
FRAME_CLASSES: tuple[type, ...] = (
    Hello,
    Select,
    Spots,
    PermitFrame,
    GateClose,
    ResetFault,
    StatusRequest,
    FiredRequest,
    HelloReply,
    Status,
    Fired,
    Nak,
    SelectReply,
)
FRAMES_BY_TYPE = {c.TYPE: c for c in FRAME_CLASSES}  # type: ignore[attr-defined]
