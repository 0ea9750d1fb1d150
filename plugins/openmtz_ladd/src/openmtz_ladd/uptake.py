"""Channels as a way in: wall, volume, opening (domain facts, sections 2 and 5 [D])."""

from __future__ import annotations

import math
from dataclasses import dataclass

from openmtz.optics import HandpieceProfile

ABLATION_THRESHOLD_J_CM2 = 5.0
"""Clinical [M]."""
OPENING_SHARE = 0.8
"""Share of the ablated width that stays open after coagulation and swelling: ENGINEERING DEFAULT [M]."""


@dataclass(frozen=True)
class Channels:
    """Per cm2 of skin: `wall_cm2`, `volume_ul`; of one channel: `open_um` diameter, `depth_um`."""

    wall_cm2: float
    volume_ul: float
    open_um: float
    depth_um: float


def channels(profile: HandpieceProfile, energy_mj: float, per_cm2: float) -> Channels:
    """Return the channels of a density and energy: S = n 2 pi R L, V = n pi R^2 L."""
    waist_um = profile.spot_um / 2.0
    peak = float(profile.peak_fluence_j_cm2(energy_mj, 0.0, 0.0))
    ablated_um = 2.0 * waist_um * math.sqrt(max(math.log(peak / ABLATION_THRESHOLD_J_CM2), 0.0) / 2.0)
    open_um = OPENING_SHARE * ablated_um
    depth_um = float(profile.depth_of_energy_um(energy_mj))
    radius_cm, depth_cm = open_um * 0.5e-4, depth_um * 1e-4
    return Channels(
        wall_cm2=per_cm2 * 2.0 * math.pi * radius_cm * depth_cm,
        volume_ul=per_cm2 * math.pi * radius_cm**2 * depth_cm * 1000.0,
        open_um=open_um,
        depth_um=depth_um,
    )
