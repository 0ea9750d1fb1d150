"""`ScanHeadLink`: the serial line to a scan head, with a thread of its own that moves the bytes."""

from __future__ import annotations

import contextlib
import os
import select as select_module
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import serial

from openmtz.devices.errors import DeviceNotAnswering, DeviceRefused, ProtocolMismatch
from openmtz.devices.fired_ledger import FiredCollector
from openmtz.devices.messages import (
    PROTOCOL_VERSION,
    Fired,
    GateClose,
    Hello,
    HelloReply,
    Nak,
    NakCode,
    ResetFault,
    Select,
    SelectReply,
    Status,
    plan_bytes,
)
from openmtz.devices.outbox import Outbox, SpotLoader
from openmtz.devices.port import open_port
from openmtz.devices.protocols import Event, FiredGap, LinkLost
from openmtz.devices.wire import MAX_ENCODED, Decoder, WireError, encode

POLL_S = 0.005
RETRY_S = 0.05
HEARD_WITHIN_S = 0.2
MAX_EVENTS = 20_000
_SELECT_NAKS = (NakCode.ALREADY_EXECUTED, NakCode.IN_FAULT, NakCode.BAD_REQUEST)


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
        self._outbox = Outbox(baud)
        self._events: deque[Event] = deque()
        self._serial: serial.Serial | None = None
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self._hello: HelloReply | None = None
        self._selecting: tuple[Select, float] | None = None
        self._answer: SelectReply | Nak | None = None
        self._collector: FiredCollector | None = None
        self._status: Status | None = None
        self._status_s = float("-inf")
        self._lost: str = ""
        self.work_count = 0
        self.line_errors = 0
        self.events_dropped = 0

    # -- what is known ----------------------------------------------------------------------------

    @property
    def status(self) -> Status | None:
        """The status received last, None before the first."""
        return self._status

    @property
    def status_received_s(self) -> float:
        """Clock time [s] at which `status` arrived, -inf before the first."""
        return self._status_s

    @property
    def hello(self) -> HelloReply | None:
        """The device's identity and limits, None before `connect()`."""
        return self._hello

    @property
    def connected(self) -> bool:
        """Whether the line is open and a status arrived within 0.2 s."""
        return (
            self._serial is not None and not self._lost and self._clock() - self._status_s <= HEARD_WITHIN_S
        )

    def events(self) -> list[Event]:
        """Return and forget what has happened since the last call, in order."""
        with self._lock:
            found = list(self._events)
            self._events.clear()
        return found

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
            self._outbox = Outbox(self.baud)
            self._forget()
        self._thread = threading.Thread(target=self._work, name="scan-head-serial", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + timeout_s
        while True:
            self._urgent(encode(Hello(PROTOCOL_VERSION)))
            with self._changed:
                remaining = deadline - time.monotonic()
                self._changed.wait_for(
                    lambda: self._hello is not None or bool(self._lost), max(0.0, min(RETRY_S * 2, remaining))
                )
                hello, lost = self._hello, self._lost
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

    def select(
        self,
        plan_sha256: str,
        station: int,
        pass_index: int,
        first: int,
        end: int,
        timeout_s: float = 0.5,
    ) -> SelectReply | None:
        """Begin spots `[first, end)` of a plan; repeated until the device answers (about 5 ms).

        With `timeout_s=0` it only asks and returns None; the reply or the Nak comes through `events()`.

        Raises:
            DeviceRefused: the device said No. DeviceNotAnswering: no answer in time, or not connected.
            ValueError: the plan's name is no SHA-256.
        """
        self._require_line()
        select = Select(plan_bytes(plan_sha256), station, pass_index, first, end)
        with self._lock:
            self._outbox.loader = None
            self._outbox.drop_permit()
            self._begin_select(select)
            self._outbox.put_urgent(encode(select))
        self._wake()
        if timeout_s <= 0:
            return None
        with self._changed:
            answered = self._changed.wait_for(
                lambda: self._answer is not None or bool(self._lost), timeout=timeout_s
            )
            answer = self._answer
            self._selecting = None
        if isinstance(answer, SelectReply):
            return answer
        if isinstance(answer, Nak):
            raise DeviceRefused(
                f"{self.port}: the head refuses spots [{first}, {end}): {answer.text}", answer.code
            )
        cause = self._lost if answered else f"no answer to the selection within {timeout_s:g} s"
        raise DeviceNotAnswering(f"{self.port}: {cause}: check cable and power of the head")

    def load(self, first: int, records: bytes) -> None:
        """Hand over records of spots `first`, ... in order after `select`; they flow as there is room.

        Raises:
            ValueError: nothing selected, not the next spot, or beyond the selection.
        """
        with self._lock:
            if self._outbox.loader is None:
                raise ValueError("select a plan and its spots before loading them")
            self._outbox.loader.add(first, records)
        self._wake()

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on unopened, at the next frame boundary.

        Raises:
            ValueError: not exactly one frame (it would break the line's framing).
        """
        if not frame.endswith(b"\0") or frame.count(0) != 1 or not 1 < len(frame) <= MAX_ENCODED:
            raise ValueError("a permit is relayed as one whole frame with its closing zero byte")
        with self._lock:
            self._outbox.put_permit(bytes(frame))
        self._wake()

    def close_gate(self) -> None:
        """Close the gate; the device forgets the selection, so nothing fires before a new `select`."""
        with self._lock:
            self._selecting = None
            self._outbox.loader = None
            self._outbox.drop_permit()
        self._urgent(encode(GateClose()))

    def reset_fault(self) -> None:
        """Ask the device to clear a latched fault whose cause is gone."""
        self._urgent(encode(ResetFault()))

    def close(self) -> None:
        """Close the gate first, then the line; bounded by 0.5 s. May be called again."""
        if self._thread is not None and self._thread.is_alive() and not self._lost:
            self.close_gate()
            deadline = time.monotonic() + 0.25
            with self._changed:
                self._changed.wait_for(
                    lambda: not self._outbox.urgent_waiting or bool(self._lost),
                    max(0.0, deadline - time.monotonic()),
                )
        self._end_thread()

    # -- the thread -------------------------------------------------------------------------------

    def _require_line(self) -> None:
        if self._serial is None or self._lost:
            raise DeviceNotAnswering(f"{self.port}: {self._lost or 'not connected'}: connect first")

    def _begin_select(self, select: Select) -> None:
        self._answer = None
        self._selecting = (select, self._clock())

    def _urgent(self, frame: bytes) -> None:
        with self._lock:
            self._outbox.put_urgent(frame)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"w")

    def _forget(self) -> None:
        self._collector = self._selecting = self._hello = self._status = self._answer = None
        self._status_s, self._lost, self._stopping = float("-inf"), "", False
        self._events.clear()

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
        port = self._serial
        assert port is not None
        decoder, unsent = Decoder(), b""
        try:
            descriptor = port.fileno()
            while not self._stopping:
                now = self._clock()
                with self._lock:
                    if not unsent:
                        unsent = self._outbox.take(now) or b""
                    waits = self._outbox.pacer.wait_s(now)
                timeout = min(POLL_S, waits) if waits and not unsent else POLL_S
                writes = [descriptor] if unsent else []
                readable, writable, _ = select_module.select(
                    [descriptor, self._wake_read], writes, [], timeout
                )
                if self._wake_read in readable:
                    os.read(self._wake_read, 4096)
                if writable:
                    unsent = unsent[os.write(descriptor, unsent) :]
                if descriptor in readable:
                    data = os.read(descriptor, 4096)
                    if not data:
                        raise OSError("the port was closed by the device")
                    self._receive(decoder.feed(data))
                self._tend()
                self.work_count += 1
                if not unsent:
                    with self._changed:
                        self._changed.notify_all()
        except (OSError, ValueError, serial.SerialException) as error:
            if not self._stopping:
                self._lose(f"line lost ({error})")

    def _lose(self, reason: str) -> None:
        with self._changed:
            self._lost = reason
            self._push(LinkLost(f"{self.port}: {reason}"))
            self._changed.notify_all()

    def _push(self, event: Event) -> None:
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)

    def _receive(self, frames: Sequence[object]) -> None:
        now = self._clock()
        with self._changed:
            for frame in frames:
                self._take(frame, now)
            self._changed.notify_all()

    def _take(self, frame: object, now: float) -> None:
        if isinstance(frame, WireError):
            self.line_errors += 1
        elif isinstance(frame, Status):
            self._status, self._status_s = frame, now
            self._push(frame)
            if self._outbox.loader is not None:
                self._outbox.loader.heard(frame.loaded_until, frame.executed, now)
        elif isinstance(frame, Fired):
            reports = self._collector.take(frame) if self._collector is not None else [frame]
            for report in reports:
                self._push(report)
        elif isinstance(frame, SelectReply):
            self._take_select_reply(frame)
        elif isinstance(frame, Nak):
            if frame.code == NakCode.GAP and self._outbox.loader is not None:
                self._outbox.loader.go_back()
            if self._selecting is not None and frame.code in _SELECT_NAKS:
                self._answer, self._selecting = frame, None
            self._push(frame)
        elif isinstance(frame, HelloReply):
            self._hello = frame
            self._push(frame)

    def _take_select_reply(self, reply: SelectReply) -> None:
        if self._selecting is None:
            return
        select = self._selecting[0]
        wanted = (select.plan_sha256[:16], select.station, select.pass_index, select.first, select.end)
        if wanted != (reply.plan_prefix, reply.station, reply.pass_index, reply.first, reply.end):
            return
        capacity = self._hello.buffer_spots if self._hello is not None else 0
        self._outbox.loader = SpotLoader(select, capacity)
        self._collector = FiredCollector(select.first)
        self._answer, self._selecting = reply, None
        self._push(reply)

    def _tend(self) -> None:
        """Repeat what got no answer: the selection, reports of fired spots."""
        now = self._clock()
        with self._lock:
            if self._selecting is not None and now - self._selecting[1] > RETRY_S:
                self._selecting = (self._selecting[0], now)
                self._outbox.put_urgent(encode(self._selecting[0]))
            if self._collector is not None and self._status is not None:
                status = self._status
                # While the gate is open the last executed spot may be a pulse not yet over.
                done = status.executed - 1 if status.gate_open else status.executed
                request, certain = self._collector.check(done, now)
                if request is not None:
                    self._outbox.put_urgent(encode(request))
                for event in certain:
                    self._push(event)


__all__ = ["FiredGap", "LinkLost", "ScanHeadLink"]
