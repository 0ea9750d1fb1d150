"""The furniture of the cell: boxes the arm must keep away from, the same for planner and simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BED_TOP_M = -0.35
"""Height of the bed's top in `world` [m]."""
LARGEST_BOX_M = 10.0
"""Nothing in a cell is larger or further away: such a number is a millimetre mistaken for a metre."""


@dataclass(frozen=True)
class CellBox:
    """An upright box in `world`: `center_m` and full `size_m`, x y z [m]."""

    name: str
    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]

    @classmethod
    def checked(
        cls, name: str, center_m: Sequence[float], size_m: Sequence[float], taken: Sequence[str] = ()
    ) -> CellBox:
        """Return a box made of plain numbers.

        Raises:
            ValueError: no name or one of `taken`, not three finite numbers, a size not positive, more
                than 10 m.
        """
        if not name or name in taken:
            raise ValueError(
                f"a box needs a name of its own, got {name!r}; taken: {', '.join(taken) or 'none'}"
            )
        center, size = np.array(center_m, np.float64), np.array(size_m, np.float64)
        if center.shape != (3,) or size.shape != (3,) or not np.isfinite([center, size]).all():
            raise ValueError(f"box {name!r}: center and size must be three finite numbers each [m]")
        if (size <= 0).any():
            raise ValueError(f"box {name!r}: sizes must be positive [m], got {size.tolist()}")
        if np.abs(center).max() > LARGEST_BOX_M or size.max() > LARGEST_BOX_M:
            raise ValueError(f"box {name!r}: more than {LARGEST_BOX_M:g} m; are these millimetres?")
        x, y, z = center.tolist()
        a, b, c = size.tolist()
        return cls(name, (x, y, z), (a, b, c))


CELL_BOXES = (
    CellBox("bed", (0.52, 0.0, BED_TOP_M - 0.05), (0.70, 1.90, 0.10)),
    CellBox("pedestal", (0.0, 0.0, -0.375), (0.20, 0.20, 0.75)),
    CellBox("floor", (0.0, 0.0, -0.80), (4.0, 4.0, 0.10)),
)
"""Bed with the patient, pedestal under the arm, floor. Sizes are an engineering choice."""
