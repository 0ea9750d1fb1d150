"""What OpenMTZ itself brings, through the same hooks as any plugin."""

from __future__ import annotations

from openmtz.hooks.spec import hookimpl
from openmtz.optics import BUILT_IN_PROFILES, HandpieceProfile


@hookimpl
def handpiece_profiles() -> list[HandpieceProfile]:
    """Return the two 120 um CO2 profiles."""
    return list(BUILT_IN_PROFILES.values())
