"""A scan head under test: the pure core with an injected clock, and the real process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openmtz.devices import Fired, PermitFrame, Status, encode_records, running_digest
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


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def new_bench() -> type[Bench]:
    return Bench


def wait_until(condition: Callable[[], Any], timeout_s: float = 5.0, what: str = "") -> Any:
    """Poll until the condition is true; a bound, not a pause."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.002)
    return value


class RealDevice:
    """The real device process with a stand-in for the world at the other end of its wires."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.link, self.log_path = folder / "head", folder / "device.jsonl"
        self.nvram = folder / "nvram"
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(folder / "wires"))
        self._server.listen(1)
        self._server.settimeout(10)
        self.command = [sys.executable, "-m", "openmtz.simulation.scan_head_device", "--link", str(self.link)]
        self.command += ["--wires", str(folder / "wires"), "--log", str(self.log_path)]
        self.command += ["--nvram", str(self.nvram), "--seed", "1", *options]
        self.shots: list[list[float]] = []
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        self.wires, _ = self._server.accept()
        self.wires.setblocking(False)
        self._input = b""

    def tell(self, **message: Any) -> None:
        self.wires.sendall(json.dumps(message).encode() + b"\n")

    def lines(self, stop: bool = True, foot: bool = True, key: bool = True) -> float:
        self.tell(lines={"emergency_stop_closed": stop, "footswitch_pressed": foot, "key_on": key})
        return time.monotonic()

    def truth(self) -> list[list[float]]:
        try:
            while data := self.wires.recv(65536):
                self._input += data
        except BlockingIOError:
            pass
        *lines, self._input = self._input.split(b"\n")
        for line in lines:
            self.shots += json.loads(line)["shots"]
        return self.shots

    def log(self, event: str | None = None) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.log_path.read_text().splitlines()]
        return [e for e in entries if event is None or e["event"] == event]

    def state(self) -> str:
        """State of the process as the kernel tells it: T is stopped."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)
        self.wires.close()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.wires.close()
        self._server.close()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[RealDevice]:
    real = RealDevice(tmp_path)
    yield real
    real.end()


@pytest.fixture
def poll() -> Callable[..., Any]:
    return wait_until


os.environ.setdefault("OMP_NUM_THREADS", "1")


class Granter:
    """Stands in for the safety monitor: grants credit by the link's status, as often as it is asked to."""

    def __init__(
        self, link: Any, records: bytes, first: int = 0, window: int = 64, every_s: float = 0.015
    ) -> None:
        self.link, self.first, self.window, self.every_s = link, first, window, every_s
        self.digests = running_digest(records)
        self.counter = 0
        self.next_s = 0.0
        self.last: PermitFrame | None = None
        self.events: list[Any] = []

    def pump(self) -> list[Any]:
        """Grant if it is time, collect events; returns all events so far."""
        from openmtz.devices import encode

        status, now = self.link.status, time.monotonic()
        if (
            status is not None
            and now >= self.next_s
            and status.loaded_until > max(status.executed, self.first)
        ):
            self.next_s = now + self.every_s
            self.counter += 1
            credit = min(status.executed + self.window, status.loaded_until)
            digest = int(self.digests[credit - self.first - 1])
            self.last = PermitFrame(
                self.counter, PLAN[:16], 3, 0, credit, digest, status.boot_id, status.device_tick_us, 60_000
            )
            self.link.relay_permit(encode(self.last))
        self.events += self.link.events()
        return self.events

    def fired(self) -> list[int]:
        self.pump()
        return [e.first + i for e in self.events if isinstance(e, Fired) for i in range(len(e.shots))]


@pytest.fixture
def link(device: RealDevice) -> Iterator[Any]:
    from openmtz.devices import ScanHeadLink

    wait_until(device.link.exists, what="the device's port")
    device.lines()
    head = ScanHeadLink(str(device.link))
    yield head
    head.close()


@pytest.fixture
def granter() -> type[Granter]:
    return Granter
