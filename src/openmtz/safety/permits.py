"""Counters and lifetimes of permits: when the last one has certainly ended, in whose clock."""

from __future__ import annotations

from openmtz.safety.config import SafetyConfig
from openmtz.safety.counters import after, is_between, is_newer
from openmtz.safety.inputs import HeadStatus
from openmtz.safety.outputs import PermitGrant


class PermitBook:
    """Builds permits with an increasing counter and knows when the last one ends.

    A permit ends `ttl` after the echoed tick in the device's clock. The tick was made before it was
    received, so on the monitor's clock it has ended `ttl` after it was granted, at the latest. A new
    monitor assumes that one before it granted a permit just now.

    The device remembers the counter of the last permit it believed. This monitor goes on from there, once;
    from then on the device can only name counters from that one to the last one granted, or 0 after it began
    a selection or was restarted. Anything else is a finding and changes nothing: a status that lies must not
    use up the counters.
    """

    def __init__(self, config: SafetyConfig, now: float) -> None:
        self._config = config
        self._last: PermitGrant | None = None
        self._granted_at = -1e18
        self._revoked_at = -1e18
        self._counter = 0
        self._base: int | None = None
        self._latched: dict[str, str] = {}
        self.live_until = now + config.ttl_s
        self.granted = 0

    @property
    def last(self) -> PermitGrant | None:
        """The last permit with credit."""
        return self._last

    @property
    def latched(self) -> dict[str, str]:
        """Findings that wait for a reset, code -> detail."""
        return self._latched

    def acknowledge(self) -> None:
        """A deliberate reset: go on from the counter that the device names then."""
        self._latched.clear()
        self._base = None

    def hear(self, head: HeadStatus) -> None:
        """Judge the counter that the device names."""
        named, base = head.permit_counter, self._base
        if base is not None and named != 0 and not is_between(named, base, self._counter):
            detail = f"it names permit {named}, granted were {base} to {self._counter}"
            self._latched.setdefault("permit-counter-jumped", detail)

    def due(self, now: float) -> bool:
        """True if the grant period has passed."""
        return now - self._granted_at >= self._config.grant_period_s - 1e-4

    def live(self, now: float) -> bool:
        """True while a permit might still be good in the device."""
        return now < self.live_until

    def grant(
        self, head: HeadStatus, plan_sha256: str, station: int, pass_index: int, until: int, digest: int,
        now: float,
    ) -> PermitGrant:  # fmt: skip
        """Build the next permit."""
        permit = self._build(head, plan_sha256, station, pass_index, until, digest)
        self._last, self._granted_at, self._revoked_at = permit, now, -1e18
        self.live_until = now + self._config.ttl_s
        self.granted += 1
        return permit

    def revoke(self, head: HeadStatus, now: float) -> PermitGrant | None:
        """Build a permit without credit if one may be alive; repeated each period, as bytes may be lost."""
        last = self._last
        if last is None or not self.live(now):
            return None
        if now - self._revoked_at < self._config.grant_period_s - 1e-4:
            return None
        self._revoked_at = now
        return self._build(head, last.plan_sha256, last.station, last.pass_index, 0, 0)

    def ended(self, head: HeadStatus, now: float) -> bool:
        """True if no permit can be alive: by our clock, and by a status the device made afterwards."""
        if self.live(now):
            return False
        last = self._last
        if last is None or head.boot_id != last.device_boot_id:
            return True
        return head.device_tick_us >= last.device_tick_us + last.ttl_us

    def gate_stuck(self, head: HeadStatus, now: float) -> bool:
        """True if the gate is open in a status made clearly after every permit had ended."""
        margin = self._config.gate_margin_s
        if not head.gate_open or now < self.live_until + margin:
            return False
        last = self._last
        if last is None or head.boot_id != last.device_boot_id:
            return head.received_at >= self.live_until + margin
        return head.device_tick_us >= last.device_tick_us + last.ttl_us + int(margin * 1e6)

    def _build(
        self, head: HeadStatus, sha: str, station: int, pass_index: int, until: int, digest: int
    ) -> PermitGrant:
        if self._base is None:
            # After a restart of the monitor the device still remembers the counter before.
            self._base = head.permit_counter
            if is_newer(head.permit_counter, self._counter):
                self._counter = head.permit_counter
        self._counter = after(self._counter)
        return PermitGrant(
            self._counter, sha, station, pass_index, until, digest,
            head.boot_id, head.device_tick_us, self._config.ttl_us,
        )  # fmt: skip
