"""What is selected and loaded: one firing group, its spot records, the digest over them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

from openmtz.devices import RECORD_BYTES, RECORD_STRUCT, FaultCode, NakCode, Select, Spots
from openmtz.simulation.scan_head_device.exchange import DeviceFault, Refusal
from openmtz.simulation.scan_head_device.settings import DeviceSettings


@dataclass(frozen=True)
class Selection:
    """A selected firing group and the tick of its selection."""

    select: Select
    tick_us: int


class Record(NamedTuple):
    """One spot as loaded: galvo counts, energy [uJ], pulse and earliest time in its group [us]."""

    x_counts: int
    y_counts: int
    energy_uj: int
    pulse_us: int
    not_before_us: int


class SpotBuffer:
    """The selection and its records. `digests[i]` is the running digest of spot `first + i`."""

    def __init__(self, settings: DeviceSettings) -> None:
        self._settings = settings
        self.selection: Selection | None = None
        self.digests: list[int] = []
        self._raw = bytearray()
        self._records: list[Record] = []

    def select(self, selection: Selection) -> None:
        """Begin a group, empty."""
        self.clear()
        self.selection = selection

    def clear(self) -> None:
        """Forget selection and records."""
        self.selection = None
        self._raw.clear()
        self._records.clear()
        self.digests.clear()

    def loaded_until(self, executed: int) -> int:
        """Return the global index after the last loaded spot; without selection `executed`."""
        return executed if self.selection is None else self.selection.select.first + len(self._records)

    def record(self, spot: int) -> Record | None:
        """Return the record of a spot that is still to be fired, None if it is not loaded."""
        if self.selection is None:
            return None
        row = spot - self.selection.select.first
        return self._records[row] if row < len(self._records) else None

    def take(self, frame: Spots, executed: int) -> None:
        """Take records; those known already must be the same and are skipped.

        Raises:
            Refusal: nothing selected, outside the selection, or a gap before them: nothing was taken.
            DeviceFault: too many, other content than before, or beyond the hard limits.
        """
        if self.selection is None:
            raise Refusal(NakCode.NOT_SELECTED, "select a plan and spots first")
        select = self.selection.select
        count = len(frame.records) // RECORD_BYTES
        if frame.first < select.first or frame.first + count > select.end:
            raise Refusal(NakCode.BAD_REQUEST, f"spots {frame.first}.. are outside the selection")
        loaded_until = self.loaded_until(executed)
        if frame.first > loaded_until:
            raise Refusal(NakCode.GAP, f"expected spot {loaded_until}, got {frame.first}")
        if frame.first + count - executed > self._settings.buffer_spots:
            raise DeviceFault(FaultCode.OVERRUN, f"spots up to {frame.first + count}")
        known = min(count, loaded_until - frame.first) * RECORD_BYTES
        at = (frame.first - select.first) * RECORD_BYTES
        if self._raw[at : at + known] != frame.records[:known]:
            raise DeviceFault(FaultCode.INDEX, f"spot {frame.first} or later was loaded differently before")
        for start in range(known, len(frame.records), RECORD_BYTES):
            self._append(frame.records[start : start + RECORD_BYTES])

    def _append(self, raw: bytes) -> None:
        record, limits = Record._make(RECORD_STRUCT.unpack(raw)), self._settings
        energy, pulse = record.energy_uj, record.pulse_us
        if not (
            0 < energy <= limits.energy_limit_uj
            and 0 < pulse <= limits.pulse_limit_us
            and energy <= limits.power_limit_w * pulse
        ):
            raise DeviceFault(FaultCode.HARD_LIMIT, f"spot {self.loaded_until(0)}: {energy} uJ in {pulse} us")
        self.digests.append(zlib.crc32(raw, self.digests[-1] if self.digests else 0))
        self._raw += raw
        self._records.append(record)
