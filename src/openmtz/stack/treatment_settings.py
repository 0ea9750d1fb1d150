"""How a treatment scans and moves, and what an operator asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openmtz.procedure import ProcedureConfig


@dataclass(frozen=True)
class TreatingConfig:
    """How the skin is scanned and how fast the arm moves; the parameters of node `treatment` explain them.

    `voxel_m` 0: the capture's own default.
    """

    scan_center_m: tuple[float, float, float] = (0.50, 0.0, 0.05)
    scan_direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    scan_radius_m: float = 0.045
    scan_standoff_m: float = 0.30
    scan_tilt_rad: float = np.deg2rad(18.0)
    views: int = 6
    frames_per_view: int = 5
    speed_fraction: float = 0.7
    voxel_m: float = 0.0

    def procedure(self) -> ProcedureConfig:
        """Return the procedure's settings for such a scan."""
        return ProcedureConfig(
            views=self.views, views_min=min(3, self.views), frames_per_view=self.frames_per_view
        )


@dataclass(frozen=True)
class TreatRequest:
    """What the operator asks for; `request_json` as docs/nodes/mtz_planner.md."""

    indication: str = ""
    request_json: str = ""
    seed: int = 0
