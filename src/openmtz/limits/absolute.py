"""The host envelope: absolute limits for any plan at any site, each with its source.

The marks [V] (verified), [M] (from memory) and [D] (derived) are those of the domain facts. Stricter limits
of single body sites stand in `sites`.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST_ENVELOPE_VERSION = "1"
"""Stands in every plan's header; a plan made against another version is refused. Raise it with any limit."""


@dataclass(frozen=True)
class Limit:
    """One absolute limit: `value` in `unit`, and where it comes from."""

    name: str
    value: float
    unit: str
    source: str


COVERAGE_UNIT = "nominal beam area / skin area per pass"

LIMITS: dict[str, Limit] = {
    limit.name: limit
    for limit in (
        Limit("energy_mj", 200.0, "mJ",
              "above 160 mJ at 120 um (eCO2 in vivo [V]) and the device's own limit; 380 mJ in pigs [V]"),
        Limit("pulse_us", 10_000.0, "us", "sources 0.1-3 ms [V]/[M]; the device's own limit is 10 ms"),
        Limit("power_w", 300.0, "W", "up to 240 W peak [V]/[M]"),
        Limit("coverage", 0.30, COVERAGE_UNIT,
              "30 mJ/25 % and 20 mJ/30 % scarred the neck (Avram 2009 [V]); clinical 5-20 % [V]"),
        Limit("dose_j_cm2", 45.0, "J/cm2 per pass",
              "engineering default: 80 mJ at 5 % and 20 mJ at 20 % are 35 J/cm2 [D]"),
        Limit("passes", 2.0, "passes", "1-2 passes in the ranges of domain facts 4 [M]"),
        Limit("spots", 200_000.0, "spots", "engineering default: 200 cm2 at 884/cm2 in one pass"),
        Limit("spot_distance", 0.5, "spot diameters within a pass",
              "stacking on one site chars [V]; distance is an engineering default"),
        Limit("session_interval_days", 28.0, "days since the site was last treated",
              "ablative zones are closed at day 28 (J Clin Aesthet Dermatol 2022;15(9):25 [V abstract]);"
              " sessions 4-7 weeks apart in the sources of domain facts 4"),
        Limit("incidence_deg", 30.0, "deg", "refuse at 30 deg (domain facts 6 [D])"),
        Limit("defocus_factor", 1.25, "depths of focus",
              "+10 % diameter at one (domain facts 6 [D]), +15 % here; the planner keeps within one"),
    )
}  # fmt: skip
