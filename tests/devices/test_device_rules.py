"""Scripts of messages against the device's rules, clock by hand: what it does, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from openmtz.devices import (
    DeviceState,
    FaultCode,
    Fired,
    HelloReply,
    Nak,
    NakCode,
    SelectReply,
    Status,
    encode_records,
    running_digest,
)
from openmtz.devices.messages import FiredRequest, GateClose, Hello, ResetFault, Select, Spots, StatusRequest
from openmtz.simulation.scan_head_device.core import DeviceCore, Lines
from openmtz.simulation.scan_head_device.memory import MemoryFailure

PLAN = bytes(range(1, 33))
READY = Lines(emergency_stop_closed=True, footswitch_pressed=True, key_on=True)


def naks(bench: Any) -> list[int]:
    return [m.code for m in bench.tx if isinstance(m, Nak)]


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


def test_nothing_fires_without_permit(bench: Any) -> None:
    bench.load(5)
    bench.run(200_000)
    assert not bench.events("emission") and bench.status.state is DeviceState.LOADED


def test_credit_is_the_limit(bench: Any) -> None:
    bench.load(10)
    bench.run(100_000, credit=4)
    assert bench.core.executed == 4 and bench.status.state is DeviceState.HOLD and not bench.core.gate_open
    bench.run(100_000, credit=6)
    assert [s.spot for s in bench.shots] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "changes",
    [
        {"device_boot_id": 78},
        {"plan_prefix": bytes(16)},
        {"station": 4},
        {"pass_index": 1},
        {"counter": 0},
        {"device_tick_us": 10_001},
        {"device_tick_us": 999},
        {"ttl_us": 100_001},
        {"ttl_us": 0},
        {"credit_until": 6},
    ],
    ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items() if k != "plan_prefix") or "plan",
)
def test_a_permit_with_one_wrong_field_is_rejected(bench: Any, changes: dict[str, Any]) -> None:
    bench.step(at=1000)
    bench.load(5)
    bench.step(at=10_000)
    bench.step(replace(bench.permit(5), **changes))
    assert bench.status.permits_rejected == 1 and bench.status.credit_until == 0
    assert naks(bench) == [NakCode.PERMIT_REJECTED]
    bench.run(100_000)
    assert not bench.events("emission")


def test_replayed_permits_are_rejected(bench: Any) -> None:
    bench.load(50)
    permit = bench.permit(50)
    bench.step(permit)
    for at in range(1000, 300_000, 1000):
        bench.step(permit, at=at)
    assert bench.events("emission")[-1]["tick_us"] + 800 <= 60_000
    assert bench.status.permits_rejected == 299


def test_digest_mismatch_is_a_latched_fault(bench: Any) -> None:
    bench.load(5)
    bench.step(replace(bench.permit(5), digest_at_credit=1))
    assert bench.status.fault_code == FaultCode.DIGEST and bench.status.state is DeviceState.FAULT
    bench.run(50_000, credit=5)
    assert not bench.events("emission")
    bench.step(ResetFault())
    assert bench.status.state is DeviceState.IDLE


def test_withdrawn_credit_closes_the_gate_at_once_and_is_obeyed_from_anyone(bench: Any) -> None:
    bench.load(50)
    bench.run(20_000, credit=50)
    assert bench.status.state is DeviceState.FIRING
    bench.step(bench.permit(0, device_boot_id=1))
    done = bench.core.executed
    bench.run(100_000)
    assert bench.core.executed == done and not bench.core.gate_open


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


def test_gap_is_refused_and_repetition_is_harmless(bench: Any) -> None:
    bench.load(10)
    bench.step(Select(PLAN, 3, 0, 0, 10))
    chunk = lambda a, b: Spots(a, bench.records[a * 14 : b * 14])  # noqa: E731
    bench.step(chunk(0, 4), chunk(6, 10))
    assert naks(bench) == [NakCode.GAP] and bench.core.loaded_until == 4
    bench.step(chunk(2, 8), chunk(0, 4), chunk(8, 10))
    assert bench.core.loaded_until == 10
    bench.run(100_000, credit=10)
    assert [s.spot for s in bench.shots] == list(range(10))


def test_repetition_with_other_content_is_a_fault(bench: Any) -> None:
    bench.load(10)
    bench.step(Spots(4, encode_records([[1, 1]], [20_000], [800], [0])))
    assert bench.status.fault_code == FaultCode.INDEX


def test_overrun_is_a_fault(bench: Any) -> None:
    bench.load(4096, end=5000)
    assert bench.status.fault_code == 0 and bench.core.loaded_until == 4096
    bench.step(Spots(4096, encode_records([[0, 0]], [20_000], [800], [0])))
    assert bench.status.fault_code == FaultCode.OVERRUN


def test_spots_without_or_beyond_the_selection_are_refused(bench: Any) -> None:
    one = encode_records([[0, 0]], [20_000], [800], [0])
    bench.step(Spots(0, one))
    bench.load(2)
    bench.step(Spots(2, one), Select(PLAN, 3, 0, 5, 5))
    assert naks(bench) == [NakCode.NOT_SELECTED, NakCode.BAD_REQUEST, NakCode.BAD_REQUEST]


def test_executed_spots_are_never_selected_again(new_bench: Any) -> None:
    bench = new_bench()
    bench.load(10)
    bench.run(60_000, credit=4)
    after = new_bench(bench.memory, boot=78)
    assert after.status.executed == 4 and after.status.plan_sha256 == PLAN
    after.step(Select(PLAN, 3, 0, 3, 10))
    assert naks(after) == [NakCode.ALREADY_EXECUTED] and after.status.state is DeviceState.IDLE
    other = bytes(reversed(PLAN))
    after.step(Select(other, 0, 0, 0, 5))
    assert after.status.executed == 0
    after.step(Select(PLAN, 3, 0, 0, 10))
    assert naks(after)[-1] == NakCode.ALREADY_EXECUTED, "another plan in between changes nothing"


def test_resumed_selection_counts_its_digest_from_its_own_first_spot(new_bench: Any) -> None:
    bench = new_bench()
    bench.load(10)
    bench.run(60_000, credit=4)
    rest = bench.records[4 * 14 :]
    bench.load(6, first=4, records=rest)
    assert int(running_digest(rest)[-1]) == bench.core._digests[-1]
    bench.run(100_000, credit=10)
    assert [s.spot for s in bench.shots] == list(range(10))


def test_permit_of_before_the_selection_is_rejected(bench: Any) -> None:
    bench.load(10)
    old = bench.permit(10)
    bench.step(at=1000)
    bench.step(Select(PLAN, 3, 0, 0, 10), Spots(0, bench.records))
    bench.step(old, at=2000)
    assert bench.status.permits_rejected == 1 and bench.status.credit_until == 0


def test_gate_close_ends_the_selection(bench: Any) -> None:
    bench.load(50)
    bench.run(20_000, credit=50)
    bench.step(GateClose())
    done = bench.core.executed
    bench.run(100_000, credit=50)
    assert bench.core.executed == done and bench.status.state is DeviceState.IDLE


def test_select_while_firing_closes_the_gate_first(bench: Any) -> None:
    bench.load(5)
    bench.step(bench.permit(5))
    bench.step(at=2000)
    bench.step(Select(PLAN, 3, 1, 5, 9), at=2100)
    assert naks(bench) == [NakCode.BUSY]
    bench.step(Select(PLAN, 3, 1, 5, 9), at=2800)
    assert not bench.core._gate and bench.status.state is DeviceState.LOADED
    assert bench.fired() == [0]


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
