"""Kinds of atrophic scar by shape, and the dose of each. Ranges with sources; decision support only."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.planning.skin import Lesion

ICEPICK_WIDTH_M = 0.0022
"""Icepick scars are narrower than 2 mm [M]; the fused surface widens them a little."""
BOXCAR_WIDTH_M = 0.0045
"""Boxcar scars are 1.5-4 mm wide with steep walls, rolling scars wider than 4-5 mm [M]."""
BOXCAR_ASPECT = 0.10
"""Depth over width from which a wall counts as steep [M]; rolling scars are shallow undulations."""


@dataclass(frozen=True)
class Dose:
    """Nominal percent and energy of one kind of skin."""

    percent: float
    energy_mj: float
    source: str


DOSES = {
    "rolling": Dose(10.0, 20.0, "15-25 mJ, 5-15 %, 1-2 passes [M]; 20 mJ at 10 % (Yuan 2014 [V])"),
    "boxcar": Dose(12.0, 20.0, "15-25 mJ, 5-15 %, edges denser [M]; not beyond 20 mJ (Yuan 2014 [V])"),
    "icepick": Dose(
        10.0, 20.0, "fractional laser alone does little: combine with another method (Xu & Deng 2018 [V])"
    ),
    "around": Dose(5.0, 15.0, "lower end of the range, to blend into healthy skin [M]"),
}
EDGE_FACTOR = 1.2
"""Boxcar edges are treated this much denser, within 15 % [M]."""
MAX_PERCENT = 15.0


def kind_of(lesion: Lesion) -> str:
    """Return `icepick`, `boxcar` or `rolling` for a lesion's shape."""
    width = max(lesion.width_m, 1e-6)
    if lesion.length_m < ICEPICK_WIDTH_M:
        return "icepick"
    if lesion.depth_m / width >= BOXCAR_ASPECT and lesion.width_m < 1.5 * BOXCAR_WIDTH_M:
        return "boxcar"
    return "rolling" if lesion.length_m >= BOXCAR_WIDTH_M else "boxcar"
