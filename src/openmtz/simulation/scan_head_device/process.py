"""The device's process: pseudo-terminal, wires, memory, log and clock around `DeviceCore`."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import select
import time
import tty
from dataclasses import replace
from typing import Any

import numpy as np

from openmtz.devices import DeviceState, Frame, wire
from openmtz.simulation.scan_head_device.core import DeviceCore, Lines, StepResult
from openmtz.simulation.scan_head_device.injection import InjectionError, inject
from openmtz.simulation.scan_head_device.line import CHUNK, Line
from openmtz.simulation.scan_head_device.memory import ExecutedMemory
from openmtz.simulation.scan_head_device.plant import Plant
from openmtz.simulation.scan_head_device.settings import DeviceSettings
from openmtz.simulation.scan_head_device.world_wires import WorldWires

MAX_SLEEP_S = 0.005
MAX_TX_BACKLOG = 16384
SHOTS_BATCH_S = 0.004


class DeviceProcess:
    """Owns the descriptors of one simulated head. `run()` returns after `stop()` (a signal handler)."""

    def __init__(
        self,
        link: str,
        wires: str,
        log: str,
        memory: ExecutedMemory,
        seed: int,
        baud: int,
        settings: DeviceSettings,
    ) -> None:
        self._link = link
        self._memory = memory
        self._settings = settings
        # Streams of their own: how bytes arrive depends on timing, the noise of a shot must not.
        self._rng, rx_rng, tx_rng = np.random.default_rng(seed).spawn(3)
        self._rx, self._tx = Line(baud, rx_rng), Line(baud, tx_rng)
        self._wires = WorldWires(wires)
        # O_APPEND and one write per batch: what was logged stays, whoever is killed.
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._stopping = False
        self._shots: list[list[float]] = []
        self._shots_since_s = 0.0
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._place_link(os.ttyname(self._slave))
        self._plant = Plant(settings, self._rng)
        self._boot()

    def _place_link(self, target: str) -> None:
        temporary = f"{self._link}.{os.getpid()}"
        os.symlink(target, temporary)
        os.replace(temporary, self._link)
        self._target = target

    def _boot(self) -> None:
        self._boot_s = time.monotonic()
        boot_id = int.from_bytes(os.urandom(4), "little") or 1
        faults = self._plant.faults
        self._plant = Plant(self._settings, self._rng)
        self._plant.faults = replace(faults)
        self._core = DeviceCore(boot_id, self._memory, self._rng, self._settings, self._plant)
        self._decoder = wire.Decoder()
        self._out = bytearray()
        for line in (self._rx, self._tx):
            line.restart()

    def stop(self) -> None:
        """Ask `run` to close the gate and return. Safe in a signal handler."""
        self._stopping = True

    def _now_us(self) -> int:
        return int((time.monotonic() - self._boot_s) * 1e6)

    def run(self) -> None:
        """Serve until `stop()`; then gate closed, logged, link removed."""
        try:
            while not self._stopping:
                self._turn()
                self._sleep()
        finally:
            self._shut_down()

    def _turn(self) -> None:
        # The clock first: whatever was sent before `now` is heard below, before a shot is decided.
        now = self._now_us()
        reboot = self._serve_wires()
        frames = self._read(now)
        self._handle(self._core.step(now, frames))
        self._write(self._now_us())
        if reboot:
            self._note({"event": "reboot"})
            lines = self._core.lines
            self._boot()
            self._core.lines = lines

    def _handle(self, result: StepResult) -> None:
        boot = self._boot_s
        if result.log:
            for entry in result.log:
                entry["t"] = round(boot + entry["tick_us"] * 1e-6, 6)
            self._note(*result.log)
        for message in result.tx:
            if len(self._out) < MAX_TX_BACKLOG:  # a host that reads nothing gets nothing new
                self._out += wire.encode(message)
        now_s = time.monotonic()
        if result.shots:
            if not self._shots:
                self._shots_since_s = now_s
            self._shots += [
                # A thousandth of a count is 8 nrad: far below the jitter.
                [
                    s.spot,
                    round(s.x_counts, 3),
                    round(s.y_counts, 3),
                    s.energy_uj * 1e-3,
                    boot + s.start_us * 1e-6,
                ]
                for s in result.shots
            ]
        idle = self._core.state is not DeviceState.FIRING
        if self._shots and (idle or now_s - self._shots_since_s >= SHOTS_BATCH_S):
            self._wires.send({"shots": self._shots, "plan": self._core.plan_sha256.hex()})
            self._shots = []
        self._wires.flush()

    # -- wires ------------------------------------------------------------------------------------

    def _serve_wires(self) -> bool:
        if not self._wires.connected:
            if self._wires.connect_if_due(time.monotonic()):
                self._note({"event": "wires_connected"})
            else:
                return False
        messages, whole = self._wires.receive()
        reboot = False
        for message in messages:
            reboot |= self._take_wire_message(message)
        if not whole:
            self._note({"event": "wires_broken"})
            self._core.lines = Lines(emergency_stop_closed=False)
        return reboot

    def _take_wire_message(self, message: dict[str, Any]) -> bool:
        if isinstance(message.get("lines"), dict):
            given = message["lines"]
            # `is True`: anything but a plain true is an open line.
            self._core.lines = Lines(
                given.get("emergency_stop_closed") is True,
                given.get("footswitch_pressed") is True,
                given.get("key_on") is True,
            )
        if "fault" in message:
            name, active = str(message["fault"]), bool(message.get("active"))
            parameters = message.get("parameters") or {}
            try:
                reboot = inject(name, active, parameters, self._plant.faults, self._rx, self._tx)
            except (InjectionError, AttributeError) as error:
                self._note({"event": "injection_refused", "reason": str(error)})
                return False
            self._note({"event": "injection", "fault": name, "active": active, "parameters": parameters})
            return reboot
        return False

    # -- serial -----------------------------------------------------------------------------------

    def _read(self, now: int) -> list[Frame | wire.WireError]:
        if self._rx.ready(now):
            try:
                data = os.read(self._master, CHUNK)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EIO):
                    raise
                data = b""
            if data:
                self._rx.put(data, now)
        data = self._rx.get(now)
        return self._decoder.feed(data) if data else []

    def _write(self, now: int) -> None:
        if self._out and self._tx.ready(now):
            self._tx.put(bytes(self._out[:CHUNK]), now)
            del self._out[:CHUNK]
        data = self._tx.get(now)
        # A full terminal (nobody reads) loses bytes like a wire without listener.
        if data:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    def _sleep(self) -> None:
        now = self._now_us()
        wake = float(min(self._core.next_wake_us(), now + MAX_SLEEP_S * 1e6))
        for due in (self._rx.next_due_us(), self._tx.next_due_us()):
            if due is not None:
                wake = min(wake, due)
        if self._out:
            wake = min(wake, self._tx.free_us)
        read: list[Any] = []
        if self._rx.ready(now):
            read.append(self._master)
        else:
            wake = min(wake, self._rx.free_us)
        write: list[Any] = []
        if self._wires.socket is not None:
            read.append(self._wires.socket)
            if self._wires.wants_write():
                write.append(self._wires.socket)
        select.select(read, write, [], max(0.0, (wake - now) * 1e-6))

    # -- log and end ------------------------------------------------------------------------------

    def _note(self, *entries: dict[str, Any]) -> None:
        now = time.monotonic()
        lines = [json.dumps({"t": round(now, 6), **entry}) for entry in entries]
        os.write(self._log, ("\n".join(lines) + "\n").encode())

    def _shut_down(self) -> None:
        core = self._core
        core.lines = replace(core.lines, key_on=False)
        self._handle(core.step(self._now_us()))
        self._note({"event": "exit", "executed": core.executed})
        self._wires.flush()
        self._wires.drop()
        with contextlib.suppress(OSError):
            if os.readlink(self._link) == self._target:
                os.unlink(self._link)
        os.close(self._master)
        os.close(self._slave)
        os.close(self._log)
