"""Stop line, key and footswitch at the device: what holds, what cuts the pulse, what latches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from device_bench import READY, naks

from openmtz.devices import DeviceState, FaultCode, NakCode
from openmtz.devices.messages import ResetFault


@pytest.mark.parametrize("line", ["footswitch_pressed", "key_on"])
def test_open_line_holds_and_closing_it_resumes(bench: Any, line: str) -> None:
    bench.load(50)
    bench.run(20_000, credit=50)
    bench.core.lines = replace(READY, **{line: False})
    bench.run(50_000, credit=50)
    held = bench.core.executed
    assert bench.status.state is DeviceState.HOLD and 0 < held < 50 and not bench.core.gate_open
    bench.core.lines = READY
    bench.run(200_000, credit=50)
    assert [s.spot for s in bench.shots] == list(range(50))


def test_footswitch_release_lets_the_running_pulse_end_and_starts_no_other(bench: Any) -> None:
    bench.load(5)
    bench.step(bench.permit(5))
    bench.step(at=2000)
    bench.core.lines = replace(READY, footswitch_pressed=False)
    bench.step(at=2100)
    bench.step(at=2800)
    bench.run(100_000, credit=5)
    assert [(s.spot, s.energy_uj) for s in bench.shots] == [(0, 20_000)]


@pytest.mark.parametrize("cause", ["emergency_stop_closed", "key_on"])
def test_stop_and_key_cut_the_running_pulse(bench: Any, cause: str) -> None:
    bench.load(5)
    bench.step(bench.permit(5))
    bench.step(at=2000)
    bench.core.lines = replace(READY, **{cause: False})
    assert bench.step(at=2200).shots == [(0, 0, 0, 5_000, 2000, 200)]
    assert not bench.core._gate


def test_emergency_stop_latches_until_released_and_reset(bench: Any) -> None:
    bench.load(50)
    bench.run(20_000, credit=50)
    bench.core.lines = replace(READY, emergency_stop_closed=False)
    bench.step()
    done = bench.core.executed
    assert bench.status.fault_code == FaultCode.EMERGENCY_STOP and bench.status.emergency_stop_open
    bench.step(ResetFault())
    assert naks(bench)[-1] == NakCode.CAUSE_PRESENT
    bench.core.lines = READY
    bench.run(50_000, credit=50)
    assert bench.status.state is DeviceState.FAULT and bench.core.executed == done
    bench.step(ResetFault())
    bench.run(50_000, credit=50)
    assert bench.status.state is DeviceState.IDLE and bench.core.executed == done, "a reset resumes nothing"


def test_no_firing_before_the_wires_have_spoken(bench: Any) -> None:
    bench.core.lines = replace(READY, known=False)
    bench.load(5)
    bench.run(50_000, credit=5)
    assert not bench.shots and bench.status.emergency_stop_open and bench.status.fault_code == 0
