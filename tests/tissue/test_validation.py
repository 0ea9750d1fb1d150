"""Ours beside the published figures of the domain facts, section 1. `-s` prints the table.

Asserted is the band the models reach, not the one we would like; docs/tissue.md says where they fall short,
and shows this very table.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from openmtz.optics import HandpieceProfile
from openmtz.optics.profile import CO2_120UM_DEEP, CO2_120UM_LOW_ENERGY
from openmtz.tissue.ablation import SKIN, craters, efficiency, stacked_depth_um
from openmtz.tissue.coagulation import rims

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tissue.md"


def handpiece(name: str, curve: dict[float, float], power_w: float) -> HandpieceProfile:
    """A 120 um CO2 handpiece with published depths [um] by energy [mJ]."""
    return HandpieceProfile(
        name=name, source="domain facts, section 1", spot_um=120.0, focus_distance_m=0.15, field_half_m=0.01,
        energy_min_mj=min(curve), energy_max_mj=max(curve), depth_energy_mj=tuple(curve),
        depth_um=tuple(curve.values()), power_w=power_w,
    )  # fmt: skip


ECO2 = handpiece("eCO2, face in vivo", {80.0: 520.0, 160.0: 900.0}, 30.0)
"""Histology [V]; 30 W [M]."""
NECK = handpiece("neck, read-out", {20.0: 630.0, 30.0: 859.0}, 30.0)
"""Device read-out (Avram 2009 [V])."""
OCT = handpiece("pig ex vivo, OCT", {40.0: 225.0, 80.0: 375.0}, 60.0)
"""By OCT [V]."""


class Row(NamedTuple):
    """One figure [um]."""

    name: str
    ours: float
    published: float

    @property
    def ratio(self) -> float:
        return self.ours / self.published

    def __str__(self) -> str:
        return f"| {self.name} | {self.ours:.0f} | {self.published:.0f} | {self.ratio:.2f} |"


def depth_at(energy_mj: float, spot_um: float) -> float:
    """Return the crater's depth [um] of the 120 um eCO2 handpiece with its beam widened."""
    defocus = ECO2.rayleigh_m * np.sqrt((spot_um / ECO2.spot_um) ** 2 - 1.0)
    return float(craters(ECO2, energy_mj, defocus).depth_um[0])


def other_energies() -> list[Row]:
    """Fitted on the lower published energy alone, the higher predicted."""
    rows = []
    for profile in (ECO2, NECK, OCT):
        low, high = profile.depth_energy_mj
        excess = float(profile.peak_fluence_j_cm2(high, 0.0, 0.0)) - SKIN.threshold_j_cm2
        ours = float(efficiency(profile, low)[0]) * excess / SKIN.enthalpy_j_cm3 * 1e4
        rows.append(Row(f"{profile.name}: depth at {high:g} mJ from {low:g} mJ", ours, profile.depth_um[1]))
    return rows


def other_spots() -> list[Row]:
    """eCO2 with 300 and 1000 um tips, predicted from its 120 um tip [V abstract]."""
    published = ((300.0, 100.0, 200.0), (300.0, 180.0, 550.0), (1000.0, 60.0, 125.0), (1000.0, 220.0, 150.0))
    return [Row(f"eCO2: depth, {s:g} um spot, {e:g} mJ", depth_at(e, s), d) for s, e, d in published]


def with_coagulation() -> list[Row]:
    """Depth including coagulation [V abstract]."""
    rows = []
    for energy, published in ((80.0, 720.0), (160.0, 1000.0)):
        depth = float(craters(ECO2, energy).depth_um[0])
        for eta in (0.2, 0.3, 0.5):
            base = float(rims(ECO2, energy, residual_heat=eta).base_um[0])
            rows.append(Row(f"eCO2: {energy:g} mJ, depth and rim, eta {eta}", depth + base, published))
    return rows


def rim_thickness() -> list[Row]:
    """Against eCO2's difference of the two depths, and 100 +- 15 um (Walsh 1989 [V])."""
    rows = []
    for eta in (0.2, 0.3, 0.5):
        for energy, published in ((80.0, 200.0), (160.0, 100.0)):
            base = float(rims(ECO2, energy, residual_heat=eta).base_um[0])
            rows.append(Row(f"eCO2: {energy:g} mJ, rim at the base, eta {eta}", base, published))
        for profile, energy in ((CO2_120UM_LOW_ENERGY, 20.0), (CO2_120UM_DEEP, 80.0)):
            rim = rims(profile, energy, residual_heat=eta)
            what = f"{profile.name}: {energy:g} mJ"
            rows.append(Row(f"{what}, rim at the base, eta {eta}", float(rim.base_um[0]), 100.0))
            rows.append(Row(f"{what}, rim at the wall, eta {eta}", float(rim.lateral_um[0]), 100.0))
    return rows


def stacks() -> list[Row]:
    """Pig in vivo (Haak 2012 [V]) as sums of equal pulses of 37 mJ and 300 um [D]."""
    return [
        Row(f"stacked: depth at {e:g} mJ", stacked_depth_um(np.full(round(e / 37.0), 300.0)), depth)
        for e, depth in ((190.0, 1400.0), (380.0, 2100.0))
    ]


TABLES = (other_energies, other_spots, stacks, with_coagulation, rim_thickness)


def show(rows: list[Row]) -> dict[str, float]:
    """Print the rows; return ours / published by name."""
    print("\n| | ours [um] | published [um] | ratio |", *rows, sep="\n")
    return {row.name: row.ratio for row in rows}


def test_one_efficiency_per_device_predicts_its_other_energy() -> None:
    """Marqa & Mordon 2014 [V]: their simulation too is 21 +- 2 % deeper than histology."""
    assert all(1.0 < ratio <= 1.21 for ratio in show(other_energies()).values())


def test_another_spot_of_the_same_device() -> None:
    ratio = show(other_spots())
    impossible = ratio.pop("eCO2: depth, 1000 um spot, 60 mJ")
    assert all(0.70 < value < 1.30 for value in ratio.values())
    # 125 um at 7.6 J/cm2 mean would need 3.3 times the energy of vaporisation: no model can, nor does ours.
    assert impossible < 0.5


def test_stacked_pulses() -> None:
    assert all(0.85 < value < 1.15 for value in show(stacks()).values())


def test_depth_with_coagulation() -> None:
    assert all(0.75 < value < 1.0 for value in show(with_coagulation()).values())


def test_rim_thickness_stays_below_the_published_one() -> None:
    """Conduction alone: a lower bound. If this ever fails upwards, correct docs/tissue.md."""
    ratio = show(rim_thickness())
    assert all(value < 0.85 for value in ratio.values())
    assert all(value > 0.15 for name, value in ratio.items() if "base" in name)
    assert ratio["co2_120um_low_energy: 20 mJ, rim at the wall, eta 0.2"] < 0.02


def test_what_the_width_does_not_do() -> None:
    """Human forearm, 5 to 30 mJ [V]: over 3 times deeper (our curve: 3.0), 2 times wider (ours: 1.3)."""
    hole = craters(CO2_120UM_LOW_ENERGY, [5.0, 30.0])
    deeper, wider = (float(v[1] / v[0]) for v in (hole.depth_um, hole.half_short_um))
    print(f"\n5 to 30 mJ: depth x{deeper:.2f} (published > 3), width x{wider:.2f} (published 2)")
    assert deeper == pytest.approx(3.0, abs=0.01)
    assert 1.2 < wider < 1.4


@pytest.mark.parametrize("rows", TABLES, ids=lambda f: f.__name__)
def test_the_page_shows_these_figures(rows) -> None:  # type: ignore[no-untyped-def]
    text = PAGE.read_text(encoding="utf-8")
    missing = [str(row) for row in rows() if str(row) not in text]
    assert not missing, "docs/tissue.md lacks:\n" + "\n".join(missing)


def test_the_example_of_the_page_runs() -> None:
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    exec(compile(code, str(PAGE), "exec"), {})
