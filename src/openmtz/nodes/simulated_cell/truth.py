"""Ground truth of every shot: what it hit, on the skin as it was at that instant. Part of `simulation`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import rclpy.node
from numpy.typing import NDArray
from openmtz_interfaces.msg import ShotsTruth, TreatmentPlan as PlanMessage

from openmtz.nodes import convert, topics
from openmtz.nodes.simulated_cell.sensors import CellSensors
from openmtz.optics import CO2_120UM_LOW_ENERGY, FieldCalibration, HandpieceProfile, ProfileError
from openmtz.robot import SCAN_HEAD_FRAME
from openmtz.simulation.arm import World
from openmtz.simulation.scan_head_device import Shots
from openmtz.simulation.truth import TrueSkin, evaluate_shots


class ShotJudge:
    """Traces shots onto the true skin and publishes what they did."""

    def __init__(
        self,
        node: rclpy.node.Node,
        skin: TrueSkin,
        sensors: CellSensors,
        world: Callable[[], World],
        galvo_map: FieldCalibration | None = None,
    ) -> None:
        """`world`: whichever it is now (a reset makes a new one). `galvo_map`: where counts truly point."""
        self._skin, self._sensors, self._world = skin, sensors, world
        self._logger = node.get_logger()
        self._profile, self._galvo_map = CO2_120UM_LOW_ENERGY, galvo_map
        self._publisher = topics.SHOTS_TRUTH.publisher(node)
        topics.PLAN.subscription(node, self._on_plan)

    def _on_plan(self, message: PlanMessage) -> None:
        """The tip that the plan names is the one mounted."""
        try:
            self._profile = HandpieceProfile.from_header(convert.plan_header(message)["profile"])
        except (ProfileError, KeyError, ValueError) as error:
            self._logger.error(f"the plan's profile is of no use: {error}")

    def judge(self, shots: Shots, world_ahead_s: float) -> NDArray[np.float64]:
        """Publish what `shots` hit; returns the places hit `(K, 3)` in `world` [m].

        `world_ahead_s`: the world's time less the machine's monotonic one, which shots are stamped with.
        """
        world = self._world()
        poses = world.poses_at(shots.time_s, SCAN_HEAD_FRAME)
        times = shots.time_s + world_ahead_s
        hits = evaluate_shots(
            poses, shots.counts, shots.energy_mj, self._skin, self._profile, times, self._galvo_map
        )
        message = ShotsTruth()
        message.header.stamp = self._sensors.stamp(world.time_s)
        message.header.frame_id = "world"
        message.spot_index = convert.typed_array(shots.spot_index, "uint32")
        message.hit = [bool(h) for h in hits.hit]
        message.position_m = convert.typed_array(hits.position_m, "float64")
        message.rest_position_m = convert.typed_array(hits.rest_position_m, "float64")
        message.incidence_rad = convert.typed_array(hits.incidence_rad, "float32")
        message.defocus_mm = convert.typed_array(hits.defocus_m * 1e3, "float32")
        message.energy_mj = convert.typed_array(shots.energy_mj, "float32")
        message.fluence_j_cm2 = convert.typed_array(hits.fluence_j_cm2, "float32")
        message.time_s = convert.typed_array(times + self._sensors.offset_s, "float64")
        self._publisher.publish(message)
        return np.asarray(hits.position_m[hits.hit])
