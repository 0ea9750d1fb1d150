"""The serial line the pseudo-terminal does not have: a baud rate, and bytes that get lost or late."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

CHUNK = 96
"""Bytes moved at once: 1.04 ms at 921,600 baud."""


@dataclass
class LineFaults:
    """Fault injection on the line: probability per byte of loss and corruption, per chunk of delay."""

    lose: float = 0.0
    corrupt: float = 0.0
    late: float = 0.0
    late_us: int = 0
    silent: bool = False


class Line:
    """One direction of the line: bytes put in at one time come out no faster than the baud rate.

    Ten bits per byte (8N1). Pure: the caller brings the time [us].
    """

    def __init__(self, baud: int, rng: np.random.Generator) -> None:
        if baud <= 0:
            raise ValueError(f"a baud rate is positive, got {baud}")
        self._us_per_byte = 10e6 / baud
        self._rng = rng
        self.faults = LineFaults()
        self._free_us = 0.0
        self._queue: deque[tuple[float, bytes]] = deque()

    def ready(self, now_us: int) -> bool:
        """Whether the line can take another chunk now."""
        return self._free_us <= now_us

    def put(self, data: bytes, now_us: int) -> None:
        """Hand one chunk (at most `CHUNK` bytes) to the line."""
        self._free_us = max(self._free_us, float(now_us)) + len(data) * self._us_per_byte
        due = self._free_us
        faults = self.faults
        if faults.late and self._rng.random() < faults.late:
            due += faults.late_us
            self._free_us = due  # bytes do not overtake each other
        data = self._spoil(data)
        if data:
            self._queue.append((due, data))

    def _spoil(self, data: bytes) -> bytes:
        faults = self.faults
        if faults.silent:
            return b""
        if not (faults.lose or faults.corrupt):
            return data
        kept = np.frombuffer(data, np.uint8).copy()
        hit = self._rng.random(len(kept)) < faults.corrupt
        kept[hit] ^= self._rng.integers(1, 256, int(hit.sum()), dtype=np.uint8)
        return kept[self._rng.random(len(kept)) >= faults.lose].tobytes()

    def get(self, now_us: int) -> bytes:
        """Return the bytes that have come through by now."""
        out = []
        while self._queue and self._queue[0][0] <= now_us:
            out.append(self._queue.popleft()[1])
        return b"".join(out)

    def next_due_us(self) -> float | None:
        """Return when the next bytes come out, None if there are none."""
        return self._queue[0][0] if self._queue else None

    @property
    def free_us(self) -> float:
        """Tick at which the line can take another chunk."""
        return self._free_us

    def restart(self) -> None:
        """Forget what is on the line and count time from zero again (the device lost power)."""
        self._queue.clear()
        self._free_us = 0.0
