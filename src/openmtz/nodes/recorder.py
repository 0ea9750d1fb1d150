"""Node `recorder`: every topic of the graph into one MCAP file. Evidence or no emission: its progress
counter stops when writing fails, and then the safety monitor grants nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import rclpy.node
from action_msgs.msg import GoalStatusArray
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_action_status_default

from openmtz.nodes import topics
from openmtz.nodes.errors import NodeError
from openmtz.nodes.parameters import parameter, parse_parameters
from openmtz.nodes.work_loop import ProgressCounter, work_timer
from openmtz.records import RecordWriter


@dataclass(frozen=True)
class RecorderConfig:
    """Parameters of `recorder`."""

    path: str = parameter("record.mcap", "file to write; must not exist")


class Recorder(rclpy.node.Node):
    """Subscribes raw: bytes go to the file as they came, nothing is converted."""

    def __init__(self, overrides: list[Parameter]) -> None:
        super().__init__("recorder", parameter_overrides=overrides)
        config = parse_parameters(self, RecorderConfig)
        path = Path(config.path)
        try:
            self._writer = RecordWriter(path)
        except OSError as error:
            raise NodeError(f"the record {path} cannot be written: {error.strerror or error}") from error
        for topic in topics.ALL:
            topic.subscription(
                self, partial(self._write, self._absolute(topic.name), topic.type_name), raw=True
            )
        for action in topics.ACTIONS:
            name = self._absolute(f"{action}/_action/status")
            self.create_subscription(
                GoalStatusArray,
                name,
                partial(self._write, name, "action_msgs/msg/GoalStatusArray"),
                qos_profile_action_status_default,
                raw=True,
            )
        self._progress = ProgressCounter(self, 0.5)
        work_timer(self, 0.1, self._work)

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.get_namespace().rstrip('/')}/{name}"

    def _write(self, topic: str, type_name: str, data: bytes) -> None:
        now = time.time_ns()
        self._writer.write(topic, type_name, data, now, now)

    def _work(self) -> None:
        error: Any = self._writer.error
        if error is not None:
            raise NodeError(
                f"the record cannot be written any more ({error}); free some space and start again"
            )
        if self._writer.dropped:
            lost = ", ".join(f"{topic}: {count}" for topic, count in self._writer.dropped.items())
            raise NodeError(f"the record cannot keep up ({lost} messages dropped): use a faster disk")
        self._progress.work(time.monotonic())

    def close(self) -> None:
        """Finish the file."""
        try:
            self._writer.close()
        except OSError as error:
            self.get_logger().error(f"the record could not be finished: {error}")


def create(overrides: list[Parameter]) -> Recorder:
    """Return the node."""
    return Recorder(overrides)
