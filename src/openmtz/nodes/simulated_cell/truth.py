"""Ground truth of every shot on its topic, and the tip that a plan names. Part of node `simulation`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from openmtz_interfaces.msg import ShotsTruth, TreatmentPlan as PlanMessage

from openmtz.nodes import convert, topics
from openmtz.nodes.hearing import ListeningNode
from openmtz.optics import ProfileError
from openmtz.simulation.cell import JudgedShots, PlayedCell


class TruthTopic:
    """Publishes what shots did."""

    def __init__(self, node: ListeningNode, cell: PlayedCell) -> None:
        self._cell, self._logger = cell, node.get_logger()
        self._publisher = topics.SHOTS_TRUTH.publisher(node)
        node.ear.subscribe(topics.PLAN, self._on_plan)

    def _on_plan(self, message: PlanMessage) -> None:
        """The tip that the plan names is the one mounted."""
        try:
            self._cell.truth.mount(convert.plan_header(message))
        except (ProfileError, KeyError, ValueError) as error:
            self._logger.error(f"the plan's profile is of no use: {error}")

    def publish(self, judged: JudgedShots) -> NDArray[np.float64]:
        """Publish what shots hit; returns the places hit `(K, 3)` in `world` [m]."""
        clock, (shots, hits) = self._cell.clock, (judged.shots, judged.hits)
        message = ShotsTruth()
        message.header.stamp = convert.stamp_of(clock.stamp_s(self._cell.world.time_s))
        message.header.frame_id = "world"
        message.spot_index = convert.typed_array(shots.spot_index, "uint32")
        message.hit = [bool(h) for h in hits.hit]
        message.position_m = convert.typed_array(hits.position_m, "float64")
        message.rest_position_m = convert.typed_array(hits.rest_position_m, "float64")
        message.incidence_rad = convert.typed_array(hits.incidence_rad, "float32")
        message.defocus_mm = convert.typed_array(hits.defocus_m * 1e3, "float32")
        message.energy_mj = convert.typed_array(shots.energy_mj, "float32")
        message.fluence_j_cm2 = convert.typed_array(hits.fluence_j_cm2, "float32")
        message.time_s = convert.typed_array(judged.times_s + clock.offset_s, "float64")
        self._publisher.publish(message)
        return np.asarray(hits.position_m[hits.hit])
