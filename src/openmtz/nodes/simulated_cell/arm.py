"""Motion of the simulated arm: trajectories as a joint_trajectory_controller takes them, collisions, and
motions nobody asked for. Part of node `simulation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import rclpy.node
from trajectory_msgs.msg import JointTrajectory

from openmtz.nodes import topics
from openmtz.nodes.simulated_cell.sensors import CellSensors
from openmtz.robot import JOINT_NAMES
from openmtz.simulation.arm import TrajectoryRejected, World

CREEP_POINTS = 41


class SimulatedArm:
    """Hands motions to the world, whichever it is now (a reset makes a new one)."""

    def __init__(self, node: rclpy.node.Node, sensors: CellSensors, world: Callable[[], World]) -> None:
        self._world, self._sensors, self._logger = world, sensors, node.get_logger()
        self._contacts: set[tuple[str, str]] = set()
        topics.TRAJECTORY.subscription(node, self._on_trajectory)

    def begin_anew(self) -> None:
        """Forget what touched what: the world was reset."""
        self._contacts.clear()

    def _on_trajectory(self, message: JointTrajectory) -> None:
        points = message.points
        times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in points]
        stamp = message.header.stamp
        start_s = self._sensors.time_of(stamp) if stamp.sec or stamp.nanosec else None
        rows: dict[str, Any] = {}
        for name in ("positions", "velocities", "accelerations"):
            values = [list(getattr(p, name)) for p in points]
            rows[name] = values if values and all(values) else None
        try:
            self._world().follow(
                message.joint_names, times, rows["positions"] or [], rows["velocities"],
                rows["accelerations"], start_s,
            )  # fmt: skip
        except TrajectoryRejected as error:
            self._logger.error(f"trajectory rejected: {error}")

    def report_contacts(self) -> None:
        """A collision is a fact of the world: said once per pair, and in the log that a death shows."""
        for pair in self._world().contacts():
            if pair not in self._contacts:
                self._contacts.add(pair)
                self._logger.error(f"collision: {pair[0]} touches {pair[1]}")

    # ---- faults ---------------------------------------------------------------------------------

    def fault_protective_stop(self, active: bool, _parameters: Mapping[str, Any]) -> None:
        """Brake to a rest where the arm is."""
        if active:
            self._world().stop("protective stop")

    def fault_creep(self, active: bool, parameters: Mapping[str, Any]) -> None:
        """Turn joint 1 by `rad` within `in_s` along a step of minimum jerk, whoever holds the token.

        Raises:
            ValueError: faster than the arm can, beyond its limits, or the emergency stop is open.
        """
        if not active:
            return
        angle, seconds = float(parameters["rad"]), float(parameters["in_s"])
        if not seconds > 0:
            raise ValueError(f"in_s must be positive [s], got {seconds:g}")
        s = np.linspace(0.0, 1.0, CREEP_POINTS)
        way = 10 * s**3 - 15 * s**4 + 6 * s**5
        speed = (30 * s**2 - 60 * s**3 + 30 * s**4) / seconds
        joint = angle * np.eye(len(JOINT_NAMES))[0]
        world = self._world()
        positions = world.joint_state().position + way[:, None] * joint
        world.follow(list(JOINT_NAMES), s * seconds, positions, speed[:, None] * joint)
