"""What the plan took for true of the patient, who said so, and the indication's reasons for the dose."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from openmtz.records.run_data import RunData

NAMES = {
    "site": "Site",
    "fitzpatrick": "Skin type (Fitzpatrick)",
    "agent": "Agent after the laser",
    "striae_stage": "Stage of the striae",
    "test_spot_ok": "Test spot healed well",
    "days_since_last_session": "Days since the last session",
}
NOT_STATED = {
    "site": "absolute limits only, no rule of a body site",
    "fitzpatrick": "counted as type VI, the most cautious",
    "test_spot_ok": "counted as not done",
    "days_since_last_session": "counted as never treated: the interval is not checked",
}
"""What the planner makes of a fact that was not given."""
OF_SOME = ("agent", "striae_stage")
"""Facts that matter to single indications, which say themselves what they make of a missing one."""
ROMAN = ("", "I", "II", "III", "IV", "V", "VI")


class FactRow(NamedTuple):
    """A fact, its value in words, and where it comes from: `stated`, `assumed` or `not stated`."""

    name: str
    value: str
    origin: str


def patient_rows(data: RunData) -> list[FactRow]:
    """Return the facts about the patient in the plan's header; empty without a plan."""
    facts = data.plan.header.get("facts") if data.plan is not None else None
    if not isinstance(facts, dict):
        return []
    rows = []
    for key, name in NAMES.items():
        value = facts.get(key)
        if value is None and key in OF_SOME:
            continue
        if value is None or (key == "test_spot_ok" and value is False):
            rows.append(FactRow(name, NOT_STATED[key], "not stated"))
        else:
            rows.append(FactRow(name, _words(key, value), "assumed" if key in data.assumed else "stated"))
    rows += [FactRow(str(k), str(v), "stated") for k, v in facts.items() if k not in NAMES and v is not None]
    return rows


def rationale_rows(data: RunData) -> list[str]:
    """Return the plugin's reasons for the dose, one a line; empty where there are none.

    Plugins join what they say of several kinds of skin by semicolons; a part begins with a name and a colon.
    """
    text = data.plan.header.get("rationale") if data.plan is not None else ""
    return [part.strip() for part in re.split(r";\s+(?=[\w ]{1,40}:)", str(text or "")) if part.strip()]


def _words(key: str, value: Any) -> str:
    if key == "fitzpatrick" and isinstance(value, int) and 1 <= value <= 6:
        return ROMAN[value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("_", " ")
