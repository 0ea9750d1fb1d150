"""What the scan head says of itself: faults, its stop line, its link, its boot, its clock."""

from __future__ import annotations

from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import DEVICE_FAULT_STATE, HeadStatus


class DeviceWatch:
    """Remembers boot id and clock, to notice a restart and a clock that jumps (the device's or the monitor's
    own); these findings last one step, their effect by the table."""

    def __init__(self, config: SafetyConfig) -> None:
        self._clock_limit_s = config.head_lost_s
        self._boot_id: int | None = None
        self._tick, self._received_at = 0, 0.0

    def update(self, head: HeadStatus | None) -> dict[str, str]:
        """Return the active conditions with a detail each."""
        if head is None:
            return {}
        active: dict[str, str] = {}
        if not head.connected:
            # The rest of the status is what was known before the link was lost.
            return {"head-disconnected": "its serial line does not answer"}
        if head.emergency_stop_open:
            active["emergency-stop"] = "the scan head sees the stop line open"
        if head.fault_code != 0 or head.state == DEVICE_FAULT_STATE:
            active["device-fault"] = f"code {head.fault_code}: {head.fault_text or 'no text'}"
        if self._boot_id is not None and head.boot_id != self._boot_id:
            active["device-restarted"] = f"boot id {self._boot_id} -> {head.boot_id}"
        elif self._boot_id is not None and head.device_tick_us < self._tick:
            active["device-restarted"] = "its clock went back"
        elif self._boot_id is not None:
            ours, theirs = head.received_at - self._received_at, (head.device_tick_us - self._tick) * 1e-6
            # Ages are differences of one clock: if that jumps ahead, what comes next looks fresh again.
            if abs(ours - theirs) > self._clock_limit_s:
                active["clocks-disagree"] = f"by its clock {theirs:.2f} s passed, by ours {ours:.2f} s"
        self._boot_id, self._tick, self._received_at = head.boot_id, head.device_tick_us, head.received_at
        return active
