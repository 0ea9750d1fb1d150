"""Selecting and loading: gaps, repetitions, overruns, and spots that were fired already."""

from __future__ import annotations

from typing import Any

from device_bench import PLAN, naks

from openmtz.devices import DeviceState, FaultCode, NakCode, encode_records, running_digest
from openmtz.devices.messages import GateClose, Select, Spots


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
