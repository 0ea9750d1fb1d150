"""The protocol's state on the host's side: what is to be sent, what was heard, what is asked again.

Pure: bytes and time [s] come in, bytes and events go out. `ScanHeadLink` puts a serial port and a
thread around it, the lockstep simulation a simulated line.
"""

from __future__ import annotations

from collections import deque

from openmtz.devices.events import Event, LinkLost
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
    ShowPlan,
    Status,
)
from openmtz.devices.outbox import Outbox, SpotLoader
from openmtz.devices.wire import MAX_ENCODED, Decoder, WireError, encode

RETRY_S = 0.05
HEARD_WITHIN_S = 0.2
MAX_EVENTS = 20_000
_SELECT_NAKS = (NakCode.ALREADY_EXECUTED, NakCode.IN_FAULT, NakCode.BAD_REQUEST)


class LinkCore:
    """One connection to a scan head, from the greeting to its loss. Not safe for several threads."""

    def __init__(self, port: str, baud: int) -> None:
        self.port = port
        self.outbox = Outbox(baud)
        self.hello: HelloReply | None = None
        self.status: Status | None = None
        self.status_s = float("-inf")
        self.answer: SelectReply | Nak | None = None
        """What the device said to the last selection, None while it has not."""
        self.lost = ""
        self.line_errors = 0
        self.events_dropped = 0
        self._decoder = Decoder()
        self._events: deque[Event] = deque()
        self._selecting: tuple[Select, float] | None = None
        self._collector: FiredCollector | None = None
        self._collected = b""

    # -- what is to be sent -----------------------------------------------------------------------

    def greet(self) -> None:
        """Ask who is there."""
        self.outbox.put_urgent(encode(Hello(PROTOCOL_VERSION)))

    def select(self, select: Select, now_s: float) -> None:
        """Ask for a selection; repeated until it is answered."""
        self.outbox.loader = None
        self.outbox.drop_permit()
        self.answer = None
        self._selecting = (select, now_s)
        self.outbox.put_urgent(encode(select))

    def show_plan(self, plan_sha256: bytes) -> None:
        """Ask the device to name a plan in its statuses, with what it has executed of it."""
        self.outbox.put_urgent(encode(ShowPlan(plan_sha256)))

    def stop_selecting(self) -> None:
        """Nobody waits for the answer any more."""
        self._selecting = None

    def load(self, first: int, records: bytes) -> None:
        """Hand over records of spots `first`, ... in order.

        Raises:
            ValueError: nothing selected, not the next spot, or beyond the selection.
        """
        if self.outbox.loader is None:
            raise ValueError("select a plan and its spots before loading them")
        self.outbox.loader.add(first, records)

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on unopened, at the next frame boundary.

        Raises:
            ValueError: not exactly one frame (it would break the line's framing).
        """
        if not frame.endswith(b"\0") or frame.count(0) != 1 or not 1 < len(frame) <= MAX_ENCODED:
            raise ValueError("a permit is relayed as one whole frame with its closing zero byte")
        self.outbox.put_permit(bytes(frame))

    def close_gate(self) -> None:
        """Close the gate; the device forgets the selection."""
        self._selecting = None
        self.outbox.loader = None
        self.outbox.drop_permit()
        self.outbox.put_urgent(encode(GateClose()))

    def reset_fault(self) -> None:
        """Ask the device to clear a latched fault whose cause is gone."""
        self.outbox.put_urgent(encode(ResetFault()))

    def lose(self, reason: str) -> None:
        """The line is gone."""
        self.lost = reason
        self._push(LinkLost(f"{self.port}: {reason}"))

    # -- what was heard ---------------------------------------------------------------------------

    def heard_lately(self, now_s: float) -> bool:
        """Whether a status arrived within 0.2 s."""
        return not self.lost and now_s - self.status_s <= HEARD_WITHIN_S

    def take_events(self) -> list[Event]:
        """Return and forget what has happened since the last call, in order."""
        found = list(self._events)
        self._events.clear()
        return found

    def feed(self, data: bytes, now_s: float) -> None:
        """Take bytes from the device."""
        for frame in self._decoder.feed(data):
            self._take(frame, now_s)

    def tend(self, now_s: float) -> None:
        """Repeat what got no answer: the selection, reports of fired spots."""
        if self._selecting is not None and now_s - self._selecting[1] > RETRY_S:
            self._selecting = (self._selecting[0], now_s)
            self.outbox.put_urgent(encode(self._selecting[0]))
        status = self.status
        # The executed index of another plan says nothing of what the collector follows.
        if self._collector is not None and status is not None and status.plan_sha256 == self._collected:
            # While the gate is open the last executed spot may be a pulse not yet over.
            done = status.executed - 1 if status.gate_open else status.executed
            request, certain = self._collector.check(done, now_s)
            if request is not None:
                self.outbox.put_urgent(encode(request))
            for event in certain:
                self._push(event)

    def _take(self, frame: object, now_s: float) -> None:
        if isinstance(frame, WireError):
            self.line_errors += 1
        elif isinstance(frame, Status):
            self.status, self.status_s = frame, now_s
            self._push(frame)
            if self.outbox.loader is not None:
                self.outbox.loader.heard(frame.loaded_until, frame.executed, now_s)
        elif isinstance(frame, Fired):
            reports = self._collector.take(frame) if self._collector is not None else [frame]
            for report in reports:
                self._push(report)
        elif isinstance(frame, SelectReply):
            self._take_select_reply(frame)
        elif isinstance(frame, Nak):
            if frame.code == NakCode.GAP and self.outbox.loader is not None:
                self.outbox.loader.go_back()
            if self._selecting is not None and frame.code in _SELECT_NAKS:
                self.answer, self._selecting = frame, None
            self._push(frame)
        elif isinstance(frame, HelloReply):
            self.hello = frame
            self._push(frame)

    def _take_select_reply(self, reply: SelectReply) -> None:
        if self._selecting is None:
            return
        select = self._selecting[0]
        wanted = (select.plan_sha256[:16], select.station, select.pass_index, select.first, select.end)
        if wanted != (reply.plan_prefix, reply.station, reply.pass_index, reply.first, reply.end):
            return
        capacity = self.hello.buffer_spots if self.hello is not None else 0
        self.outbox.loader = SpotLoader(select, capacity)
        self._collector, self._collected = FiredCollector(select.first), select.plan_sha256
        self.answer, self._selecting = reply, None
        self._push(reply)

    def _push(self, event: Event) -> None:
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)
