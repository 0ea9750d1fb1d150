"""What comes over the line to a scan head: messages of the device, and what the line itself has to tell."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.devices.messages import Fired, HelloReply, Nak, SelectReply, Status


@dataclass(frozen=True)
class LinkLost:
    """The line to the device is gone: why. Nothing further arrives until `connect()`."""

    reason: str


@dataclass(frozen=True)
class FiredGap:
    """Spots `[first, end)` were executed but the device cannot say how: they are in doubt."""

    first: int
    end: int


Event = Status | Fired | Nak | SelectReply | HelloReply | LinkLost | FiredGap
