"""Whether the device believes a permit: every rule in one place, each with the cause it gives."""

from __future__ import annotations

from collections.abc import Sequence

from openmtz.devices import FaultCode, NakCode, PermitFrame
from openmtz.safety import is_newer
from openmtz.simulation.scan_head_device.exchange import DeviceFault, Journal, Refusal
from openmtz.simulation.scan_head_device.spot_buffer import Selection


class DigestMismatch(Exception):
    """The permit was granted for other spots than the device has loaded: a fault, not a mere rejection."""


def reason_to_reject(
    permit: PermitFrame,
    *,
    now_us: int,
    boot_id: int,
    selection: Selection | None,
    last_counter: int,
    max_ttl_us: int,
    digests: Sequence[int],
) -> str:
    """Return why the permit is not believed, empty if it is. `digests[i]` is that of spot `first + i`.

    Raises:
        DigestMismatch: everything else is right, but the digest at the credit differs.
    """
    if permit.device_boot_id != boot_id:
        return "for another boot of the device"
    if selection is None:
        return "nothing is selected"
    chosen = selection.select
    if permit.plan_prefix != chosen.plan_sha256[:16]:
        return "for another plan"
    if (permit.station, permit.pass_index) != (chosen.station, chosen.pass_index):
        return "for another station or pass"
    if not is_newer(permit.counter, last_counter):
        return "counter not increasing"
    if permit.device_tick_us > now_us:
        return "echoes a tick of the future"
    if permit.device_tick_us < selection.tick_us:
        return "older than the selection"
    if permit.ttl_us > max_ttl_us:
        return "time to live beyond the device's limit"
    if now_us >= permit.device_tick_us + permit.ttl_us:
        return "expired"
    if permit.credit_until <= chosen.first:
        return ""  # grants nothing: no digest to compare
    loaded = permit.credit_until - chosen.first
    if loaded > len(digests):
        return "credit beyond the loaded spots"
    if permit.digest_at_credit != digests[loaded - 1]:
        raise DigestMismatch
    return ""


class PermitHolder:
    """The live permit of one boot of the device, and what its rules remember of earlier ones."""

    def __init__(self, boot_id: int, max_ttl_us: int, journal: Journal) -> None:
        self._boot_id, self._max_ttl_us, self._journal = boot_id, max_ttl_us, journal
        self.live: PermitFrame | None = None
        self.counter = 0
        self.rejected = 0

    @property
    def credit_until(self) -> int:
        """Index below which spots may fire; 0 without a live permit."""
        return self.live.credit_until if self.live is not None else 0

    @property
    def expires_us(self) -> int | None:
        """Tick at which the live permit ends, counted from the tick it echoes; None without one."""
        return None if self.live is None else self.live.device_tick_us + self.live.ttl_us

    def take(
        self, permit: PermitFrame, selection: Selection | None, digests: Sequence[int], in_fault: bool
    ) -> None:
        """Believe a permit, or not.

        Raises:
            Refusal: not believed, with the cause. DeviceFault: granted for other spots than are loaded.
        """
        try:
            reason = "in fault" if in_fault else self._reason_to_reject(permit, selection, digests)
        except DigestMismatch as error:
            self.rejected += 1
            raise DeviceFault(FaultCode.DIGEST, f"at credit {permit.credit_until}") from error
        if permit.credit_until == 0:
            # A withdrawal is obeyed even where the rest of it is not believed: it can only end emission.
            self.live = None
            self._journal.note("permit_withdrawn", counter=permit.counter)
        if reason:
            self.rejected += 1
            self._journal.note("permit_rejected", counter=permit.counter, reason=reason)
            raise Refusal(NakCode.PERMIT_REJECTED, reason)
        self.counter = permit.counter
        if permit.credit_until:
            self.live = permit
            credit, expires = permit.credit_until, self.expires_us
            self._journal.note("permit", counter=permit.counter, credit_until=credit, expires_us=expires)

    def _reason_to_reject(
        self, permit: PermitFrame, selection: Selection | None, digests: Sequence[int]
    ) -> str:
        return reason_to_reject(
            permit,
            now_us=self._journal.now_us,
            boot_id=self._boot_id,
            selection=selection,
            last_counter=self.counter,
            max_ttl_us=self._max_ttl_us,
            digests=digests,
        )

    def expire(self) -> None:
        """Forget the live permit once its time is over."""
        expires = self.expires_us
        if self.live is not None and expires is not None and self._journal.now_us >= expires:
            self._journal.note("permit_expired", counter=self.live.counter)
            self.live = None

    def withdraw(self) -> None:
        """Forget the live permit: the selection it was for is over."""
        self.live = None

    def restart(self) -> None:
        """Count permits anew: another selection begins."""
        self.counter = 0
