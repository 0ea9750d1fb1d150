"""What is applied into the channels: depth it wants, how well it fills, whether it passes the opening."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Agent:
    """An agent. `energy_mj`: of a channel, 120 um, 5 %. `vehicle`: liquid, gel or cream.

    `particle_um`: largest particle, 0 if dissolved. `uptake`: what is known of it, with its mark.
    """

    name: str
    energy_mj: float
    vehicle: str
    particle_um: float
    uptake: str


AGENTS = {
    a.name: a
    for a in (
        Agent("none", 40.0, "liquid", 0.0, "no agent stated"),
        Agent(
            "methotrexate", 80.0, "liquid", 0.0,
            "deposition x6 / x9 / x11 over intact skin at 21 h for channels to epidermis / superficial /"
            " mid dermis; detectable at 15 min, saturates at 7 h [V]",
        ),
        Agent(
            "mal", 40.0, "cream", 0.0,
            "methyl aminolevulinate: uptake independent of depth 300-2100 um at 3 h [V]",
        ),
        Agent(
            "plla", 80.0, "liquid", 63.0,
            "poly-L-lactic acid, particles 40-63 um [V]: a filling problem; 95 % of scars improved at"
            " 3 months (Rkein 2014 [V])",
        ),
    )
}  # fmt: skip

FILLING_PERCENT = {
    80.0: {"liquid": 67.0, "gel": 60.0, "cream": 31.0},
    40.0: {"liquid": 90.0, "gel": 77.0, "cream": 55.0},
}
"""Channels filled, by channel energy [mJ] and vehicle [V]."""
PARTICLE_FACTOR_WARN, PARTICLE_FACTOR_REFUSE = 3.0, 2.0
"""An open channel must be 2-3 times as wide as the particle [D]."""
