"""What was fired, by the device's report and by a simulation's truth; what became of each spot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FiredSpots:
    """What the device reports, `(M,)` each: `index` into the plan, `tick_us` of its clock, `energy_uj`."""

    index: NDArray[np.int64]
    tick_us: NDArray[np.int64]
    energy_uj: Floats

    def __post_init__(self) -> None:
        for name, dtype in (("index", np.int64), ("tick_us", np.int64), ("energy_uj", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype).ravel())
        if not len(self.index) == len(self.tick_us) == len(self.energy_uj):
            raise ValueError(f"index, tick_us, energy_uj differ in length: {self._lengths()}")

    def _lengths(self) -> str:
        return f"{len(self.index)}, {len(self.tick_us)}, {len(self.energy_uj)}"

    def unique(self) -> FiredSpots:
        """Without lines that were reported twice (same spot, same tick): one emission, not two."""
        pairs = np.stack([self.index, self.tick_us], axis=1)
        _, first = np.unique(pairs, axis=0, return_index=True)
        first.sort()
        return FiredSpots(self.index[first], self.tick_us[first], self.energy_uj[first])


@dataclass(frozen=True, eq=False)
class TruthShots:
    """What every shot really hit, in firing order: the fields of `ShotsTruth.msg`, `M` rows each.

    `spot_index`, `hit` bool, `position_m` `(M, 3)` world, `incidence_rad`, `defocus_m` along the
    beam, `energy_mj` emitted, `fluence_j_cm2` peak, `time_s` simulation time.
    """

    spot_index: NDArray[np.int64]
    hit: NDArray[np.bool_]
    position_m: Floats
    incidence_rad: Floats
    defocus_m: Floats
    energy_mj: Floats
    fluence_j_cm2: Floats
    time_s: Floats

    def __post_init__(self) -> None:
        count = np.size(self.spot_index)
        for name, dtype in (("spot_index", np.int64), ("hit", np.bool_)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype).ravel())
        position = np.asarray(self.position_m, np.float64).reshape(-1, 3)
        object.__setattr__(self, "position_m", position)
        for name in ("incidence_rad", "defocus_m", "energy_mj", "fluence_j_cm2", "time_s"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64).ravel())
        for name, value in vars(self).items():
            if len(value) != count:
                raise ValueError(f"{name} has {len(value)} rows, spot_index {count}")


class SpotStatus(IntEnum):
    """What became of one planned spot."""

    MISSING = 0
    DELIVERED = 1
    MISPLACED = 2
    OFF_ENERGY = 3
    UNVERIFIED = 4
    """The device counts it as executed, and there is no record of the shot."""
