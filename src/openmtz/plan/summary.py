"""What a person is asked to approve: a plan's spots, place, energies and depths in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from openmtz.plan.plan import TreatmentPlan


class PlanSummary(NamedTuple):
    """Numbers drawn from the spots themselves, but for the area, which the planner states in the header.

    Attributes:
        energy_mj: least and most of a pulse [mJ]. total_energy_j: of all pulses [J].
        pulse_us, depth_um: least and most. area_cm2: of skin; NaN where the header states none.
        density_per_cm2: spots of all passes for each cm2 of it. energy_j_cm2: energy for each cm2.
    """

    profile: str
    spots: int
    stations: int
    passes: int
    area_cm2: float
    density_per_cm2: float
    energy_mj: tuple[float, float]
    total_energy_j: float
    energy_j_cm2: float
    pulse_us: tuple[int, int]
    depth_um: tuple[int, int]

    @property
    def text(self) -> str:
        """One line for whoever approves."""
        if not self.spots:
            return "no spots"
        low, high = self.energy_mj
        place = "an area that is not stated"
        if math.isfinite(self.area_cm2):
            place = (
                f"{self.area_cm2:.2f} cm2 ({self.density_per_cm2:.0f} spots/cm2, "
                f"{self.energy_j_cm2:.1f} J/cm2)"
            )
        passes = f" in {self.passes} passes" if self.passes > 1 else ""
        return (
            f"{self.spots} spots{passes} from {self.stations} stations on {place}; {low:.1f} to {high:.1f} mJ"
            f" a pulse of {self.pulse_us[0]} to {self.pulse_us[1]} us, {self.total_energy_j:.2f} J in all;"
            f" planned depth {self.depth_um[0]} to {self.depth_um[1]} um; profile {self.profile}"
        )


def summarise(plan: TreatmentPlan) -> PlanSummary:
    """Return what a plan comes to; never raises for a plan that could be made."""
    count = len(plan)
    area = _positive(plan.header.get("area_cm2"))
    total_j = float(plan.energy_uj.sum(dtype="u8")) * 1e-6
    ends = {
        name: (int(values.min()), int(values.max())) if count else (0, 0)
        for name, values in (("energy", plan.energy_uj), ("pulse", plan.pulse_us), ("depth", plan.depth_um))
    }
    profile = plan.header.get("profile")
    named = profile.get("name") if isinstance(profile, Mapping) else None
    return PlanSummary(
        profile=str(named or "not named"),
        spots=count,
        stations=len(plan.station_pose),
        passes=len(set(plan.pass_index.tolist())),
        area_cm2=area,
        density_per_cm2=count / area,
        energy_mj=(ends["energy"][0] * 1e-3, ends["energy"][1] * 1e-3),
        total_energy_j=total_j,
        energy_j_cm2=total_j / area,
        pulse_us=ends["pulse"],
        depth_um=ends["depth"],
    )


def _positive(value: Any) -> float:
    """Return a number of the header, NaN where it is none."""
    good = (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    )
    return float(value) if good else math.nan
