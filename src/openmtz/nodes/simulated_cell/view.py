"""The picture a person watches in a browser. Part of node `simulation`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.nodes.errors import NodeError
from openmtz.simulation.cell import PlayedCell
from openmtz.simulation.visual import Snapshot, Viewer, ViewerError

VIEW_EVERY_S = 1.0 / 15.0
"""The picture in the browser is renewed so often [s] (engineering default)."""


class CellView:
    """Collects what is hit and shows the cell now and then; without a port it does nothing."""

    def __init__(self, cell: PlayedCell, port: int) -> None:
        """Serve the view at `port` of this machine; 0: none.

        Raises:
            NodeError: the port is taken.
        """
        self._cell = cell
        self._unseen: list[NDArray[np.float64]] = []
        self._due = 0.0
        try:
            self.viewer = Viewer(cell.patient.mesh, port=port) if port else None
        except ViewerError as error:
            raise NodeError(str(error)) from error

    def add(self, places: NDArray[np.float64]) -> None:
        """Add places hit `(K, 3)` [m], to be shown with the next picture."""
        if self.viewer is not None:
            self._unseen.append(places)

    def show(self, real_s: float, state: str) -> None:
        """Renew the picture if it is due at `real_s` of the machine's clock [s], with `state` beside it."""
        if self.viewer is None or real_s < self._due:
            return
        self._due = real_s + VIEW_EVERY_S
        spots = np.concatenate(self._unseen) if self._unseen else np.zeros((0, 3))
        self._unseen = []
        world = self._cell.world
        self.viewer.show(Snapshot(world.time_s, world.joint_state().position, spots, state))

    def clear(self) -> None:
        """Forget what was hit."""
        self._unseen = []
        if self.viewer is not None:
            self.viewer.clear_spots()

    def close(self) -> None:
        """End the view."""
        if self.viewer is not None:
            self.viewer.close()
