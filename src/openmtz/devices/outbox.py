"""What waits to be sent to the head, in which order, and when the line is free for it. Pure."""

from __future__ import annotations

from collections import deque

from openmtz.devices.messages import MAX_RECORDS_PER_FRAME, Select, Spots
from openmtz.devices.spots import RECORD_BYTES
from openmtz.devices.wire import encode

RESEND_S = 0.03
"""Without news of spots sent this long ago they are taken for lost and sent again [s]."""


class SpotLoader:
    """Spots of one selection on their way into the device: never more than it has room for, none lost.

    The device tells how far it has loaded and executed; what it does not confirm is sent again from
    where it stands (go-back-N).
    """

    def __init__(self, select: Select, capacity: int) -> None:
        self.select = select
        self._capacity = capacity
        self._records = bytearray()
        self._next = select.first
        self._confirmed = select.first
        self._executed = select.first
        self._sent_at_s = 0.0

    @property
    def given_until(self) -> int:
        """Global index after the last spot handed over by `add`."""
        return self.select.first + len(self._records) // RECORD_BYTES

    def add(self, first: int, records: bytes) -> None:
        """Append records.

        Raises:
            ValueError: not the next spot, beyond the selection, or no whole number of records.
        """
        if len(records) % RECORD_BYTES:
            raise ValueError(f"{len(records)} bytes are no whole number of {RECORD_BYTES}-byte records")
        if first != self.given_until:
            raise ValueError(f"spot {self.given_until} is the next to load, not {first}")
        if first + len(records) // RECORD_BYTES > self.select.end:
            raise ValueError(f"spots beyond the selection's end {self.select.end}")
        self._records += records

    def heard(self, loaded_until: int, executed: int, now_s: float) -> None:
        """Take the device's word; go back if it has not got what was sent a while ago."""
        self._executed = max(self._executed, executed)
        if loaded_until > self._confirmed:
            self._confirmed = loaded_until
            self._next = max(self._next, loaded_until)
            self._sent_at_s = now_s
        elif self._next > self._confirmed and now_s - self._sent_at_s > RESEND_S:
            self._next = self._confirmed

    def go_back(self) -> None:
        """The device reported a gap: send again from what it confirmed."""
        self._next = self._confirmed

    def next_frame(self, now_s: float) -> bytes | None:
        """Return the encoded frame to send next, None if the device has no room or nothing is left."""
        room = self._executed + self._capacity - self._next
        count = min(MAX_RECORDS_PER_FRAME, self.given_until - self._next, room)
        if count <= 0:
            return None
        at = (self._next - self.select.first) * RECORD_BYTES
        frame = encode(Spots(self._next, bytes(self._records[at : at + count * RECORD_BYTES])))
        self._next += count
        self._sent_at_s = now_s
        return frame


class Pacer:
    """Knows when the line is free by the baud rate (8N1: ten bits per byte).

    Bytes handed to the system too early wait in its buffers, and a permit behind them waits too: 4 KiB
    are 44 ms at 921,600 baud, most of a permit's life. So spots are handed over one frame at a time.
    """

    def __init__(self, baud: int) -> None:
        self._s_per_byte = 10.0 / baud
        self._free_s = float("-inf")

    def sent(self, count: int, now_s: float) -> None:
        """Note bytes handed to the line."""
        self._free_s = max(self._free_s, now_s) + count * self._s_per_byte

    def wait_s(self, now_s: float) -> float:
        """Return how long until the line is free [s], 0 if it is."""
        return max(0.0, self._free_s - now_s)


class Outbox:
    """Urgent frames in order, one permit (the newest), then spots as the line is free."""

    def __init__(self, baud: int) -> None:
        self.pacer = Pacer(baud)
        self.loader: SpotLoader | None = None
        self._urgent: deque[bytes] = deque()
        self._permit: bytes | None = None

    def put_urgent(self, frame: bytes) -> None:
        """Queue a command; commands keep their order."""
        self._urgent.append(frame)

    def put_permit(self, frame: bytes) -> None:
        """Queue a permit; an older one still waiting is superseded: only the newest can matter."""
        self._permit = frame

    def drop_permit(self) -> None:
        """Forget a waiting permit (the gate is being closed)."""
        self._permit = None

    @property
    def urgent_waiting(self) -> bool:
        """Whether something waits that is sent at once."""
        return bool(self._urgent) or self._permit is not None

    def take(self, now_s: float) -> bytes | None:
        """Return the next frame to hand to the line now, None if nothing may go."""
        frame: bytes | None = None
        if self._urgent:
            frame = self._urgent.popleft()
        elif self._permit is not None:
            frame, self._permit = self._permit, None
        elif self.loader is not None and self.pacer.wait_s(now_s) == 0.0:
            frame = self.loader.next_frame(now_s)
        if frame is not None:
            self.pacer.sent(len(frame), now_s)
        return frame
