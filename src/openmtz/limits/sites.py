"""Body sites with rules of their own. Each rule stands here once: the host's limits, which refuse a plan, and
the gentler setting that plugins keep to by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from openmtz.limits.absolute import COVERAGE_UNIT, LIMITS, Limit


@dataclass(frozen=True)
class SiteRule:
    """What holds at one body site.

    Attributes:
        site: name of the site, as in `PatientFacts.site`.
        limits: absolute limits, named as in `LIMITS`, that replace the general ones where they are stricter.
        careful_energy_mj, careful_percent: pulse energy [mJ] and nominal beam area per skin area [%] that a
            plugin keeps to at this site, in one pass; not enforced. The percentage leaves a tenth to the
            limit, since spots lie a little more densely in one place than in another.
        source: why plugins are careful there.
    """

    site: str
    limits: tuple[Limit, ...]
    careful_energy_mj: float
    careful_percent: float
    source: str


NECK = SiteRule(
    "neck",
    (
        Limit("energy_mj", 15.0, "mJ", "neck: at most 10-15 mJ [M] after Avram 2009 [V]"),
        Limit("coverage", 0.10, COVERAGE_UNIT, "neck: 10 % [M]"),
        Limit("passes", 1.0, "passes", "neck: one pass [M]"),
    ),
    careful_energy_mj=10.0,
    careful_percent=9.0,
    source="neck: 30 mJ/25 % and 20 mJ/30 % both left hypertrophic scars (Avram 2009 [V]); limits [M]",
)

SITE_RULES: dict[str, SiteRule] = {rule.site: rule for rule in (NECK,)}


def rule_of(site: str | None) -> SiteRule | None:
    """Return the rule of a body site; None if the site is not stated or has no rule of its own."""
    return SITE_RULES.get(site or "")


def rules_of_header(header: Mapping[str, Any]) -> list[SiteRule]:
    """Return the rules of every site a plan's header names.

    The site stands under `site`, or under `site` within `facts` or `patient`. Headers of foreign planners may
    word it as they like ("Neck, left"), so a rule holds wherever its site's name occurs in the text.
    """
    parts = [header, header.get("facts"), header.get("patient")]
    named = [part.get("site") for part in parts if isinstance(part, Mapping)]
    texts = [str(value).lower() for value in named if value]
    return [rule for rule in SITE_RULES.values() if any(rule.site in text for text in texts)]


def on_the_sites(rules: Iterable[SiteRule]) -> str:
    """Return " on the neck", say, to end a sentence with; the empty text without rules."""
    return " and".join(f" on the {rule.site}" for rule in rules)


def strictest(name: str, rules: Iterable[SiteRule | None] = ()) -> float:
    """Return the value of the limit `name` that holds under all of `rules`: the least of theirs and the
    general one. None among the rules stands for a site without one.

    Raises:
        KeyError: no limit has that name.
    """
    of_sites = [limit.value for rule in rules if rule for limit in rule.limits if limit.name == name]
    return min([LIMITS[name].value, *of_sites])
