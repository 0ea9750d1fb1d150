"""Waits before firing groups, as the plan's header states them."""

from __future__ import annotations

from typing import Any

from openmtz.plan.layout import MAX_GROUP_WAIT_S, PlanError

FIELD = "group_wait_s"


def waits_of(header: dict[str, Any], groups: int) -> list[float]:
    """Return `groups` waits [s], each from the last shot of the group before to the first of this one.

    A plan of version 1 states none and waits nowhere.

    Raises:
        PlanError: missing in version 2, stated in version 1, no list, not one per group, not finite,
            negative, longer than `MAX_GROUP_WAIT_S`, or a wait before the first group.
    """
    if header.get("format_version") == 1:
        if FIELD in header:
            raise PlanError(
                f"a plan of version 1 states {FIELD}, which readers of version 1 do not know: they would fire"
                " too early; write it as version 2"
            )
        return [0.0] * groups
    stated = header.get(FIELD)
    if not isinstance(stated, list):
        raise PlanError(f"{FIELD} must be a list of numbers [s], one per firing group, got {stated!r:.60}")
    if len(stated) != groups:
        raise PlanError(f"{FIELD}: {len(stated)} waits for {groups} firing groups; plan again")
    for number, wait in enumerate(stated):
        # NaN fails the comparison, and an integer of any size is compared exactly.
        if type(wait) not in (int, float) or not 0.0 <= wait <= MAX_GROUP_WAIT_S:
            raise PlanError(
                f"{FIELD}, group {number}: {wait!r:.60}; a wait is a number from 0 to {MAX_GROUP_WAIT_S:g} s"
            )
    if stated and stated[0] != 0:
        raise PlanError(
            f"{FIELD}: before the first group nothing was fired, its wait is 0, got {stated[0]!r}"
        )
    return [float(wait) for wait in stated]
