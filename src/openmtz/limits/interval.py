"""The least interval between two sessions on the same site."""

from __future__ import annotations

from openmtz.limits.absolute import LIMITS
from openmtz.limits.refusal import refusal
from openmtz.plan import Finding, TreatmentPlan


def check_interval(plan: TreatmentPlan) -> list[Finding]:
    """Refuse a site whose zones of the last session are not closed yet; nothing where it was not stated."""
    facts = plan.header.get("facts")
    days = facts.get("days_since_last_session") if isinstance(facts, dict) else None
    if days is None:
        return []
    least = LIMITS["session_interval_days"].value
    fix = f"wait until {least:g} days have passed since the last session"
    if isinstance(days, bool) or not isinstance(days, (int, float)):
        return [refusal("session-interval-invalid", f"days since the last session: {days!r}", fix)]
    if days >= least:
        return []
    text = f"the site was treated {days:g} days ago, the least interval is {least:g} days"
    return [refusal("session-too-soon", text, fix)]
