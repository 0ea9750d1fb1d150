"""Which spot the device fires when: order, times, hard limits, and what it tells of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from device_bench import PLAN, READY, naks

from openmtz.devices import (
    DeviceState,
    FaultCode,
    Fired,
    HelloReply,
    NakCode,
    SelectReply,
    Status,
    encode_records,
)
from openmtz.devices.messages import FiredRequest, Hello, Select, StatusRequest


def test_hello_and_select_answer_at_once(bench: Any) -> None:
    assert bench.step(Hello(1), at=5).tx[0] == HelloReply(
        1, 77, 4096, 100_000, 200_000, 10_000, "openmtz simulated scan head"
    )
    assert SelectReply(PLAN[:16], 3, 0, 0, 4, 9) in bench.step(Select(PLAN, 3, 0, 0, 4), at=9).tx
    assert bench.status.state is DeviceState.LOADED
    bench.step(Hello(2))
    assert naks(bench) == [NakCode.VERSION]


def test_exact_timing_of_one_spot(bench: Any) -> None:
    """Shutter 2 ms; jump of 1000 counts: 1000 us + 10000 us/rad * 1000/32767 * 0.25 rad; pulse 800 us."""
    bench.load(records=encode_records([[1000, 0]], [20_000], [800], [0]), count=1)
    bench.step(bench.permit(1))
    assert bench.status.gate_open and bench.status.state is DeviceState.FIRING  # open counts from the command
    bench.step(at=1999)
    assert not bench.events("emission")
    bench.step(at=2000)
    assert bench.core.executed == 1
    bench.step(at=2799)
    assert not bench.shots
    result = bench.step(at=2800)
    assert result.shots == [(0, 1000, 0, 20_000, 2000, 800)]
    assert Fired(0, ((2000, 20_000),)) in result.tx
    assert bench.status.state is DeviceState.IDLE and bench.status.executed == 1


def test_jump_time_limits_the_rate(bench: Any) -> None:
    bench.load(records=encode_records([[0, 0], [1000, 0]], [20_000] * 2, [800] * 2, [0, 0]), count=2)
    bench.run(20_000, credit=2)
    jump = 1000 + 10_000 * 1000 / 32767 * 0.25
    assert bench.shots[1].start_us == pytest.approx(bench.shots[0].start_us + 800 + jump, abs=1)


def test_every_spot_once_in_order(bench: Any) -> None:
    bench.load(100)
    bench.run(400_000, credit=100)
    assert [s.spot for s in bench.shots] == list(range(100)) == bench.fired()
    assert [s.x_counts for s in bench.shots] == [i % 50 * 100 for i in range(100)]
    assert bench.status.state is DeviceState.IDLE and not bench.core.gate_open


@pytest.mark.parametrize(
    ("energy", "pulse"), [(200_001, 10_000), (20_000, 10_001), (30_100, 100), (0, 800), (20_000, 0)]
)
def test_hard_limits(bench: Any, energy: int, pulse: int) -> None:
    bench.load(records=encode_records([[0, 0]], [energy], [pulse], [0]), count=1)
    assert bench.status.fault_code == FaultCode.HARD_LIMIT
    bench.run(50_000, credit=1)
    assert not bench.shots


@pytest.mark.parametrize(("energy", "pulse"), [(200_000, 10_000), (30_000, 100)])
def test_the_hard_limits_themselves_are_allowed(bench: Any, energy: int, pulse: int) -> None:
    bench.load(records=encode_records([[0, 0]], [energy], [pulse], [0]), count=1)
    bench.run(50_000, credit=1)
    assert [s.energy_uj for s in bench.shots] == [energy]


def test_not_before_is_kept_and_a_pause_moves_it(bench: Any) -> None:
    """Two spots are never nearer in time than their not_before times are apart."""
    times = [0, 20_000, 40_000, 100_000]
    bench.load(records=encode_records([[0, 0]] * 4, [20_000] * 4, [800] * 4, times), count=4)
    bench.run(30_000, credit=4)
    bench.core.lines = replace(READY, footswitch_pressed=False)
    bench.run(500_000, credit=4)
    bench.core.lines = READY
    bench.run(300_000, credit=4)
    starts = [s.start_us for s in bench.shots]
    assert len(starts) == 4
    for i in range(4):
        for j in range(i + 1, 4):
            assert starts[j] - starts[i] >= times[j] - times[i]
    assert starts[2] > 500_000


def test_a_late_process_fires_nothing_for_the_time_it_slept(bench: Any) -> None:
    bench.load(50)
    bench.step(bench.permit(50))
    bench.step(at=59_000)
    bench.step(at=59_900)
    assert [s.start_us for s in bench.shots] == [59_000]
    with pytest.raises(ValueError, match="backwards"):
        bench.step(at=1)


def test_fired_reports_can_be_asked_for_again(bench: Any) -> None:
    bench.load(40)
    bench.run(200_000, credit=40)
    again = bench.step(FiredRequest(3, 6)).tx
    assert [f.first for f in again if isinstance(f, Fired)] == [3] and len(again[0].shots) == 3
    bench.step(FiredRequest(100, 101))
    assert naks(bench)[-1] == NakCode.BAD_REQUEST


def test_status_every_ten_ms_and_on_request(bench: Any) -> None:
    bench.run(100_000)
    statuses = [m for m in bench.tx if isinstance(m, Status)]
    assert [s.device_tick_us for s in statuses] == list(range(0, 100_001, 10_000))
    assert any(isinstance(m, Status) for m in bench.step(StatusRequest(), at=100_001).tx)
