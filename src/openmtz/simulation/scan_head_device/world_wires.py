"""The wires between the world and the head: JSON lines over a local socket; broken means stop open.

World -> head: `{"lines": {"emergency_stop_closed": true, "footswitch_pressed": false, "key_on": true}}`,
`{"fault": NAME, "active": true, "parameters": {...}}`. Head -> world: `{"shots": [[spot, x_counts,
y_counts, energy_mj, t_monotonic_s], ...], "plan": HEX}`; counts are real numbers: where the mirrors stood.
"""

from __future__ import annotations

import json
import socket
from typing import Any

MAX_BACKLOG = 1 << 20
MAX_LINE = 1 << 16
RETRY_S = 0.1


class WorldWires:
    """Client of the world's socket at `path`; connects by itself, never blocks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.socket: socket.socket | None = None
        self._input = b""
        self._output = bytearray()
        self._retry_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether the wires are there."""
        return self.socket is not None

    def wants_write(self) -> bool:
        """Whether bytes wait to be sent."""
        return bool(self._output) and self.socket is not None

    def connect_if_due(self, now_s: float) -> bool:
        """Try to connect, at most ten times a second. Return True at the moment of success."""
        if self.socket is not None or now_s < self._retry_at:
            return False
        self._retry_at = now_s + RETRY_S
        candidate = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        candidate.setblocking(False)
        try:
            candidate.connect(self.path)
        except OSError:
            candidate.close()
            return False
        self.socket, self._input = candidate, b""
        self._output.clear()
        return True

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the messages that arrived and whether the wires are still whole."""
        if self.socket is None:
            return [], False
        whole = True
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                whole = False
                break
            self._input += data
        *lines, self._input = self._input.split(b"\n")
        messages = []
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if not isinstance(message, dict):
                whole = False  # a wire that says nonsense is a broken wire
                break
            messages.append(message)
        if len(self._input) > MAX_LINE:
            whole = False
        if not whole:
            self.drop()
        return messages, whole

    def send(self, message: dict[str, Any]) -> None:
        """Queue one message; sent by `flush`. Dropped without connection: there is no world to tell."""
        if self.socket is not None:
            self._output += json.dumps(message, separators=(",", ":")).encode() + b"\n"

    def flush(self) -> None:
        """Send what the socket takes now; a world that reads nothing for a megabyte is cut off."""
        if self.socket is None or not self._output:
            return
        try:
            sent = self.socket.send(self._output)
            del self._output[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.drop()
        if len(self._output) > MAX_BACKLOG:
            self.drop()

    def drop(self) -> None:
        """Close the connection."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
