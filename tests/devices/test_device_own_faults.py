"""Galvo, shutter, output and memory that fail: the device finds it itself and latches."""

from __future__ import annotations

from typing import Any

import pytest
from device_bench import READY, naks

from openmtz.devices import FaultCode, NakCode
from openmtz.devices.messages import ResetFault
from openmtz.simulation.scan_head_device.core import DeviceCore
from openmtz.simulation.scan_head_device.memory import MemoryFailure


@pytest.mark.parametrize("hidden", [False, True])
def test_stuck_galvo(bench: Any, hidden: bool) -> None:
    bench.load(40)
    bench.run(20_000, credit=40)
    count = len(bench.shots)
    bench.core.plant.faults.galvo_stuck, bench.core.plant.faults.galvo_hidden = True, hidden
    bench.run(60_000, credit=40)
    if hidden:
        stuck = [(s.spot, s.x_counts) for s in bench.shots[count + 1 :]]
        assert len(stuck) > 2 and len({x for _, x in stuck}) == 1
        return
    assert bench.status.fault_code == FaultCode.GALVO
    assert all(s.x_counts == 100 * s.spot for s in bench.shots), "no shot at a wrong place"
    bench.step(ResetFault())
    assert bench.status.fault_code == FaultCode.GALVO
    bench.core.plant.faults.galvo_stuck = False
    bench.step(ResetFault())
    assert bench.status.fault_code == 0


@pytest.mark.parametrize("position", ["closed", "open"])
def test_stuck_shutter(bench: Any, position: str) -> None:
    bench.core.plant.faults.shutter_stuck = position
    bench.load(10)
    bench.run(60_000, credit=10)
    assert bench.status.fault_code == FaultCode.SHUTTER
    assert bench.status.gate_open is (position == "open")
    if position == "closed":
        assert not bench.shots
    bench.core.plant.faults.shutter_stuck = None
    bench.run(60_000)
    bench.step(ResetFault())
    assert bench.status.fault_code == 0


def test_drifting_power_is_caught_at_twenty_percent(bench: Any) -> None:
    bench.core.plant.faults.gain_per_s = 1.0
    bench.load(400)
    bench.run(600_000, credit=400)
    assert bench.status.fault_code == FaultCode.OUTPUT
    over = [s for s in bench.shots if s.energy_uj > 24_000]
    assert len(over) == 1 and bench.shots[-1] is over[0]
    bench.step(ResetFault())
    assert naks(bench)[-1] == NakCode.CAUSE_PRESENT


class BrokenMemory:
    def __init__(self, fails: str) -> None:
        self.fails = fails

    def last_plan(self) -> tuple[bytes, int]:
        return self._or((b"", 0), "last_plan")

    def open_plan(self, plan_sha256: bytes) -> int:
        return self._or(0, "open_plan")

    def write(self, executed: int) -> None:
        self._or(None, "write")

    def _or(self, value: Any, name: str) -> Any:
        if self.fails == name:
            raise MemoryFailure(name)
        return value


@pytest.mark.parametrize("fails", ["last_plan", "open_plan", "write"])
def test_memory_that_fails_stops_everything_before_the_shot(bench: Any, fails: str) -> None:
    import numpy as np

    bench.core = DeviceCore(77, BrokenMemory(fails), np.random.default_rng(1))
    bench.core.lines = READY
    bench.load(5)
    bench.run(50_000, credit=5)
    assert bench.status.fault_code == FaultCode.MEMORY and not bench.shots and not bench.events("emission")
    if fails == "last_plan":
        bench.step(ResetFault())
        assert naks(bench)[-1] == NakCode.CAUSE_PRESENT


def test_the_index_is_kept_before_the_pulse(bench: Any, new_bench: Any) -> None:
    bench.load(5)
    bench.step(bench.permit(5))
    bench.step(at=2000)  # the pulse has begun and nothing was reported yet
    assert not bench.shots and new_bench(bench.memory).status.executed == 1
