"""The reading ends of the run line: the safety monitor learns from the kernel that a process is gone."""

from __future__ import annotations

import os
import select

from openmtz.graph import RUN_LINE_FDS
from openmtz.nodes.errors import NodeError


class RunLine:
    """A pipe from every process of the stack: the kernel breaks it when the process is gone."""

    def __init__(self, required: bool) -> None:
        text = os.environ.get(RUN_LINE_FDS, "")
        if not text and required:
            raise NodeError("no run line: start the graph with ./openmtz up")
        self._names = {int(fd): name for name, fd in (part.split(":") for part in text.split(",") if part)}
        self._poll = select.poll()
        for fd in self._names:
            self._poll.register(fd, select.POLLIN | select.POLLHUP)

    def broken(self) -> list[str]:
        """Names of processes that are gone; without a supervisor (ros2 launch) there is no line to break."""
        return [self._names[fd] for fd, _ in self._poll.poll(0)] if self._names else []
