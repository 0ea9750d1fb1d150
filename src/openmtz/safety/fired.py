"""What was fired, told two ways: shots reported one by one, and the device's executed index.

Both must agree with each other and stay within the credit granted; findings are latched until a
deliberate reset acknowledges them. What is in doubt after that is never credited again in this run.
Whatever is told of, either way, is charged to the skin it lies on (`fired_skin`), once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.plan import TreatmentPlan
from openmtz.safety.config import SafetyConfig
from openmtz.safety.fired_skin import FiredSkin
from openmtz.safety.inputs import FiredBatch, HeadStatus
from openmtz.safety.outputs import Reply
from openmtz.safety.plan_account import PlanAccount

BOOT_GRACE_S = 1.0
"""Reports of shots that an earlier run of the monitor granted may still arrive this long after boot."""


class FiredBook:
    """One account for each plan that the device has named, approved or not."""

    def __init__(self, config: SafetyConfig, skin: FiredSkin, now: float) -> None:
        self._config, self.skin = config, skin
        self._start = now
        self._accounts: dict[str, PlanAccount] = {}
        self._latched: dict[str, str] = {}

    def account(self, plan_sha256: str) -> PlanAccount | None:
        """Return the account of a plan, or None before the device has named it."""
        return self._accounts.get(plan_sha256)

    def refusal(self, plan: TreatmentPlan) -> Reply | None:
        """Return why a plan may not be approved for what was fired already, of it or on its skin, or None."""
        account = self._accounts.get(plan.sha256)
        if account is not None and account.blocked:
            return Reply(False, "in-doubt", f"{account.blocked}; capture and plan again")
        if account is not None and account.before:
            return Reply(False, "fired-before", account.fired_before)
        if account is not None and account.next_spot >= len(plan):
            text = f"all {len(plan)} spots of this plan are fired, none remains; capture and plan again"
            return Reply(False, "fired-before", text)
        findings = self.skin.check(plan)
        if findings:
            text = "; ".join(f"{f.text} ({f.fix})" for f in findings)
            return Reply(False, findings[0].code, f"beyond the host envelope {text}")
        return None

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
        account.credited = True

    # ---- shots reported ---------------------------------------------------------------------------

    def shots(self, batch: FiredBatch, now: float, plan: TreatmentPlan | None = None) -> None:
        """Take reported shots. `plan`: one that is known though the device has not named it."""
        index = np.asarray(batch.spot_index, np.int64)
        energy = np.asarray(batch.energy_uj, np.float64)
        if len(index) == 0:
            return
        account = self._accounts.get(batch.plan_sha256)
        if account is None:
            known = plan is not None and plan.sha256 == batch.plan_sha256
            self._charge_stray(plan if known else None, index, energy, now)
            if self._accounts or now - self._start > BOOT_GRACE_S:
                self._latch("fired-outside-credit", f"{len(index)} shots of a plan without approval")
            return
        if self._of_earlier_run(account, now):
            self._take_earlier(account, index, energy, now)
            return
        expected = np.arange(account.fired_next, account.fired_next + len(index))
        if not np.array_equal(index, expected):
            k = int(np.argmax(index != expected))
            code = "spot-repeated" if index[k] < expected[k] else "fired-counts-disagree"
            self._latch(code, f"spot {index[k]} was reported where {expected[k]} was due")
        if int(index.max()) >= account.granted_until:
            self._latch(
                "fired-outside-credit", f"spot {index.max()} fired, credit ended at {account.granted_until}"
            )
        inside = (index >= 0) & (index < len(account.plan))
        if not inside.all():
            self.skin.fired_somewhere(energy[~inside], now)
        if inside.any():
            self._take_planned(account, index[inside], energy[inside], now)

    def _take_planned(
        self, account: PlanAccount, index: NDArray[np.int64], measured: NDArray[np.float64], now: float
    ) -> None:
        planned = account.plan.energy_uj[index].astype(np.float64)
        off = measured / planned - 1.0
        if not (np.abs(off) <= self._config.output_tolerance).all():
            k = int(np.nanargmax(np.abs(off)))
            self._latch("output-deviates", f"spot {index[k]}: {off[k]:+.0%} off {planned[k] / 1e3:.1f} mJ")
        # Charged is the larger of planned and measured; a shot told of again is another shot.
        by_index = account.charged[index] & ~account.reported[index]
        excess = np.maximum(measured - planned, 0.0)
        if (by_index & (excess > 0)).any():
            rows = by_index & (excess > 0)
            self.skin.more_energy(account.plan, index[rows], excess[rows], now)
        new = ~by_index
        if new.any():
            self.skin.fired(account.plan, index[new], np.maximum(measured, planned)[new], now)
        account.charged[index] = account.reported[index] = True
        account.fired_next = max(account.fired_next, int(index.max()) + 1)

    def _take_earlier(
        self, account: PlanAccount, index: NDArray[np.int64], energy: NDArray[np.float64], now: float
    ) -> None:
        """Shots by a permit of the monitor before this one."""
        inside = (index >= 0) & (index < len(account.plan))
        self._begin(account, int(index[inside].max(initial=-1)) + 1, now)
        if not inside.all():
            self._latch("fired-outside-credit", f"spot {index.max()} of a plan of {len(account.plan)}")
            self.skin.fired_somewhere(energy[~inside], now)

    def _charge_stray(
        self, plan: TreatmentPlan | None, index: NDArray[np.int64], energy: NDArray[np.float64], now: float
    ) -> None:
        """What the device fired counts, whatever plan it belongs to."""
        inside = (index >= 0) & (index < (len(plan) if plan is not None else 0))
        if plan is not None and inside.any():
            self.skin.fired(plan, index[inside], energy[inside], now)
        if not inside.all():
            self.skin.fired_somewhere(energy[~inside], now)

    # ---- the executed index -----------------------------------------------------------------------

    def status(self, head: HeadStatus, plan: TreatmentPlan | None, now: float) -> None:
        """Take the executed index of the plan that the device names. `plan`: the newest one known."""
        sha = head.plan_sha256
        account = self._accounts.get(sha)
        if account is None:
            if plan is not None and plan.sha256 == sha:
                self._open(plan, head, now)
            return
        if head.executed > len(account.plan):
            self._latch(
                "executed-impossible",
                f"executed index {head.executed}, the plan has {len(account.plan)} spots",
            )
            return
        if account.rebase:
            self._rebase(account, head, now)
        if account.blocked:
            return
        if head.executed < account.executed:
            self._latch("spot-repeated", f"executed index went from {account.executed} to {head.executed}")
            return
        if self._of_earlier_run(account, now):
            self._begin(account, head.executed, now)
            return
        before, account.executed = account.next_spot, head.executed
        self._charge_until(account, head.executed, now)
        if account.executed > account.granted_until:
            self._judge_jump(account, before, head)
        self._compare(account, now)

    def _open(self, plan: TreatmentPlan, head: HeadStatus, now: float) -> None:
        if not self._impossible(head, plan):
            self._accounts[head.plan_sha256] = account = PlanAccount(plan, 0, 0, 0)
            self._begin(account, head.executed, now)

    def _impossible(self, head: HeadStatus, plan: TreatmentPlan) -> bool:
        """Whether no device can stand there; such a status is told and not taken."""
        if head.executed <= len(plan):
            return False
        self._latch("executed-impossible", f"executed index {head.executed}, the plan has {len(plan)} spots")
        return True

    def _begin(self, account: PlanAccount, executed: int, now: float) -> None:
        """Begin with what was executed before this run; when that was nobody knows: as if it were now."""
        executed = max(executed, account.before)
        account.before = account.granted_until = account.fired_next = account.executed = executed
        self._charge_until(account, executed, now)
        account.reported[:executed] = True

    def _of_earlier_run(self, account: PlanAccount, now: float) -> bool:
        """Whether what is told of a plan may still come of a permit that the monitor before granted."""
        return not account.credited and now - self._start <= BOOT_GRACE_S

    def _judge_jump(self, account: PlanAccount, before: int, head: HeadStatus) -> None:
        """The index is beyond the credit. At a group's start, with the gate closed, spots may have been
        skipped by a selection; a device that fired them and whose reports were lost looks the same."""
        firsts = {g.first for g in account.plan.groups()}
        if head.executed in firsts and not head.gate_open:
            self._latch(
                "spots-in-doubt",
                f"the executed index went from {before} to {head.executed}, credit ended at"
                f" {account.granted_until}: skipped, or fired and not reported",
            )
        else:
            self._latch(
                "fired-outside-credit",
                f"executed up to {head.executed}, credit ended at {account.granted_until}",
            )

    def _charge_until(self, account: PlanAccount, end: int, now: float) -> None:
        start = account.charged_below
        if end <= start:
            return
        account.charged_below = end
        rows = start + np.flatnonzero(~account.charged[start:end])
        account.charged[rows] = True
        if len(rows):
            self.skin.fired(account.plan, rows, account.plan.energy_uj[rows].astype(np.float64), now)

    def _rebase(self, account: PlanAccount, head: HeadStatus, now: float) -> None:
        account.rebase = False
        if head.executed < account.next_spot:
            account.blocked = (
                f"spots {head.executed} to {account.next_spot} are in doubt: reported as fired,"
                " but the scan head would fire them again"
            )
            return
        self._charge_until(account, head.executed, now)
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
