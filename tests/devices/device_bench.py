"""A scan head's rules under test without a process: the pure core, permits and a clock by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmtz.devices import Fired, Nak, PermitFrame, Status, encode_records, running_digest
from openmtz.devices.messages import Select, Spots
from openmtz.simulation.scan_head_device.core import DeviceCore, Lines, Shot, StepResult
from openmtz.simulation.scan_head_device.memory import SLOT_BYTES, SLOTS, SlotMemory
from openmtz.simulation.scan_head_device.settings import DeviceSettings

PLAN = bytes(range(1, 33))
READY = Lines(emergency_stop_closed=True, footswitch_pressed=True, key_on=True)
QUIET = DeviceSettings(energy_noise=0.0, meter_noise=0.0, galvo_repeatability_rad=0.0)


def some_records(count: int, energy_uj: int = 20_000, pulse_us: int = 800, gap_us: int = 0) -> bytes:
    rows = np.arange(count)
    counts = np.stack([rows % 50 * 100, rows // 50 * 100], axis=1)
    return encode_records(counts, np.full(count, energy_uj), np.full(count, pulse_us), rows * gap_us)


class Bench:
    """Drives a core with a clock by hand; makes permits as a monitor would."""

    def __init__(
        self, memory: bytearray | None = None, settings: DeviceSettings = QUIET, boot: int = 77
    ) -> None:
        self.memory = bytearray(SLOTS * SLOT_BYTES) if memory is None else memory
        self.core = DeviceCore(boot, SlotMemory(self.memory), np.random.default_rng(1), settings)
        self.core.lines = READY
        self.now = 0
        self.counter = 0
        self.tx: list[Any] = []
        self.shots: list[Shot] = []
        self.log: list[dict[str, Any]] = []
        self.records = b""
        self.first = 0

    def step(self, *frames: Any, at: int | None = None) -> StepResult:
        self.now = self.now if at is None else at
        result = self.core.step(self.now, frames)
        self.tx += result.tx
        self.shots += result.shots
        self.log += result.log
        return result

    def load(
        self, count: int = 10, first: int = 0, end: int | None = None, records: bytes | None = None
    ) -> None:
        self.records = some_records(count) if records is None else records
        self.first = first
        self.step(Select(PLAN, 3, 0, first, first + count if end is None else end))
        for at in range(0, len(self.records), 14 * 32):
            self.step(Spots(first + at // 14, self.records[at : at + 14 * 32]))

    def permit(self, credit: int, tick: int | None = None, **changes: Any) -> PermitFrame:
        self.counter += 1
        digests = running_digest(self.records)
        row = credit - self.first - 1
        values: dict[str, Any] = {
            "counter": self.counter,
            "plan_prefix": PLAN[:16],
            "station": 3,
            "pass_index": 0,
            "credit_until": credit,
            "digest_at_credit": int(digests[row]) if 0 <= row < len(digests) else 0,
            "device_boot_id": self.core.boot_id,
            "device_tick_us": self.now if tick is None else tick,
            "ttl_us": 60_000,
        }
        return PermitFrame(**(values | changes))

    def run(self, duration_us: int, credit: int | None = None, every_us: int = 15_000) -> None:
        """Let time pass; with a credit, permits arrive all the while."""
        end = self.now + duration_us
        next_permit = self.now
        while self.now < end:
            frames = []
            if credit is not None and self.now >= next_permit:
                frames, next_permit = [self.permit(credit)], self.now + every_us
            self.step(*frames)
            wake = max(self.core.next_wake_us(), self.now + 1)
            self.now = min(wake, end, next_permit if credit is not None else end)
        self.step()

    @property
    def status(self) -> Status:
        return self.core.status()

    def fired(self) -> list[int]:
        return [f.first + i for f in self.tx if isinstance(f, Fired) for i in range(len(f.shots))]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [entry for entry in self.log if entry["event"] == name]


def naks(bench: Any) -> list[int]:
    return [m.code for m in bench.tx if isinstance(m, Nak)]
