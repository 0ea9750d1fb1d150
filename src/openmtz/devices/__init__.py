"""Scan heads: what one must do, the serial line to one, and the bytes on it.

`ScanHeadLink` is loaded on first use: who only speaks the codec (the safety monitor, the simulated
device) needs no pyserial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openmtz.devices.errors import (
    DeviceNotAnswering,
    DeviceRefused,
    ProtocolMismatch,
    ScanHeadError,
    SerialPortBusy,
    SerialPortMissing,
)
from openmtz.devices.fault_codes import FAULT_TEXT, FaultCode
from openmtz.devices.messages import (
    PROTOCOL_VERSION,
    DeviceState,
    Fired,
    HelloReply,
    Nak,
    NakCode,
    PermitFrame,
    SelectReply,
    Status,
    plan_bytes,
)
from openmtz.devices.protocols import Event, FiredGap, LinkLost, ScanHead
from openmtz.devices.spots import RECORD_BYTES, SpotRecords, decode_records, encode_records, running_digest
from openmtz.devices.wire import Decoder, WireError, decode_frame, encode

if TYPE_CHECKING:
    from openmtz.devices.scan_head import ScanHeadLink

__all__ = [
    "FAULT_TEXT",
    "PROTOCOL_VERSION",
    "RECORD_BYTES",
    "Decoder",
    "DeviceNotAnswering",
    "DeviceRefused",
    "DeviceState",
    "Event",
    "FaultCode",
    "Fired",
    "FiredGap",
    "HelloReply",
    "LinkLost",
    "Nak",
    "NakCode",
    "PermitFrame",
    "ProtocolMismatch",
    "ScanHead",
    "ScanHeadError",
    "ScanHeadLink",
    "SelectReply",
    "SerialPortBusy",
    "SerialPortMissing",
    "SpotRecords",
    "Status",
    "WireError",
    "decode_frame",
    "decode_records",
    "encode",
    "encode_records",
    "plan_bytes",
    "running_digest",
]


def __getattr__(name: str) -> Any:
    if name == "ScanHeadLink":
        from openmtz.devices.scan_head import ScanHeadLink

        return ScanHeadLink
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
