"""What was fired, told two ways: shots reported one by one, and the device's executed index.

Both must agree with each other and stay within the credit granted; findings are latched until a
deliberate reset acknowledges them. What is in doubt after that is never credited again in this run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openmtz.plan import TreatmentPlan
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import FiredBatch, HeadStatus

BOOT_GRACE_S = 1.0
"""Reports of shots that an earlier run of the monitor granted may still arrive this long after boot."""


@dataclass
class PlanAccount:
    """Where one plan stands: credit granted, next spot by shot reports, next spot by the device."""

    plan: TreatmentPlan
    granted_until: int
    fired_next: int
    executed: int
    rebase: bool = False
    blocked: str = ""
    ahead: tuple[int, float] | None = None
    behind: tuple[int, float] | None = None

    @property
    def next_spot(self) -> int:
        """No spot below this may fire any more, whoever says so."""
        return max(self.fired_next, self.executed)


class FiredBook:
    """One account for each plan approved since boot."""

    def __init__(self, config: SafetyConfig, now: float) -> None:
        self._config = config
        self._start = now
        self._accounts: dict[str, PlanAccount] = {}
        self._latched: dict[str, str] = {}

    def account(self, plan_sha256: str) -> PlanAccount | None:
        """Return the account of a plan, or None before the device has named it under an approval."""
        return self._accounts.get(plan_sha256)

    @property
    def latched(self) -> dict[str, str]:
        """Findings that wait for a reset, code -> detail."""
        return self._latched

    def acknowledge(self) -> None:
        """A deliberate reset: findings are cleared, accounts start again from the device's index."""
        self._latched.clear()
        for account in self._accounts.values():
            account.rebase = True
            account.ahead = account.behind = None

    def credited(self, plan_sha256: str, until: int) -> None:
        """Remember a credit."""
        account = self._accounts[plan_sha256]
        account.granted_until = max(account.granted_until, until)

    def shots(self, batch: FiredBatch, now: float) -> list[tuple[int, int]]:
        """Take reported shots; return the runs `[first, end)` of planned spots they fired."""
        account = self._accounts.get(batch.plan_sha256)
        index = np.asarray(batch.spot_index, np.int64)
        if len(index) == 0:
            return []
        if account is None:
            if self._accounts or now - self._start > BOOT_GRACE_S:
                self._latch("fired-outside-credit", f"{len(index)} shots of a plan without approval")
            return []
        runs: list[tuple[int, int]] = []
        expected = np.arange(account.fired_next, account.fired_next + len(index))
        if not np.array_equal(index, expected):
            k = int(np.argmax(index != expected))
            code = "spot-repeated" if index[k] < expected[k] else "fired-counts-disagree"
            self._latch(code, f"spot {index[k]} was reported where {expected[k]} was due")
        if int(index.max()) >= account.granted_until:
            self._latch(
                "fired-outside-credit", f"spot {index.max()} fired, credit ended at {account.granted_until}"
            )
        inside = index[(index >= 0) & (index < len(account.plan))]
        if len(inside):
            planned = account.plan.energy_uj[inside].astype(np.float64)
            measured = np.asarray(batch.energy_uj, np.float64)[(index >= 0) & (index < len(account.plan))]
            off = measured / planned - 1.0
            if not (np.abs(off) <= self._config.output_tolerance).all():
                k = int(np.nanargmax(np.abs(off)))
                self._latch(
                    "output-deviates", f"spot {inside[k]}: {off[k]:+.0%} off {planned[k] / 1e3:.1f} mJ"
                )
            low, high = int(inside.min()), int(inside.max()) + 1
            runs.append((max(low, 0), high))
            account.fired_next = max(account.fired_next, high)
        return runs

    def status(self, head: HeadStatus, plan: TreatmentPlan | None, now: float) -> None:
        """Take the executed index of the device for the plan it has selected."""
        sha = head.plan_sha256
        account = self._accounts.get(sha)
        if account is None:
            if plan is not None and plan.sha256 == sha:
                self._accounts[sha] = PlanAccount(plan, head.executed, head.executed, head.executed)
            return
        if account.rebase:
            self._rebase(account, head)
        if account.blocked:
            return
        if head.executed < account.executed:
            self._latch("spot-repeated", f"executed index went from {account.executed} to {head.executed}")
            return
        account.executed = head.executed
        if account.executed > account.granted_until:
            firsts = {g.first for g in account.plan.groups()}
            if head.executed in firsts and not head.gate_open and account.fired_next == account.granted_until:
                # Another group was selected without finishing the one before: skipped, not fired.
                account.fired_next = account.granted_until = head.executed
            else:
                self._latch(
                    "fired-outside-credit",
                    f"executed up to {head.executed}, credit ended at {account.granted_until}",
                )
        self._compare(account, now)

    def _rebase(self, account: PlanAccount, head: HeadStatus) -> None:
        account.rebase = False
        if head.executed < account.next_spot:
            account.blocked = (
                f"spots {head.executed} to {account.next_spot} are in doubt: reported as fired,"
                " but the scan head would fire them again"
            )
            return
        account.executed = account.fired_next = account.granted_until = head.executed

    def _compare(self, account: PlanAccount, now: float) -> None:
        """Shots and index come by different ways: each may lead for a moment, not for long."""
        e, f, limit = account.executed, account.fired_next, self._config.fired_disagree_s
        if account.ahead and f >= account.ahead[0]:
            account.ahead = None
        if account.behind and e >= account.behind[0]:
            account.behind = None
        if e > f and account.ahead is None:
            account.ahead = (e, now)
        if f > e and account.behind is None:
            account.behind = (f, now)
        for mark in (account.ahead, account.behind):
            if mark and now - mark[1] > limit:
                self._latch("fired-counts-disagree", f"shots reported up to {f}, executed index {e}")

    def _latch(self, code: str, detail: str) -> None:
        self._latched.setdefault(code, detail)
