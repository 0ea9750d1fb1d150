"""A thread beside a node's callbacks, for work of seconds that nothing may wait for."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Background:
    """`submit` work; it is done one after the other. What is under way ends with the process.

    Not an executor of the standard library: at its end the process would wait for the work, and for seconds a
    node that was told to go would be one that does not answer.
    """

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        if os.sched_getscheduler(0) == os.SCHED_FIFO:  # inherited; not for work of seconds
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        while True:
            self._work.get()()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Return the future of `work()`; its exception comes out of `result`."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._work.put(run)
        return future
