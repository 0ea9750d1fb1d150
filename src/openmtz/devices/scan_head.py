"""`ScanHeadLink`: the serial line to a scan head, with a thread of its own that moves the bytes."""

from __future__ import annotations

import contextlib
import os
import select as select_module
import threading
import time
from collections.abc import Callable

import serial

from openmtz.devices.errors import DeviceNotAnswering, DeviceRefused, ProtocolMismatch
from openmtz.devices.events import Event, FiredGap, LinkLost
from openmtz.devices.link import RETRY_S, LinkCore
from openmtz.devices.messages import (
    PROTOCOL_VERSION,
    HelloReply,
    Nak,
    Select,
    SelectReply,
    Status,
    plan_bytes,
)
from openmtz.devices.port import open_port

POLL_S = 0.005


class ScanHeadLink:
    """A scan head behind a serial port (docs/serial_protocol.md).

    All methods may be called from any thread. `connect`, `select` and `close` wait, each bounded;
    nothing else does. `clock` gives monotonic seconds and is used for staleness, pacing and retries.
    """

    def __init__(self, port: str, clock: Callable[[], float] = time.monotonic, baud: int = 921_600) -> None:
        self.port = port
        self.baud = baud
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._core = LinkCore(port, baud)
        self._serial: serial.Serial | None = None
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self._sending = False
        self.work_count = 0

    # -- what is known ----------------------------------------------------------------------------

    @property
    def status(self) -> Status | None:
        """The status received last, None before the first."""
        return self._core.status

    @property
    def status_received_s(self) -> float:
        """Clock time [s] at which `status` arrived, -inf before the first."""
        return self._core.status_s

    @property
    def hello(self) -> HelloReply | None:
        """The device's identity and limits, None before `connect()`."""
        return self._core.hello

    @property
    def line_errors(self) -> int:
        """Damaged frames heard on this connection."""
        return self._core.line_errors

    @property
    def events_dropped(self) -> int:
        """Events nobody fetched in time."""
        return self._core.events_dropped

    @property
    def connected(self) -> bool:
        """Whether the line is open and a status arrived within 0.2 s."""
        return self._serial is not None and self._core.heard_lately(self._clock())

    def events(self) -> list[Event]:
        """Return and forget what has happened since the last call, in order."""
        with self._lock:
            return self._core.take_events()

    # -- commands ---------------------------------------------------------------------------------

    def connect(self, timeout_s: float = 1.0) -> HelloReply:
        """Open the port and greet the device, repeating the greeting until it answers.

        Raises:
            SerialPortMissing, SerialPortBusy: as named. DeviceNotAnswering: no answer in `timeout_s`.
            ProtocolMismatch: another version.
        """
        self._end_thread()
        self._serial = open_port(self.port, self.baud)
        with self._lock:
            self._core = LinkCore(self.port, self.baud)
            self._stopping = False
        self._thread = threading.Thread(target=self._work, name="scan-head-serial", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                self._core.greet()
                self._wake()
                remaining = deadline - time.monotonic()
                self._changed.wait_for(
                    lambda: self._core.hello is not None or bool(self._core.lost),
                    max(0.0, min(RETRY_S * 2, remaining)),
                )
                hello, lost = self._core.hello, self._core.lost
            if hello is not None:
                break
            if lost or time.monotonic() >= deadline:
                self.close()
                raise DeviceNotAnswering(
                    f"{self.port}: {lost or f'no answer within {timeout_s:g} s'}"
                    f" ({self.line_errors} damaged frames): is this the scan head's port, is the head"
                    f" switched on, and is {self.baud} its baud rate?"
                )
        if hello.protocol_version != PROTOCOL_VERSION:
            self.close()
            raise ProtocolMismatch(
                f"{self.port}: the device speaks protocol {hello.protocol_version}, this software"
                f" {PROTOCOL_VERSION}: update the older of the two"
            )
        return hello

    def begin_selection(self, select: Select) -> None:
        """Ask for a selection, repeated until it is answered; the reply or the Nak comes through `events()`.

        Raises:
            DeviceNotAnswering: not connected.
        """
        self._require_line()
        with self._lock:
            self._core.select(select, self._clock())
        self._wake()

    def select(
        self,
        plan_sha256: str,
        station: int,
        pass_index: int,
        first: int,
        end: int,
        timeout_s: float = 0.5,
    ) -> SelectReply:
        """Begin spots `[first, end)` of a plan and wait for the device's answer (about 5 ms).

        Raises:
            DeviceRefused: the device said No. DeviceNotAnswering: no answer in time, or not connected.
            ValueError: the plan's name is no SHA-256.
        """
        self.begin_selection(Select(plan_bytes(plan_sha256), station, pass_index, first, end))
        with self._changed:
            answered = self._changed.wait_for(
                lambda: self._core.answer is not None or bool(self._core.lost), timeout=timeout_s
            )
            answer = self._core.answer
            self._core.stop_selecting()
        if isinstance(answer, SelectReply):
            return answer
        if isinstance(answer, Nak):
            raise DeviceRefused(
                f"{self.port}: the head refuses spots [{first}, {end}): {answer.text}", answer.code
            )
        cause = self._core.lost if answered else f"no answer to the selection within {timeout_s:g} s"
        raise DeviceNotAnswering(f"{self.port}: {cause}: check cable and power of the head")

    def load(self, first: int, records: bytes) -> None:
        """Hand over records of spots `first`, ... in order after `select`; they flow as there is room.

        Raises:
            ValueError: nothing selected, not the next spot, or beyond the selection.
        """
        with self._lock:
            self._core.load(first, records)
        self._wake()

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on unopened, at the next frame boundary.

        Raises:
            ValueError: not exactly one frame (it would break the line's framing).
        """
        with self._lock:
            self._core.relay_permit(frame)
        self._wake()

    def show_plan(self, plan_sha256: bytes) -> None:
        """Ask the device to name a plan in its statuses, with what it has executed of it. Never blocks."""
        with self._lock:
            self._core.show_plan(plan_sha256)
        self._wake()

    def close_gate(self) -> None:
        """Close the gate; the device forgets the selection, so nothing fires before a new `select`."""
        with self._lock:
            self._core.close_gate()
        self._wake()

    def reset_fault(self) -> None:
        """Ask the device to clear a latched fault whose cause is gone."""
        with self._lock:
            self._core.reset_fault()
        self._wake()

    def close(self) -> None:
        """Close the gate first, then the line; bounded by 0.5 s. May be called again."""
        if self._thread is not None and self._thread.is_alive() and not self._core.lost:
            self.close_gate()
            deadline = time.monotonic() + 0.25
            with self._changed:
                self._changed.wait_for(
                    lambda: not (self._core.outbox.urgent_waiting or self._sending) or bool(self._core.lost),
                    max(0.0, deadline - time.monotonic()),
                )
        self._end_thread()

    # -- the thread -------------------------------------------------------------------------------

    def _require_line(self) -> None:
        if self._serial is None or self._core.lost:
            raise DeviceNotAnswering(f"{self.port}: {self._core.lost or 'not connected'}: connect first")

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"w")

    def _end_thread(self) -> None:
        self._stopping = True
        self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(0.25)
        self._thread = None
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None

    def _work(self) -> None:
        port, core = self._serial, self._core
        assert port is not None
        unsent = b""
        try:
            descriptor = port.fileno()
            while not self._stopping:
                now = self._clock()
                with self._lock:
                    if not unsent:
                        unsent = core.outbox.take(now) or b""
                    self._sending = bool(unsent)
                    waits = core.outbox.pacer.wait_s(now)
                timeout = min(POLL_S, waits) if waits and not unsent else POLL_S
                writes = [descriptor] if unsent else []
                readable, writable, _ = select_module.select(
                    [descriptor, self._wake_read], writes, [], timeout
                )
                if self._wake_read in readable:
                    os.read(self._wake_read, 4096)
                if writable:
                    unsent = unsent[os.write(descriptor, unsent) :]
                data = b""
                if descriptor in readable:
                    data = os.read(descriptor, 4096)
                    if not data:
                        raise OSError("the port was closed by the device")
                with self._changed:
                    now = self._clock()
                    core.feed(data, now)
                    core.tend(now)
                    self._sending = bool(unsent)
                    self.work_count += 1
                    self._changed.notify_all()
        except (OSError, ValueError, serial.SerialException) as error:
            if not self._stopping:
                with self._changed:
                    core.lose(f"line lost ({error})")
                    self._changed.notify_all()


__all__ = ["FiredGap", "LinkLost", "ScanHeadLink"]
