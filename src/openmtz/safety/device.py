"""What the scan head says of itself: faults, its stop line, its link, its boot."""

from __future__ import annotations

from openmtz.safety.inputs import DEVICE_FAULT_STATE, HeadStatus


class DeviceWatch:
    """Remembers the boot id to notice a restart; that finding lasts one step, its effect by the table."""

    def __init__(self) -> None:
        self._boot_id: int | None = None
        self._tick = 0

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
        self._boot_id, self._tick = head.boot_id, head.device_tick_us
        return active
