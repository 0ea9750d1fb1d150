"""How much of what was asked for a plan may leave out without the operator's word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openmtz.limits.refusal import refusal
from openmtz.plan import Finding, TreatmentPlan

REGION_LEFT_OUT = 0.2
"""Share of the region without spots. Engineering default, that of refused spots (`MAX_REFUSED_SHARE`)."""
LESIONS_LEFT_OUT = 0.1
"""Share of the lesions' area in the region without spots: they are what the plan is for. Engineering
default."""


def needs_word(untreated: Mapping[str, Any]) -> bool:
    """Return whether so much is left out, by the plan header's `untreated`, that there is no plan without the
    operator's word: more than a stated share, or the deepest lesion of the region."""
    within = (  # a share that is no number is within nothing
        untreated.get("region_share", 0.0) <= REGION_LEFT_OUT
        and untreated.get("lesion_share", 0.0) <= LESIONS_LEFT_OUT
    )
    return not within or bool(untreated.get("worst_left_out", False))


def check_left_out(plan: TreatmentPlan) -> list[Finding]:
    """Return a refusal if the plan leaves out more than a stated share and the operator did not say that it
    may: his word stands in the header (`overrides.allow_partial`), and so in the hash that he approves."""
    untreated, overrides = plan.header.get("untreated"), plan.header.get("overrides")
    if not isinstance(untreated, Mapping) or not needs_word(untreated):
        return []
    if isinstance(overrides, Mapping) and overrides.get("allow_partial") is True:
        return []
    text = (
        f"the plan leaves out {untreated.get('region_share', 0.0):.0%} of the region and"
        f" {untreated.get('lesion_share', 0.0):.0%} of the lesions in it"
    )
    if untreated.get("worst_left_out"):
        text += ", the deepest lesion among them"
    fix = "plan again with the operator's word for it (`allow_partial`), or without what is left out"
    return [refusal("needs-operators-word", text, fix)]
