"""What every shot of a lockstep run really hit, collected column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class TruthLog:
    """What every shot really hit, column by column; `columns()` joins them."""

    NAMES = (
        "spot_index", "hit", "position_m", "rest_position_m", "incidence_rad", "defocus_m", "energy_mj",
        "pulse_us", "fluence_j_cm2", "time_s", "arm_speed_m_s", "patient_shift_m",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.NAMES}
        self.count = 0

    def add(self, **columns: NDArray[Any]) -> None:
        """Append rows; every column of `NAMES` is needed."""
        for name in self.NAMES:
            self._parts[name].append(columns[name])
        self.count += len(columns["spot_index"])

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return `(M, ...)` arrays by name, in order of emission."""
        out: dict[str, NDArray[Any]] = {}
        for name, parts in self._parts.items():
            shape = (0, 3) if name.endswith("position_m") else (0,)
            out[name] = np.concatenate(parts) if parts else np.zeros(shape)
        return out
