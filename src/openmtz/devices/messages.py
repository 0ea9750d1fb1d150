"""The messages between host and scan head as frozen dataclasses with their byte layout. No I/O.

Every message knows its `TYPE` byte, `payload()` and `parse(payload)`. All numbers are little-endian.
The tables of docs/serial_protocol.md repeat these layouts; a test holds them together. The layouts
themselves stand in `host_messages` and `device_messages`; whoever uses them imports them from here.
"""

from __future__ import annotations

from openmtz.devices.device_messages import (
    Fired,
    HelloReply,
    Nak,
    SelectReply,
    Status,
)
from openmtz.devices.host_messages import (
    FiredRequest,
    GateClose,
    Hello,
    PermitFrame,
    ResetFault,
    Select,
    ShowPlan,
    Spots,
    StatusRequest,
)
from openmtz.devices.payload import (
    MAX_FIRED_PER_FRAME,
    MAX_RECORDS_PER_FRAME,
    PROTOCOL_VERSION,
    DeviceState,
    NakCode,
    PayloadError,
    plan_bytes,
)

__all__ = [
    "FRAMES_BY_TYPE",
    "FRAME_CLASSES",
    "MAX_FIRED_PER_FRAME",
    "MAX_RECORDS_PER_FRAME",
    "PROTOCOL_VERSION",
    "DeviceFrame",
    "DeviceState",
    "Fired",
    "FiredRequest",
    "Frame",
    "GateClose",
    "Hello",
    "HelloReply",
    "HostFrame",
    "Nak",
    "NakCode",
    "PayloadError",
    "PermitFrame",
    "ResetFault",
    "Select",
    "SelectReply",
    "ShowPlan",
    "Spots",
    "Status",
    "StatusRequest",
    "plan_bytes",
]

HostFrame = (
    Hello | Select | Spots | PermitFrame | GateClose | ResetFault | StatusRequest | FiredRequest | ShowPlan
)
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
    ShowPlan,
    HelloReply,
    Status,
    Fired,
    Nak,
    SelectReply,
)
FRAMES_BY_TYPE = {c.TYPE: c for c in FRAME_CLASSES}  # type: ignore[attr-defined]
