"""The cell in a browser: a viser server in a process of its own; the world's work loop never waits."""

from __future__ import annotations

import socket
from contextlib import suppress

import numpy as np

from openmtz.capture import CaptureError, WorkerProcess
from openmtz.geometry import TriangleMesh
from openmtz.simulation.visual.snapshot import Snapshot

HOST = "127.0.0.1"
"""This machine only: who may see the cell may not be whoever is on the network."""
MOST_UNDRAWN = 2


class ViewerError(RuntimeError):
    """The view cannot be opened; the text says why and what would help."""


class Viewer:
    """Shows snapshots. `show` never blocks; what the browser's process cannot draw in time is skipped,
    except for spots, which are kept for the next picture. A view that dies is no harm to the world.
    """

    def __init__(self, patient: TriangleMesh | None, port: int, host: str = HOST) -> None:
        """Start the process.

        Raises:
            ViewerError: the port cannot be listened at.
        """
        _check_port(host, port)
        self.url = f"http://{host}:{port}"
        self.drawn = 0
        self._undrawn = 0
        self._spots: list[np.ndarray] = []
        self._dead = ""
        self._process = WorkerProcess("openmtz.simulation.visual.viewer_worker:make_handler", "viewer")
        mesh = None if patient is None else (patient.vertices, patient.faces)
        self._send(("open", (host, port, mesh)))

    @property
    def error(self) -> str:
        """Why there is no view any more; empty while there is."""
        return self._dead

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot, or keep its spots for the next one where the last are not drawn yet."""
        self._hear()
        if len(snapshot.new_spots_m):
            self._spots.append(snapshot.new_spots_m)
        if self._dead or self._undrawn >= MOST_UNDRAWN:
            return
        spots = np.concatenate(self._spots) if self._spots else snapshot.new_spots_m
        self._spots = []
        self._undrawn += 1
        self._send(("show", (snapshot.time_s, snapshot.joints_rad, spots, snapshot.text)))

    def clear_spots(self) -> None:
        """Forget the spots: the world was reset."""
        self._spots = []
        self._send(("clear", None))

    def wait_drawn(self, count: int, timeout_s: float) -> bool:
        """Wait until `count` snapshots are drawn (for tests and pictures); False after `timeout_s` [s]."""
        waited = 0.0
        while self.drawn < count and waited < timeout_s and not self._dead:
            with suppress(CaptureError):
                self._count(self._process.wait(0.1))
            waited += 0.1
        return self.drawn >= count

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _send(self, message: tuple[str, object]) -> None:
        try:
            self._process.send(message)
        except CaptureError as error:
            self._dead = self._dead or str(error)

    def _hear(self) -> None:
        try:
            self._count(self._process.receive())
        except CaptureError as error:
            self._dead = self._dead or str(error)

    def _count(self, messages: list[tuple[str, str]]) -> None:
        for kind, text in messages:
            if kind == "drawn":
                self.drawn += 1
                self._undrawn -= 1
            else:
                self._dead = text


def _check_port(host: str, port: int) -> None:
    """Viser would take the next free port without a word: then the page asked for is somebody else's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ViewerError(
                f"viewer_port {port}: cannot listen at {host}:{port} ({error.strerror}); choose another,"
                " or 0 for none"
            ) from error
