"""The furniture of the cell: boxes the arm must keep away from, the same for planner and simulator."""

from __future__ import annotations

from dataclasses import dataclass

BED_TOP_M = -0.35
"""Height of the bed's top in `world` [m]."""


@dataclass(frozen=True)
class CellBox:
    """An upright box in `world`: `center_m` and full `size_m`, x y z [m]."""

    name: str
    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]


CELL_BOXES = (
    CellBox("bed", (0.52, 0.0, BED_TOP_M - 0.05), (0.70, 1.90, 0.10)),
    CellBox("pedestal", (0.0, 0.0, -0.375), (0.20, 0.20, 0.75)),
    CellBox("floor", (0.0, 0.0, -0.80), (4.0, 4.0, 0.10)),
)
"""Bed with the patient, pedestal under the arm, floor. Sizes are an engineering choice."""
