"""The hooks a plugin may implement. This is the whole contract; docs/plugins.md repeats it for people.

A plugin is a module or object named by an entry point of the group `openmtz`; its functions are
marked with `openmtz.hooks.hookimpl`. It may take fewer arguments than a hook offers.
"""

from __future__ import annotations

import numpy as np
import pluggy
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks.types import Assessment, Indication, PatientFacts, Phantom, Prescription
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, TreatmentPlan

PROJECT = "openmtz"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def indications() -> list[Indication]:
    """Return the indications this plugin plans for. Names must be unique over all plugins."""
    raise NotImplementedError


@hookspec
def assess(surface: SkinSurface, area: NDArray[np.bool_], indication: str, facts: PatientFacts) -> Assessment:
    """Look at the captured skin and say what is there. Called only on the indication's own plugin.

    Args:
        surface: captured skin; vertices `(V, 3)` [m, world], unit outward normals `(V, 3)`,
            quality `(V,)` 0 to 1. Expect about 0.1 mm of sensor noise.
        area: `(V,)` bool, vertices to examine; around the region to treat, wider than it.
        indication: name asked for. facts: as stated by the operator.

    Returns:
        severity `(V,)` 0 to 1, deficit depth `(V,)` [m], findings.
    """
    raise NotImplementedError


@hookspec
def prescribe(
    surface: SkinSurface,
    region: NDArray[np.bool_],
    indication: str,
    facts: PatientFacts,
    assessment: Assessment,
    profiles: dict[str, HandpieceProfile],
) -> Prescription:
    """Turn the assessment into a dose. Called only on the indication's own plugin.

    Args:
        region: `(V,)` bool, vertices to treat; density elsewhere is ignored.
        assessment: what `assess` of the same plugin returned.
        profiles: handpiece profiles available, by name.

    Returns:
        density `(V,)` [1/cm2], energy `(V,)` [mJ], profile name, passes, rationale. The planner
        never adds density. Energy is meant for a spot met upright and in focus: the planner makes up
        for tilt and defocus, so that each spot reaches the depth intended, never above the profile's most
        energy nor the host envelope's for the site (`"correct_energy": false` turns that off).

    Raises:
        openmtz.hooks.Refused: what was asked must not be planned; the text says why.
    """
    raise NotImplementedError


@hookspec
def check_plan(plan: TreatmentPlan, facts: PatientFacts) -> list[Finding]:
    """Look at a finished plan. Called on every plugin; a REFUSAL stops the plan from being offered."""
    raise NotImplementedError


@hookspec
def handpiece_profiles() -> list[HandpieceProfile]:
    """Return laser + tip profiles this plugin brings. Names must be unique over all plugins."""
    raise NotImplementedError


@hookspec
def phantoms() -> list[Phantom]:
    """Return synthetic patients for the simulation. Names must be unique over all plugins."""
    raise NotImplementedError


HOOK_NAMES = ("indications", "assess", "prescribe", "check_plan", "handpiece_profiles", "phantoms")
