"""The wires between the simulated world and the simulated scan head: interlock lines, faults, shots.

The world listens on a local socket, the head connects: JSON lines both ways. A connection that is
lost is a broken wire, which the head takes for an open emergency stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.safety import INTERLOCK_LINES, LINE_NAMES

LINES = LINE_NAMES
"""All lines of the cell."""
HEAD_LINES = tuple(line.name for line in INTERLOCK_LINES if line.to_head)
"""The lines the head is wired to."""
LONGEST_LINE = 1 << 20
"""Bytes without an end of line; more is no head."""


@dataclass(frozen=True, eq=False)
class Shots:
    """Pulses the head really emitted: `spot_index` `(n,)`, galvo `counts` `(n, 2)` the mirrors really stood
    at (real numbers: no mirror stands on a whole count), `energy_mj` `(n,)` and `time_s` `(n,)` on the
    machine's monotonic clock; `plan_sha256` hex."""

    plan_sha256: str
    spot_index: NDArray[np.int64]
    counts: NDArray[np.float64]
    energy_mj: NDArray[np.float64]
    time_s: NDArray[np.float64]


class WireServer:
    """The world's end. A thread of its own reads and writes; nothing here blocks the caller."""

    def __init__(self, path: str, closed: tuple[str, ...] = ()) -> None:
        """Listen at `path`; the lines in `closed` are so from the first moment on, the others open.

        Raises:
            OSError: the socket cannot be made. ValueError: no such line.
        """
        unknown = set(closed) - set(LINES)
        if unknown:
            raise ValueError(f"no line {min(unknown)!r}; there are: {', '.join(LINES)}")
        self._path = path
        self._lines = {name: name in closed for name in LINES}
        self._shots: deque[Shots] = deque()
        self._connection: socket.socket | None = None
        self._guard = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1)
        self._wake_read, self._wake_write = os.pipe()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="wires", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """True while a head is wired up."""
        return self._connection is not None

    def lines(self) -> dict[str, bool]:
        """Return every line."""
        with self._guard:
            return dict(self._lines)

    def set_line(self, name: str, value: bool) -> None:
        """Move a line; the head hears of it at once.

        Raises:
            KeyError: no such line.
        """
        if name not in self._lines:
            raise KeyError(f"no line {name!r}; there are: {', '.join(LINES)}")
        with self._guard:
            self._lines[name] = bool(value)
            self._send_lines()

    def send_fault(self, fault: str, active: bool, parameters: dict[str, Any]) -> bool:
        """Switch a fault of the head; False if no head is wired up."""
        with self._guard:
            return self._send({"fault": fault, "active": active, "parameters": parameters})

    def take_shots(self) -> list[Shots]:
        """Return the shots heard of since the last call."""
        out = []
        while self._shots:
            out.append(self._shots.popleft())
        return out

    def close(self) -> None:
        """Break the wires."""
        self._closed = True
        os.write(self._wake_write, b"x")
        self._thread.join(1.0)
        for sock in (self._connection, self._listener):
            if sock is not None:
                sock.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _send_lines(self) -> None:
        """With the guard held: what was read last must be what is sent last."""
        self._send({"lines": {name: self._lines[name] for name in HEAD_LINES}})

    def _send(self, message: dict[str, Any]) -> bool:
        """With the guard held. A head that takes nothing any more is cut off: its wire is broken."""
        connection = self._connection
        if connection is None:
            return False
        data = (json.dumps(message) + "\n").encode()
        try:
            whole = connection.send(data, socket.MSG_DONTWAIT) == len(data)
        except OSError:
            whole = False
        if not whole:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes our thread, which takes it out of use
        return whole

    def _run(self) -> None:
        buffer = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in selector.select():
                    if key.fileobj is self._listener:
                        if self._connection is not None:
                            self._drop(selector)
                        with self._guard:
                            self._connection, _address = self._listener.accept()
                            self._send_lines()
                        selector.register(self._connection, selectors.EVENT_READ)
                        buffer = b""
                    elif key.fileobj is self._connection and self._connection is not None:
                        data = self._receive(self._connection)
                        *whole, buffer = (buffer + data).split(b"\n")
                        if not data or len(buffer) > LONGEST_LINE or not all(map(self._hear, whole)):
                            self._drop(selector)

    def _drop(self, selector: selectors.BaseSelector) -> None:
        """Break the wire to the head."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            selector.unregister(connection)
            connection.close()

    @staticmethod
    def _receive(connection: socket.socket) -> bytes:
        try:
            return connection.recv(65536)
        except OSError:
            return b""

    def _hear(self, line: bytes) -> bool:
        """Take one line; False if it is none of ours."""
        try:
            message = json.loads(line)
            rows = np.asarray(message.get("shots", []), np.float64).reshape(-1, 5)
            plan = str(message.get("plan", ""))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return False
        if len(rows):
            self._shots.append(
                Shots(plan, rows[:, 0].astype(np.int64), rows[:, 1:3].copy(), rows[:, 3], rows[:, 4])
            )
        return True
