"""What shots truly hit: by the head's true pose at each instant, its tip, and the skin as it was then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import CO2_120UM_LOW_ENERGY, FieldCalibration, HandpieceProfile
from openmtz.robot import SCAN_HEAD_FRAME
from openmtz.simulation.arm import World
from openmtz.simulation.truth import ShotHits, TrueSkin, evaluate_shots

Array = NDArray[np.float64]


class ShotTruth:
    """Judges shots on the true skin. `galvo_map`: where counts truly point; None: as the profile says."""

    def __init__(
        self,
        skin: TrueSkin,
        profile: HandpieceProfile = CO2_120UM_LOW_ENERGY,
        galvo_map: FieldCalibration | None = None,
    ) -> None:
        self.skin, self.profile, self.galvo_map = skin, profile, galvo_map

    def mount(self, header: Mapping[str, Any]) -> None:
        """Mount the tip that a plan's header names.

        Raises:
            ProfileError: the profile is of no use. KeyError: there is none.
        """
        self.profile = HandpieceProfile.from_header(header["profile"])

    def judge(
        self, world: World, at_s: Array, counts: Array, energy_mj: Array, skin_s: Array | None = None
    ) -> ShotHits:
        """Return what `N` shots hit.

        Args:
            at_s: `(N,)` [s] when each was fired, on the clock the world's steps were told.
            counts: `(N, 2)` where the mirrors stood. energy_mj: `(N,)` emitted [mJ].
            skin_s: `(N,)` [s] the same instants in the time of the skin's motion; None: `at_s`.
        """
        poses = world.poses_at(at_s, SCAN_HEAD_FRAME)
        times = at_s if skin_s is None else skin_s
        return evaluate_shots(poses, counts, energy_mj, self.skin, self.profile, times, self.galvo_map)
