"""Whether the device believes a permit: every rule in one place, each with the cause it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openmtz.devices.messages import PermitFrame, Select


class DigestMismatch(Exception):
    """The permit was granted for other spots than the device has loaded: a fault, not a mere rejection."""


@dataclass(frozen=True)
class Selection:
    """A selected firing group and the tick of its selection."""

    select: Select
    tick_us: int


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
    if permit.counter <= last_counter:
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
