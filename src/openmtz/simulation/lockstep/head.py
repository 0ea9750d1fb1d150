"""The scan head in lockstep: the device's own rules, both directions of the serial line, the host's link.

What `DeviceProcess` and `ScanHeadLink` do with a pseudo-terminal and threads, on one clock handed in.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from openmtz.devices import Decoder, LinkCore, encode
from openmtz.simulation.faults import SpoiledLink
from openmtz.simulation.scan_head_device import (
    CHUNK,
    SLOT_BYTES,
    SLOTS,
    DeviceCore,
    DeviceSettings,
    ExecutedMemory,
    Line,
    Lines,
    Plant,
    Shot,
    SlotMemory,
    StepResult,
    inject,
)

MAX_TX_BACKLOG = 16384


class LockstepHead:
    """Device, line and link from power-on at `now_s`. Time moves only through `run`, never backwards.

    `memory`: what the device remembers of executed spots; by default it is new and remembers nothing.
    """

    def __init__(
        self,
        seed: int,
        now_s: float = 0.0,
        settings: DeviceSettings | None = None,
        baud: int = 921_600,
        memory: ExecutedMemory | None = None,
    ) -> None:
        self.settings = settings or DeviceSettings()
        # As in the device's process: how bytes arrive must not change the noise of a shot.
        self._rng, rx_rng, tx_rng = np.random.default_rng(seed).spawn(3)
        self._boot_rng = np.random.default_rng([seed, 0xB007])
        self.rx, self.tx = Line(baud, rx_rng), Line(baud, tx_rng)
        self._memory = memory or SlotMemory(bytearray(SLOTS * SLOT_BYTES))
        self.plant = Plant(self.settings, self._rng)
        self._link = LinkCore("simulated line", baud)
        self.link = SpoiledLink(self._link)
        """What the host's software has of the line: the link, and what may be wrong with what it sends."""
        self.served = True
        """Whether the host's process lives that moves bytes; without it the device is alone."""
        self.powered = True
        self._rate = 1.0
        self.log: list[dict[str, Any]] = []
        self._shots: list[tuple[float, Shot]] = []
        self._wires = Lines(known=False)
        self._boot(now_s)
        self._link.greet()

    def _boot(self, now_s: float) -> None:
        self._since_s, self._since_us = now_s, 0
        faults = self.plant.faults
        self.plant = Plant(self.settings, self._rng)
        self.plant.faults = replace(faults)
        boot_id = int(self._boot_rng.integers(1, 2**32))
        self.core = DeviceCore(boot_id, self._memory, self._rng, self.settings, self.plant)
        self.core.lines = self._wires
        self._ran_until_us = 0
        self._lines_seen: Lines | None = None
        self._decoder = Decoder()
        self._to_host = bytearray()
        self._to_device = bytearray()
        for line in (self.rx, self.tx):
            line.restart()

    def set_lines(self, emergency_stop_closed: bool, footswitch_pressed: bool, key_on: bool) -> None:
        """Move the wires into the head."""
        self._wires = Lines(emergency_stop_closed, footswitch_pressed, key_on)
        if self.powered:
            self.core.lines = self._wires

    def inject(self, name: str, active: bool, parameters: dict[str, Any], now_s: float) -> None:
        """Switch a fault of plant or line.

        Raises:
            InjectionError: unknown name or parameters out of range.
        """
        if inject(name, active, parameters, self.plant.faults, self.rx, self.tx):
            self._boot(now_s)

    def power(self, on: bool, now_s: float) -> None:
        """Cut or restore the head's power: a pulse under way ends at once; what it remembers stays."""
        if on and not self.powered:
            self._boot(now_s)
        elif not on and self.powered:
            self.core.lines = Lines(emergency_stop_closed=False, key_on=False)
            self._step(self._us(now_s))
        self.powered = on

    def take_shots(self) -> list[tuple[float, Shot]]:
        """Return the pulses emitted since the last call with the instant [s] each began."""
        shots, self._shots = self._shots, []
        return shots

    def run(self, until_s: float) -> None:
        """Let bytes flow and the device act until `until_s`."""
        if not self.powered:
            return
        end = self._us(until_s)
        # What was changed since the last call acts from its end on; else the device sleeps till it is due.
        news = self._news()
        now, device = self._ran_until_us, self._device_us()
        if not news:
            now = max(now, self._next_us(now, device))
        while now <= end:
            self._host(now)
            if news or device <= now:  # bytes for the host alone are no business of the device
                self._step(now)
                news = False
            device = self._device_us()
            now = max(now + 1, self._next_us(now, device))
        self._ran_until_us = end
        if self.served:
            self._link.tend(until_s)

    def _news(self) -> bool:
        """Whether lines moved, or the host has something to send, since the device acted last."""
        moved = self.core.lines is not self._lines_seen
        self._lines_seen = self.core.lines
        outbox = self._link.outbox
        sends = bool(self._to_device) or outbox.urgent_waiting or outbox.loader is not None
        return moved or (self.served and sends)

    def set_clock_rate(self, rate: float, now_s: float) -> None:
        """From now on the device's clock runs `rate` times as fast as it should."""
        self._since_us, self._since_s = self._us(now_s), now_s
        self._rate = rate

    def _us(self, time_s: float) -> int:
        return self._since_us + round((time_s - self._since_s) * 1e6 * self._rate)

    def _time(self, tick_us: float) -> float:
        return self._since_s + (tick_us - self._since_us) * 1e-6 / self._rate

    def _host(self, now: int) -> None:
        """The host's end of the line: frames out as the line is free, bytes in."""
        if not self.served:
            return
        now_s = self._time(now)
        if not self._to_device:
            self._to_device += self._link.outbox.take(now_s) or b""
        if self._to_device and self.rx.ready(now):
            self.rx.put(bytes(self._to_device[:CHUNK]), now)
            del self._to_device[:CHUNK]
        data = self.tx.get(now)
        if data:
            self._link.feed(data, now_s)

    def _step(self, now: int) -> None:
        data = self.rx.get(now)
        result: StepResult = self.core.step(now, self._decoder.feed(data) if data else ())
        for message in result.tx:
            if len(self._to_host) < MAX_TX_BACKLOG:  # a host that reads nothing gets nothing new
                self._to_host += encode(message)
        for shot in result.shots:
            self._shots.append((self._time(shot.start_us), shot))
        for entry in result.log:
            self.log.append({**entry, "t": round(self._time(entry["tick_us"]), 6)})
        if self._to_host and self.tx.ready(now):
            self.tx.put(bytes(self._to_host[:CHUNK]), now)
            del self._to_host[:CHUNK]

    def _device_us(self) -> float:
        """Return when the device has something to do [us]: of itself, bytes that come or can go."""
        due: float = self.core.next_wake_us()
        comes = self.rx.next_due_us()
        if comes is not None and comes < due:
            due = comes
        if self._to_host and self.tx.free_us < due:
            due = self.tx.free_us
        return due

    def _next_us(self, now: int, device_us: float) -> int:
        """Return when device, at `device_us`, or host have something to do after `now` [us]."""
        due = device_us
        if self.served:
            # Nobody takes what has come through to a host that is gone: it gives no reason to wake up.
            comes, outbox = self.tx.next_due_us(), self._link.outbox
            if comes is not None and comes < due:
                due = comes
            if self._to_device or outbox.urgent_waiting:
                due = min(due, self.rx.free_us)
            if outbox.loader is not None:
                wait_us = outbox.pacer.wait_s(self._time(now)) * 1e6
                if wait_us > 0:
                    due = min(due, now + wait_us + 1)
        return math.ceil(due)
