"""Ours beside the published figures of the domain facts, section 1. `-s` prints the table.

Asserted is the band the models reach, not the one we would like; docs/tissue.md says where they fall short.
"""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.optics import HandpieceProfile
from openmtz.optics.profile import CO2_120UM_DEEP, CO2_120UM_LOW_ENERGY
from openmtz.tissue.ablation import craters, efficiency, stacked_depth_um
from openmtz.tissue.coagulation import rims


def handpiece(name: str, curve: dict[float, float], power_w: float) -> HandpieceProfile:
    """A 120 um CO2 handpiece with published depths [um] by energy [mJ]."""
    return HandpieceProfile(
        name=name, source="domain facts, section 1", spot_um=120.0, focus_distance_m=0.15, field_half_m=0.01,
        energy_min_mj=min(curve), energy_max_mj=max(curve), depth_energy_mj=tuple(curve),
        depth_um=tuple(curve.values()), power_w=power_w,
    )  # fmt: skip


ECO2 = handpiece("eco2_120um", {80.0: 520.0, 160.0: 900.0}, 30.0)
"""Human face in vivo, histology [V]; 30 W [M]."""
NECK = handpiece("neck_135um", {20.0: 630.0, 30.0: 859.0}, 30.0)
"""Device read-out (Avram 2009 [V])."""
OCT = handpiece("oct_120um", {40.0: 225.0, 80.0: 375.0}, 60.0)
"""Pig ex vivo, by OCT [V]."""


def defocus_for(profile: HandpieceProfile, spot_um: float) -> float:
    """Return the defocus [m] at which the beam is `spot_um` wide."""
    return float(profile.rayleigh_m * np.sqrt((spot_um / profile.spot_um) ** 2 - 1.0))


def depth_at(energy_mj: float, spot_um: float) -> float:
    """Return the crater's depth [um] of the 120 um eCO2 handpiece with its beam widened."""
    return float(craters(ECO2, energy_mj, defocus_for(ECO2, spot_um)).depth_um[0])


def show(title: str, rows: list[tuple[str, float, float]]) -> dict[str, float]:
    """Print ours and published [um]; return ours / published by row."""
    print(f"\n{title:46} {'ours':>7} {'published':>10} {'ratio':>6}")
    for name, ours, published in rows:
        print(f"{name:46} {ours:7.0f} {published:10.0f} {ours / published:6.2f}")
    return {name: ours / published for name, ours, published in rows}


@pytest.mark.parametrize("profile", [ECO2, NECK, OCT], ids=lambda p: p.name)
def test_one_efficiency_per_device_predicts_its_other_energy(profile: HandpieceProfile) -> None:
    """Fitted on the lower energy alone. Marqa & Mordon 2014 [V]: 21 +- 2 % deeper than histology."""
    low, high = profile.depth_energy_mj
    once = handpiece(profile.name, {low: profile.depth_um[0], high: profile.depth_um[1]}, profile.power_w)
    excess = once.peak_fluence_j_cm2(high, 0.0, 0.0) - 5.0
    ours = float(efficiency(once, low)[0] * excess / 2000.0 * 1e4)
    ratio = show(profile.name, [(f"{high:g} mJ from {low:g} mJ, depth", ours, profile.depth_um[1])])
    assert all(1.0 < value <= 1.21 for value in ratio.values())


def test_another_spot_of_the_same_device() -> None:
    """eCO2 with 300 and 1000 um tips predicted from its 120 um tip [V abstract]."""
    ratio = show(
        "eCO2, other tips, depth",
        [
            (f"{spot:g} um, {energy:g} mJ", depth_at(energy, spot), depth)
            for spot, energy, depth in (
                (300.0, 100.0, 200.0), (300.0, 180.0, 550.0), (1000.0, 60.0, 125.0), (1000.0, 220.0, 150.0),
            )
        ],
    )  # fmt: skip
    assert all(0.70 < ratio[name] < 1.30 for name in ratio if not name.startswith("1000 um, 60"))
    # 125 um at 7.6 J/cm2 mean would need 3.3 times the energy of vaporisation: no model can, nor does ours.
    assert ratio["1000 um, 60 mJ"] < 0.5


def test_depth_with_coagulation() -> None:
    rows = []
    for energy, published in ((80.0, 720.0), (160.0, 1000.0)):
        depth = float(craters(ECO2, energy).depth_um[0])
        for eta in (0.2, 0.3, 0.5):
            rows.append(
                (f"eCO2 {energy:g} mJ, eta {eta}, with coagulation",
                 depth + float(rims(ECO2, energy, residual_heat=eta).base_um[0]), published)
            )  # fmt: skip
    ratio = show("depth including coagulation", rows)
    assert all(0.75 < value < 1.0 for value in ratio.values())


def test_rim_thickness_stays_below_the_published_one() -> None:
    """Conduction alone: a lower bound. If this ever fails upwards, correct docs/tissue.md."""
    rows = []
    for eta in (0.2, 0.3, 0.5):
        near = {80.0: 200.0, 160.0: 100.0}
        for energy, published in near.items():
            base = float(rims(ECO2, energy, residual_heat=eta).base_um[0])
            rows.append((f"eCO2 {energy:g} mJ, eta {eta}, base", base, published))
        for profile, energy in ((CO2_120UM_LOW_ENERGY, 20.0), (CO2_120UM_DEEP, 80.0)):
            rim = rims(profile, energy, residual_heat=eta)
            rows.append(
                (f"{profile.name} {energy:g} mJ, eta {eta}, base (Walsh)", float(rim.base_um[0]), 100.0)
            )
            rows.append(
                (f"{profile.name} {energy:g} mJ, eta {eta}, wall (Walsh)", float(rim.lateral_um[0]), 100.0)
            )
    ratio = show("thickness of the rim", rows)
    assert all(value < 0.85 for value in ratio.values())
    assert all(value > 0.15 for name, value in ratio.items() if "base" in name)
    assert ratio["co2_120um_low_energy 20 mJ, eta 0.2, wall (Walsh)"] < 0.02


def test_stacked_pulses() -> None:
    """Pig in vivo, 300 / 1400 / 2100 um at 37 / 190 / 380 mJ (Haak 2012 [V]) as sums of equal pulses [D]."""
    ratio = show(
        "stacked, depth",
        [(f"{energy:g} mJ", stacked_depth_um(np.full(round(energy / 37.0), 300.0)), depth)
         for energy, depth in ((190.0, 1400.0), (380.0, 2100.0))],
    )  # fmt: skip
    assert all(0.85 < value < 1.15 for value in ratio.values())


def test_what_the_width_does_not_do() -> None:
    """Human forearm, 5 to 30 mJ [V]: over 3 times deeper (our curve: 3.0), 2 times wider (ours: 1.3)."""
    hole = craters(CO2_120UM_LOW_ENERGY, [5.0, 30.0])
    deeper, wider = (float(v[1] / v[0]) for v in (hole.depth_um, hole.half_short_um))
    print(f"\n5 to 30 mJ: depth x{deeper:.2f} (published > 3), width x{wider:.2f} (published 2)")
    assert deeper == pytest.approx(3.0, abs=0.01)
    assert 1.2 < wider < 1.4
