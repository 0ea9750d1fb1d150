"""What an operator sees of the graph: its topics, gathered for a report."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from openmtz.nodes import topics
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.observation import Observation

LIVE = (
    topics.SURFACE,
    topics.PLAN,
    topics.SAFETY_STATE,
    topics.TREATMENT_STATUS,
    topics.SPOTS_FIRED,
)
"""What is looked at while it runs; the rest of what a report shows is read from the record afterwards."""


class OperatorView:
    """Keeps in `observed` what was heard; times count from `started` [s, monotonic]."""

    def __init__(self, node: ListeningNode, use_sim_truth: bool) -> None:
        self._node = node
        self.started = time.monotonic()
        self._observation = Observation()
        self.observed = self._observation.observed
        for topic in (*LIVE, topics.SHOTS_TRUTH) if use_sim_truth else LIVE:
            node.ear.subscribe(topic, partial(self._heard, topic))

    def _heard(self, topic: topics.Topic, message: Any) -> None:
        known = len(self.observed.refused)
        self._observation.hear(topic, message, time.monotonic() - self.started)
        for text in self.observed.refused[known:]:
            self._node.get_logger().error(text)
