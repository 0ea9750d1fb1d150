"""Hooks: an even field of channels over the whole region; the agent decides their depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import (
    Assessment,
    Indication,
    PatientFacts,
    Prescription,
    Refused,
    density_per_cm2,
    fitzpatrick_multiplier,
    hookimpl,
    refuse_neck,
)
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity
from openmtz_ladd.agents import AGENTS, FILLING_PERCENT, PARTICLE_FACTOR_REFUSE, PARTICLE_FACTOR_WARN
from openmtz_ladd.uptake import channels

NAME = "ladd"
PROFILE = "co2_120um_deep"
PERCENT = 5.0


@hookimpl
def indications() -> list[Indication]:
    """Return laser-assisted drug delivery."""
    return [
        Indication(
            NAME,
            "Laser-assisted drug delivery",
            "Channels at 5 % over the whole region; energy by the agent.",
            goal="therapeutic_delivery",
            agents=tuple(AGENTS),
            sources=("Lasers Med Sci 2017 679-684 [V]", "Rkein/Ozog/Waibel 2014 [V]"),
        )
    ]


@hookimpl
def assess(surface: SkinSurface, area: NDArray[np.bool_]) -> Assessment:
    """Return nothing to repair: the whole region is an entry for the agent."""
    nothing = np.zeros(len(area))
    worst = float(np.percentile(surface.quality[area], 5)) if area.any() else 0.0
    findings: tuple[Finding, ...] = ()
    if worst < 0.2:
        text = "parts of the area were poorly seen by the camera"
        findings = (Finding(Severity.WARNING, NAME, "poorly-seen", text, "capture from more views"),)
    return Assessment(nothing, nothing, findings)


@hookimpl
def prescribe(
    surface: SkinSurface,
    region: NDArray[np.bool_],
    facts: PatientFacts,
    profiles: dict[str, HandpieceProfile],
) -> Prescription:
    """Return 5 % over the region with the agent's energy; refuses what the agent cannot pass through."""
    refuse_neck(
        facts, "channels of 40-80 mJ are beyond what the neck tolerates (hypertrophic scars, Avram 2009)"
    )
    findings: list[Finding] = []
    name = facts.agent or "none"
    if name not in AGENTS:
        known = ", ".join(AGENTS)
        raise Refused(
            f"unknown agent {name!r}; known: {known}", code="unknown-agent", fix=f"state one of: {known}"
        )
    agent = AGENTS[name]
    if name == "none":
        text = "no agent stated: shallow channels of 40 mJ, nothing said of uptake"
        findings.append(
            Finding(Severity.WARNING, NAME, "agent-not-stated", text, f"state agent: {', '.join(AGENTS)}")
        )
    profile = profiles[PROFILE]
    factor, told = fitzpatrick_multiplier(facts, NAME)
    findings += told
    per_cm2 = PERCENT * factor * density_per_cm2(1.0, profile.spot_um)
    opened = channels(profile, agent.energy_mj, per_cm2)
    if agent.particle_um > 0.0:
        ratio = opened.open_um / agent.particle_um
        text = f"{opened.open_um:.0f} um openings: {ratio:.1f} times the {agent.particle_um:g} um particles"
        if ratio < PARTICLE_FACTOR_REFUSE:
            raise Refused(text, code="particles-do-not-pass", fix="a wider spot, or a finer suspension")
        if ratio < PARTICLE_FACTOR_WARN:
            findings.append(
                Finding(
                    Severity.WARNING,
                    NAME,
                    "particles-pass-badly",
                    text,
                    "a wider spot, or a finer suspension",
                )
            )
    filled = FILLING_PERCENT[agent.energy_mj][agent.vehicle]
    text = (
        f"{agent.name}: {agent.uptake}."
        f" Channels {opened.depth_um:.0f} um deep, wall {opened.wall_cm2:.2f} cm2"
        f" and volume {opened.volume_ul:.2f} uL per cm2 of skin;"
        f" {filled:g} % of channels fill with a {agent.vehicle} [V];"
        " apply at once: uptake falls strongly within 30-90 min [M]"
    )
    findings.append(Finding(Severity.INFO, NAME, "expected-uptake", text))
    rationale = (
        f"{PERCENT:g} % of {profile.spot_um:g} um at {agent.energy_mj:g} mJ (OCT study [V]) for {agent.name}"
    )
    density = np.where(region, per_cm2, 0.0)
    return Prescription(
        density, np.full(len(region), agent.energy_mj), PROFILE, rationale, findings=tuple(findings)
    )
