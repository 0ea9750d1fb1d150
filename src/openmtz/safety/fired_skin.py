"""All that was fired since this run of the monitor began, by where it lies on the skin.

Heat of the last seconds and dose of the session are of the skin, in world coordinates; plans, seeds,
approvals and runs that were broken off only name what was fired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.limits import EarlierPass, check_session
from openmtz.optics import HandpieceProfile, ProfileError
from openmtz.plan import Finding, TreatmentPlan
from openmtz.safety.config import SafetyConfig
from openmtz.safety.heat import HeatMeter

Array = NDArray[np.float64]
UNKNOWN_SPOT_CM2 = math.pi * (0.5 * 300e-4) ** 2
"""Beam area of a shot of which nothing is known: 300 um across. Engineering default."""


@dataclass
class _Fired:
    """What was fired of one plan: how often each of its spots was, with which energy in all [uJ]."""

    plan: TreatmentPlan
    count: NDArray[np.int64] = field(init=False)
    energy_uj: Array = field(init=False)

    def __post_init__(self) -> None:
        self.count, self.energy_uj = np.zeros(len(self.plan), np.int64), np.zeros(len(self.plan))


class FiredSkin:
    """One book for heat and dose."""

    def __init__(self, config: SafetyConfig) -> None:
        self.heat = HeatMeter(config.heat_limit_j_cm2, config.heat_window_s)
        self._fired: dict[str, _Fired] = {}
        self._somewhere_uj, self._somewhere_shots = 0.0, 0

    def fired(self, plan: TreatmentPlan, index: NDArray[np.int64], energy_uj: Array, now: float) -> None:
        """Take shots `(n,)` of a plan with their energies [uJ], as fired now."""
        self.heat.fire(plan.positions_m[index], energy_uj, now)
        own = self._fired.setdefault(plan.sha256, _Fired(plan))
        np.add.at(own.count, index, 1)
        np.add.at(own.energy_uj, index, energy_uj)

    def more_energy(
        self, plan: TreatmentPlan, index: NDArray[np.int64], excess_uj: Array, now: float
    ) -> None:
        """Shots `(n,)` that were taken already had so much more energy [uJ]."""
        self.heat.fire(plan.positions_m[index], excess_uj, now)
        np.add.at(self._fired[plan.sha256].energy_uj, index, excess_uj)

    def fired_somewhere(self, energy_uj: Array, now: float) -> None:
        """Take shots `(n,)` with energies [uJ] of a plan, or of spots, that nobody here knows: they count
        everywhere."""
        self.heat.fire_somewhere(float(energy_uj.sum()), now)
        self._somewhere_uj += float(energy_uj.sum())
        self._somewhere_shots += len(energy_uj)

    def check(self, plan: TreatmentPlan) -> list[Finding]:
        """Return what the plan would bring over the limits together with what was fired under others.

        What was fired of the plan itself belongs to it, and is fired once.
        """
        try:
            profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
        except (ProfileError, TypeError, ValueError):
            return []  # refused by the host envelope
        earlier = [one for sha, own in self._fired.items() if sha != plan.sha256 for one in _passes(own)]
        return check_session(
            plan,
            profile,
            earlier,
            somewhere_j=self._somewhere_uj * 1e-6,
            somewhere_cm2=self._somewhere_shots * UNKNOWN_SPOT_CM2,
        )


def _passes(own: _Fired) -> list[EarlierPass]:
    plan, found = own.plan, []
    try:
        profile = HandpieceProfile.from_header(plan.header.get("profile") or {})
        spot_cm2 = math.pi * (profile.spot_um * 0.5e-4) ** 2
    except (ProfileError, TypeError, ValueError):
        spot_cm2 = UNKNOWN_SPOT_CM2
    for number in np.unique(plan.pass_index):
        rows = np.flatnonzero(plan.pass_index == number)
        fired = np.repeat(rows, own.count[rows])
        energy = own.energy_uj[fired] / np.maximum(own.count[fired], 1) * 1e-6
        found.append(EarlierPass(plan.positions_m[rows], plan.positions_m[fired], energy, spot_cm2))
    return found
