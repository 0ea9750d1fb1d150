"""Rules that several indications share: skin type, and body sites with limits of their own.

Plugins keep to them by themselves; nothing is enforced here. What is enforced stands in `openmtz.limits`.
"""

from __future__ import annotations

from openmtz.hooks.errors import Refused
from openmtz.hooks.types import PatientFacts
from openmtz.limits import NECK, SiteRule, rule_of
from openmtz.plan import Finding, Severity

FITZPATRICK_DENSITY = {1: 1.0, 2: 1.0, 3: 1.0, 4: 0.7, 5: 0.5, 6: 0.4}
"""Density multiplier by Fitzpatrick type: an ENGINEERING DEFAULT WITHOUT CITATION. Post-inflammatory
pigmentation follows density more than energy, hence density."""


def fitzpatrick_multiplier(facts: PatientFacts, source: str) -> tuple[float, list[Finding]]:
    """Return the density multiplier and what to tell the operator. Not stated: the most cautious."""
    if facts.fitzpatrick is None:
        return FITZPATRICK_DENSITY[6], [
            Finding(
                Severity.WARNING, source, "fitzpatrick-not-stated",
                "skin type not stated: density cut to 40 %, the value for type VI (engineering default)",
                "state the fact fitzpatrick, 1 to 6",
            )
        ]  # fmt: skip
    factor = FITZPATRICK_DENSITY[facts.fitzpatrick]
    found = []
    if factor < 1.0:
        found.append(
            Finding(
                Severity.INFO, source, "fitzpatrick-density",
                f"skin type {facts.fitzpatrick}: density times {factor:g} (engineering default, no citation)",
            )
        )  # fmt: skip
    if facts.fitzpatrick >= 6 and not facts.test_spot_ok:
        found.append(
            Finding(
                Severity.WARNING, source, "test-spot-missing",
                "skin type VI without a healed test spot", "set a test spot first, then state test_spot_ok",
            )
        )  # fmt: skip
    return factor, found


def site_rule(facts: PatientFacts) -> SiteRule | None:
    """Return the rule of the patient's site; None if the site is not stated or has no rule of its own."""
    return rule_of(facts.site)


def refuse_neck(facts: PatientFacts, why: str) -> None:
    """Refuse the neck, where an indication has no setting that is known to heal.

    Raises:
        Refused: the site is the neck; says `why`.
    """
    if facts.site == NECK.site:
        raise Refused(why, code=NECK.site, fix="treat another site")


def density_per_cm2(percent: float, spot_um: float) -> float:
    """Return spots per cm2 that cover `percent` of the skin with nominal beam area: 10 % of 120 um is 884."""
    return percent / 100.0 / (3.141592653589793 / 4.0 * (spot_um * 1e-4) ** 2)
