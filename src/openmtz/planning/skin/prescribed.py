"""How much energy, and how densely: what the plugin prescribes, with the operator's overrides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.hooks import Prescription, Refused
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity
from openmtz.planning.context import SOURCE, PlanningContext
from openmtz.planning.skin.examined import ExaminedSkin


class PrescribedDose(NamedTuple):
    """`density_per_cm2` `(V,)` of one pass and `energy_mj` `(V,)` per vertex of the examined skin; the number
    of `passes`; the handpiece `profile`; the plugin's `prescription` before any override."""

    density_per_cm2: NDArray[np.float64]
    energy_mj: NDArray[np.float64]
    passes: int
    profile: HandpieceProfile
    prescription: Prescription


def prescribe(context: PlanningContext, skin: ExaminedSkin) -> PrescribedDose:
    """Ask the plugin for a dose, and apply the operator's overrides to it.

    Raises:
        PlanningError: the plugin refuses, or a profile nobody knows.
    """
    manager, wanted = context.manager, context.overrides
    try:
        given = manager.prescribe(
            skin.surface, skin.region, context.indication, context.facts, skin.assessment
        )
    except Refused as refusal:
        finding = Finding(Severity.REFUSAL, context.indication, refusal.code, refusal.reason, refusal.fix)
        raise context.refused(f"{context.indication}: {refusal.reason}", finding) from refusal
    context.note(*given.findings)
    name = wanted.profile or given.profile
    if name not in manager.profiles:
        text = f"unknown handpiece profile {name!r}; available: {', '.join(manager.profiles)}"
        raise context.refused(text, Finding(Severity.REFUSAL, SOURCE, "unknown-profile", text))
    scaled = np.asarray(given.density_per_cm2, np.float64) * wanted.density_scale
    density = np.round(np.where(skin.region, scaled, 0.0), 1).astype(np.float64)
    energy = np.asarray(given.energy_mj, np.float64)
    if wanted.energy_mj is not None:
        energy = np.full(len(density), wanted.energy_mj)
    passes = wanted.passes or given.passes
    return PrescribedDose(density, energy, passes, manager.profiles[name], given)
