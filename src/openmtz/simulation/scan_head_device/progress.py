"""How far the plan has been fired: one index, kept without power before every pulse."""

from __future__ import annotations

from openmtz.devices import FaultCode, NakCode
from openmtz.simulation.scan_head_device.exchange import DeviceFault, Refusal
from openmtz.simulation.scan_head_device.memory import ExecutedMemory, MemoryFailure


class Progress:
    """`plan_sha256` selected last (empty: none) and `executed`, the next spot that may fire."""

    def __init__(self, memory: ExecutedMemory) -> None:
        self._memory = memory
        self.plan_sha256 = b""
        self.executed = 0

    def recall(self) -> None:
        """Read again what is remembered.

        Raises:
            DeviceFault: the memory is damaged.
        """
        try:
            self.plan_sha256, self.executed = self._memory.last_plan()
        except MemoryFailure as error:
            raise DeviceFault(FaultCode.MEMORY, str(error)) from error

    def show(self, plan_sha256: bytes) -> None:
        """Name this plan and what was executed of it.

        Raises:
            DeviceFault: the memory is damaged.
        """
        try:
            executed = self._memory.executed_of(plan_sha256)
        except MemoryFailure as error:
            raise DeviceFault(FaultCode.MEMORY, str(error)) from error
        self.plan_sha256, self.executed = plan_sha256, executed

    def begin(self, plan_sha256: bytes, first: int) -> None:
        """Go on with this plan at spot `first`.

        Raises:
            Refusal: that spot was fired before. DeviceFault: the memory is damaged.
        """
        try:
            executed = self._memory.open_plan(plan_sha256)
        except MemoryFailure as error:
            raise DeviceFault(FaultCode.MEMORY, str(error)) from error
        self.plan_sha256, self.executed = plan_sha256, max(first, executed)
        if first < executed:
            raise Refusal(
                NakCode.ALREADY_EXECUTED,
                f"spots before {executed} of this plan were fired: select from there",
            )

    def advance(self) -> int:
        """Take the next spot as fired, before it is; return its index.

        Raises:
            DeviceFault: it cannot be kept, so nothing may fire.
        """
        spot = self.executed
        try:
            self._memory.write(spot + 1)
        except MemoryFailure as error:
            raise DeviceFault(FaultCode.MEMORY, str(error)) from error
        self.executed = spot + 1
        return spot
