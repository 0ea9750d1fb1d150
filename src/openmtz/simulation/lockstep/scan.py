"""How the skin is scanned."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class ScanSettings:
    """How the skin is scanned; the parameters of node `treatment` explain them."""

    center_m: tuple[float, float, float] = (0.50, 0.0, 0.05)
    direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    radius_m: float = 0.045
    voxel_m: float = 0.001
    standoff_m: float = 0.30
    tilt_rad: float = math.radians(18.0)
    views: int = 6
    frames_per_view: int = 5
    speed_fraction: float = 0.7
