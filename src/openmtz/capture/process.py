"""A worker process for what would stall everybody else: Open3D holds the interpreter lock for long.

The parent talks through two threads and queues and never blocks. The child is a fresh interpreter
(`python -m openmtz.capture.process module:function`), not a multiprocessing spawn: that would import
the parent's main module again, and with it rclpy. It ends when its pipe closes, whatever killed the
parent; Ctrl-C in the terminal is the parent's business.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from openmtz.capture.errors import WorkerDied

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
Handler = Callable[[Any, Callable[[Any], None]], None]


class WorkerProcess:
    """Runs `factory()` of `module:function` in a child; the handler it returns gets every message.

    The handler is called as `handler(message, reply)`, one message after the other, in the order
    sent; `reply(message)` sends back. Messages are whatever pickle takes.
    """

    def __init__(self, factory: str, name: str = "worker", threads: int = 1) -> None:
        ours, theirs = socket.socketpair()
        environment = dict(os.environ)
        environment.update({variable: str(threads) for variable in THREAD_VARIABLES})
        source = str(Path(__file__).resolve().parents[2])
        paths = [source, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
        command = [sys.executable, "-m", "openmtz.capture.process", factory, str(theirs.fileno())]
        self.name = name
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._connection: Connection = Connection(ours.detach())
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=f"{name} {what}", daemon=True)
            for what, target in (("sender", self._send_all), ("receiver", self._receive_all))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """Queue a message for the child; never blocks.

        Raises:
            WorkerDied: the child has ended.
        """
        self._check()
        self._outbox.put((message,))

    def receive(self) -> list[Any]:
        """Return what has arrived, oldest first; never blocks.

        Raises:
            WorkerDied: the child has ended by itself and nothing is left to read.
        """
        messages = self._rest()
        if not messages:
            self._check()
        return messages

    def wait(self, timeout_s: float) -> list[Any]:
        """Return what has arrived, after waiting at most `timeout_s` for the first; may be empty.

        Raises:
            WorkerDied: the child has ended by itself.
        """
        waited = 0.0
        while waited < timeout_s:
            try:
                first = self._inbox.get(timeout=min(0.1, timeout_s - waited))
                return [pickle.loads(first), *self._rest()]
            except queue.Empty:
                self._check()
                waited += 0.1
        return []

    def close(self, timeout_s: float = 1.0) -> None:
        """End the child: closes its pipe, then kills it if it has not gone after `timeout_s`."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._outbox.put(None)
        self._shut_down_socket()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(timeout_s)

    def _rest(self) -> list[Any]:
        messages = []
        while not self._inbox.empty():
            messages.append(pickle.loads(self._inbox.get_nowait()))
        return messages

    def _check(self) -> None:
        if self._closed.is_set():
            raise WorkerDied(f"the {self.name} process was closed", "start a new one")
        if self._ended.is_set() and self._inbox.empty():
            code = self._process.poll()
            raise WorkerDied(
                f"the {self.name} process {self.pid} ended by itself (exit code {code})",
                "look for its last lines above and for lack of memory, then start the capture again",
            )

    def _shut_down_socket(self) -> None:
        # shutdown() wakes both our threads and the child; close() alone would wake neither.
        try:
            with socket.socket(fileno=os.dup(self._connection.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _send_all(self) -> None:
        while (item := self._outbox.get()) is not None:
            try:
                self._connection.send(item[0])
            except OSError:
                self._ended.set()
                return

    def _receive_all(self) -> None:
        while True:
            try:
                message = self._connection.recv_bytes()
            except (EOFError, OSError):
                self._ended.set()
                return
            self._inbox.put(message)


def serve(factory: str, descriptor: int) -> None:
    """Run in the child: build the handler, answer messages until the pipe closes, then end at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.sched_getscheduler(0) == os.SCHED_FIFO:  # inherited, but here something computes for seconds
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    connection: Connection = Connection(descriptor)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        # Bytes only: unpickling here would import modules while the main thread imports the same.
        while True:
            try:
                inbox.put(connection.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)  # the parent is gone: nothing here is worth finishing

    threading.Thread(target=read, name="reader", daemon=True).start()

    def reply(message: Any) -> None:
        try:
            connection.send(message)
        except OSError:
            os._exit(0)

    module, _, function = factory.partition(":")
    handler: Handler = getattr(import_module(module), function)()
    while True:
        handler(pickle.loads(inbox.get()), reply)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
