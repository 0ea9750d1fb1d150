"""What the stack needs of a scan head, whoever makes it. The serial link is one of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class ScanHead(Protocol):
    """A scan head. No call blocks for longer than it says; what happens comes through `events()`."""

    @property
    def status(self) -> Status | None:
        """The status received last, None before the first."""
        ...

    @property
    def status_received_s(self) -> float:
        """Clock time [s] at which `status` arrived, -inf before the first."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the device has been heard lately."""
        ...

    @property
    def work_count(self) -> int:
        """Progress counter of the loop that moves the bytes."""
        ...

    def connect(self) -> HelloReply:
        """Open the line and greet the device; bounded wait; raises a ScanHeadError."""
        ...

    def select(self, plan_sha256: str, station: int, pass_index: int, first: int, end: int) -> SelectReply:
        """Begin spots `[first, end)`; bounded wait; raises a ScanHeadError."""
        ...

    def load(self, first: int, records: bytes) -> None:
        """Hand over spot records (14 bytes each); they flow as the device has room. Never blocks."""
        ...

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on unopened, before anything else waiting. Never blocks."""
        ...

    def show_plan(self, plan_sha256: bytes) -> None:
        """Ask the device to name a plan in its statuses, with what it has executed of it. Never blocks."""
        ...

    def close_gate(self) -> None:
        """Close the gate and forget the selection. Never blocks."""
        ...

    def reset_fault(self) -> None:
        """Ask the device to clear a latched fault whose cause is gone. Never blocks."""
        ...

    def events(self) -> Sequence[Event]:
        """Return and forget what has happened since the last call, in order."""
        ...

    def close(self) -> None:
        """Close the gate first, then the line."""
        ...
