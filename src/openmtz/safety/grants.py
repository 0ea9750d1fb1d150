"""How much credit may be given now, and if none, why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from openmtz.safety.aim import check_aim
from openmtz.safety.approval import Approval
from openmtz.safety.config import SafetyConfig
from openmtz.safety.fired import FiredBook
from openmtz.safety.inputs import ArmState, HeadStatus, LoadedSpots


@dataclass(frozen=True)
class Credit:
    """Credit up to spot `until` with the digest of the records up to it, or the code withholding it."""

    until: int = 0
    digest: int = 0
    withheld: str = ""
    detail: str = ""


def credit_now(
    approval: Approval,
    key: tuple[int, int],
    fired: FiredBook,
    spots: LoadedSpots | None,
    head: HeadStatus,
    arm: ArmState,
    config: SafetyConfig,
    now: float,
) -> Credit:
    """Return the credit for the firing group `key` (station, pass).

    Never beyond the group, the window ahead of what was fired, what the device says it holds (the digest
    must exist there), the spots whose aim was checked at the measured pose, and the heat limit.
    """
    group = approval.groups[key]
    if head.plan_sha256 != approval.sha256:
        return Credit(withheld="other-plan-selected")
    account = fired.account(approval.sha256)
    if account is None:
        return Credit(withheld="other-plan-selected", detail="the scan head has not named the plan yet")
    if account.blocked:
        return Credit(withheld="in-doubt", detail=account.blocked)
    start = account.next_spot
    if start >= group.end:
        return Credit(withheld="group-complete")
    if spots is None or (spots.plan_sha256, spots.station, spots.pass_index) != (approval.sha256, *key):
        return Credit(withheld="nothing-loaded")
    end = min(start + config.credit_window, group.end, head.loaded_until, spots.first + len(spots))
    if start < max(group.first, spots.first) or end <= start:
        return Credit(withheld="nothing-loaded")
    aim = check_aim(approval.plan, spots, arm.scan_head_pose, approval.profile, config, start=start, end=end)
    if aim.ok_until <= start:
        return Credit(withheld="aim-refused", detail="; ".join(aim.reasons))
    until = fired.skin.heat.allowed_until(start, aim.ok_until, now)
    if until <= start:
        return Credit(withheld="heat-limit")
    return Credit(until, int(spots.digests[until - 1 - spots.first]))


class AimWatch:
    """How long the aim has been refused without a break: one bad measurement is no cause for a hold."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._bad_since = math.inf
        self._reason = ""

    def note(self, credit: Credit, now: float) -> None:
        """Take what the credit of this step says."""
        if credit.withheld == "aim-refused":
            self._bad_since = min(self._bad_since, now)
            self._reason = credit.detail
        else:
            self._bad_since = math.inf

    def conditions(self, now: float, config: SafetyConfig) -> dict[str, str]:
        """Return `aim-refused` with its reason once it lasts longer than `aim_persist_s`."""
        return {"aim-refused": self._reason} if now - self._bad_since > config.aim_persist_s else {}
