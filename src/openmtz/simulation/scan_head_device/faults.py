"""The latched fault: one at a time, until it is reset *and* its cause is gone."""

from __future__ import annotations

from openmtz.devices import FAULT_TEXT, FaultCode, NakCode
from openmtz.simulation.scan_head_device.exchange import DeviceFault, Lines, Refusal
from openmtz.simulation.scan_head_device.plant import Plant
from openmtz.simulation.scan_head_device.progress import Progress


class FaultLatch:
    """`code` NONE until a fault is latched; later faults do not replace the first."""

    def __init__(self) -> None:
        self.code = FaultCode.NONE
        self._detail = ""

    def __bool__(self) -> bool:
        """Whether a fault is latched."""
        return self.code is not FaultCode.NONE

    @property
    def text(self) -> str:
        """What the fault is and what would help, empty without fault."""
        if not self:
            return ""
        what, fix = FAULT_TEXT[self.code]
        return f"{what}{': ' + self._detail if self._detail else ''}; {fix}"

    def latch(self, code: FaultCode, detail: str) -> None:
        """Keep this fault."""
        self.code, self._detail = code, detail

    def release(self, lines: Lines, plant: Plant, progress: Progress, now_us: int) -> None:
        """Forget the fault.

        Raises:
            Refusal: its cause is still there.
        """
        if self._cause_present(lines, plant, progress, now_us):
            text = f"fault {int(self.code)}: {FAULT_TEXT[self.code][1]}"
            raise Refusal(NakCode.CAUSE_PRESENT, text)
        self.latch(FaultCode.NONE, "")

    def _cause_present(self, lines: Lines, plant: Plant, progress: Progress, now_us: int) -> bool:
        code = self.code
        if code is FaultCode.EMERGENCY_STOP:
            return not lines.stop_closed
        if code is FaultCode.GALVO:
            return plant.faults.galvo_stuck
        if code is FaultCode.OUTPUT:
            return abs(plant.gain(now_us) - 1.0) > plant.settings.output_tolerance
        if code is FaultCode.SHUTTER:
            return plant.faults.shutter_stuck is not None or plant.shutter_feedback(now_us)
        if code is FaultCode.MEMORY:
            try:
                progress.recall()
            except DeviceFault:
                return True
        return False
