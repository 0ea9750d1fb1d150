"""What the scan head says to the host, with the byte layout of each. No I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from openmtz.devices.payload import MAX_FIRED_PER_FRAME, DeviceState, PayloadError, unpack


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
        version, boot, spots, ttl, energy, pulse = unpack(cls.LAYOUT, payload[: cls.LAYOUT.size])
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
        state, boot, tick, flags, loaded, done, credit, counter, rejected, fault, plan = unpack(
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
        return cls(*unpack(cls.LAYOUT, payload))
