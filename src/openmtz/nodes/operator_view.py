"""What an operator sees of the graph: its topics, gathered for a report."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.nodes import topics
from openmtz.nodes.hearing import ListeningNode
from openmtz.nodes.observation import Observation
from openmtz.records import Evidence, evidence_of

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
        self._node, self._use_sim_truth = node, use_sim_truth
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

    def evidence(self) -> Evidence | None:
        """Return what reports and ground truth heard so far say of the plan's shots; None without a plan."""
        seen = self.observed
        if seen.plan is None:
            return None
        reported, true = (_joined(parts) for parts in (seen.fired_index, seen.truth.get("spot_index", [])))
        executed = int(seen.status.spots_done) if seen.status is not None else None
        return evidence_of(len(seen.plan), reported, true if self._use_sim_truth else None, executed)


def _joined(parts: list[NDArray[Any]]) -> NDArray[np.int64]:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)
