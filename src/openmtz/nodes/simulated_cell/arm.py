"""Motion of the simulated arm: trajectories as a joint_trajectory_controller takes them.

Part of node `simulation`.
"""

from __future__ import annotations

from typing import Any

from trajectory_msgs.msg import JointTrajectory

from openmtz.nodes import topics
from openmtz.nodes.hearing import ListeningNode
from openmtz.simulation.arm import TrajectoryRejected
from openmtz.simulation.cell import PlayedCell


class SimulatedArm:
    """Hands motions to the world, whichever it is now (a reset makes a new one)."""

    def __init__(self, node: ListeningNode, cell: PlayedCell) -> None:
        self._cell, self._logger = cell, node.get_logger()
        node.ear.subscribe(topics.TRAJECTORY, self._on_trajectory)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        points = message.points
        times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in points]
        stamp = message.header.stamp
        stamped = stamp.sec or stamp.nanosec
        start_s = self._cell.clock.time_of(stamp.sec + stamp.nanosec * 1e-9) if stamped else None
        rows: dict[str, Any] = {}
        for name in ("positions", "velocities", "accelerations"):
            values = [list(getattr(p, name)) for p in points]
            rows[name] = values if values and all(values) else None
        try:
            self._cell.world.follow(
                message.joint_names, times, rows["positions"] or [], rows["velocities"],
                rows["accelerations"], start_s,
            )  # fmt: skip
        except TrajectoryRejected as error:
            self._logger.error(f"trajectory rejected: {error}")

    def report_contacts(self, pairs: list[tuple[str, str]]) -> None:
        """A collision is a fact of the world: said in the log that a death shows."""
        for one, other in pairs:
            self._logger.error(f"collision: {one} touches {other}")
