"""The state of the head in one boot, and the changes that concern several rooms at once.

Each rule stands in a room of its own: `permits`, `spot_buffer`, `progress`, `gate`, `firing`, `faults`.
"""

from __future__ import annotations

import numpy as np

from openmtz.devices import FAULT_TEXT, DeviceState, FaultCode
from openmtz.simulation.scan_head_device.exchange import DeviceFault, Journal, Lines
from openmtz.simulation.scan_head_device.faults import FaultLatch
from openmtz.simulation.scan_head_device.firing import FiringSequence
from openmtz.simulation.scan_head_device.gate import Gate, closed_because
from openmtz.simulation.scan_head_device.memory import ExecutedMemory
from openmtz.simulation.scan_head_device.permits import PermitHolder
from openmtz.simulation.scan_head_device.plant import Plant
from openmtz.simulation.scan_head_device.progress import Progress
from openmtz.simulation.scan_head_device.settings import DeviceSettings
from openmtz.simulation.scan_head_device.spot_buffer import SpotBuffer


class Head:
    """Lines, fault, selection, permit, gate and pulse of one boot of the device."""

    def __init__(
        self,
        boot_id: int,
        memory: ExecutedMemory,
        rng: np.random.Generator,
        settings: DeviceSettings | None = None,
        plant: Plant | None = None,
    ) -> None:
        self.settings = settings or DeviceSettings()
        self.plant = plant or Plant(self.settings, rng)
        self.boot_id = boot_id
        self.lines = Lines(known=False)
        self.state = DeviceState.IDLE
        self._journal = Journal()
        self._progress = Progress(memory)
        self._buffer = SpotBuffer(self.settings)
        self._permits = PermitHolder(boot_id, self.settings.max_ttl_us, self._journal)
        self._gate = Gate(self.plant, self._journal)
        self._firing = FiringSequence(self.plant, self._progress, self._buffer, self._permits, self._journal)
        self._latch = FaultLatch()
        try:
            self._progress.recall()
        except DeviceFault as fault:
            self._fault(fault)
        plan = self.plan_sha256.hex()
        self._journal.note("boot", boot_id=boot_id, plan=plan, executed=self.executed)

    # -- what others may know ---------------------------------------------------------------------

    @property
    def plan_sha256(self) -> bytes:
        """The plan selected last, empty if none."""
        return self._progress.plan_sha256

    @property
    def executed(self) -> int:
        """Global index of the next spot that may fire."""
        return self._progress.executed

    @property
    def loaded_until(self) -> int:
        """Global index after the last loaded spot."""
        return self._buffer.loaded_until(self.executed)

    @property
    def gate_open(self) -> bool:
        """Whether light could come out: commanded open, or the shutter says open."""
        return self._gate.light_possible

    @property
    def fault_code(self) -> FaultCode:
        """The latched fault."""
        return self._latch.code

    @property
    def fault_text(self) -> str:
        """What the fault is and what would help, empty without fault."""
        return self._latch.text

    @property
    def now_us(self) -> int:
        """Tick [us] of the last step."""
        return self._journal.now_us

    @property
    def _now(self) -> int:
        return self._journal.now_us

    @property
    def _digests(self) -> list[int]:
        return self._buffer.digests

    # -- gate, faults, firing -----------------------------------------------------------------------

    def _watch_lines(self) -> None:
        lines = self.lines
        if lines.known and not lines.emergency_stop_closed:
            self._fault(DeviceFault(FaultCode.EMERGENCY_STOP))
        if not lines.stop_closed:
            self._firing.cut_pulse("emergency stop")
        if not lines.key_on:
            self._firing.cut_pulse("key off")

    def _closed_because(self) -> str:
        return closed_because(
            fault=bool(self._latch),
            selected=self._buffer.selection is not None,
            lines=self.lines,
            permits=self._permits,
            executed=self.executed,
            loaded_until=self.loaded_until,
        )

    def _drive_gate(self) -> None:
        selection = self._buffer.selection
        if selection is not None and self.executed >= selection.select.end and not self._firing.pulse:
            self._journal.note("group_done", executed=self.executed)
            self._deselect()
        because = self._closed_because()
        # A running pulse ends by itself within 10 ms; what must not wait for that has cut it already.
        if because and self._firing.pulse is None:
            self._gate.close(because, self.executed)
        elif not because and not self._gate:
            self._gate.open(self.executed)
        self.state = self._state()

    def _state(self) -> DeviceState:
        if self._latch:
            return DeviceState.FAULT
        if self._buffer.selection is None:
            return DeviceState.IDLE
        if self._gate:
            return DeviceState.FIRING
        return DeviceState.HOLD if self._gate.was_open else DeviceState.LOADED

    def _deselect(self) -> None:
        self._permits.withdraw()
        if self._firing.pulse is None:
            self._gate.close("nothing selected", self.executed)
        self._buffer.clear()
        self._firing.forget()
        self._gate.was_open = False

    def _fault(self, fault: DeviceFault) -> None:
        if self._latch:
            return
        self._latch.latch(fault.code, fault.detail)
        self._firing.cut_pulse(FAULT_TEXT[fault.code][0])
        self._gate.close("fault", self.executed)
        self._deselect()
        self.state = DeviceState.FAULT
        self._journal.note("fault", code=int(fault.code), text=self.fault_text)

    def _fire_if_allowed(self) -> None:
        if self._firing.pulse is not None:
            return
        self._firing.aim_at_next(self._now)
        record = self._firing.due() if self._gate else None
        if record is not None and not self._closed_because() and self.plant.shutter_feedback(self._now):
            self._firing.fire(record)
