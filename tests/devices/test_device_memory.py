"""What a head has executed outlives its process and stays with the device: whole, or a fault that latches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from device_bench import PLAN, Bench, naks, some_records

from openmtz.devices import FaultCode, NakCode
from openmtz.devices.messages import Fired, ResetFault, Select, ShowPlan, Status
from openmtz.simulation.scan_head_device.core import DeviceCore
from openmtz.simulation.scan_head_device.memory import SLOT_BYTES, SLOTS, MemoryFailure, SlotMemory
from openmtz.simulation.scan_head_device.memory_file import (
    FILE_BYTES,
    HEADER_BYTES,
    DamagedMemory,
    MemoryBusy,
    open_memory_file,
)

OTHER = bytes(range(101, 133))


def name(number: int) -> bytes:
    return number.to_bytes(4, "big") * 8


def copied(path: Path, to: Path, serial: str = "A1") -> SlotMemory | DamagedMemory:
    """Open a copy: the file itself stays locked by this process."""
    to.write_bytes(path.read_bytes())
    return open_memory_file(to, serial)


def test_the_file_is_the_device_s_and_holds_what_it_fired(tmp_path: Path) -> None:
    path = tmp_path / "state" / "A1" / "executed"
    memory = open_memory_file(path, "A1")
    assert memory.last_plan() == (b"", 0)
    with pytest.raises(MemoryBusy, match="in use by another"):
        open_memory_file(path, "A1")
    with pytest.raises(MemoryFailure):
        memory.write(1)
    memory.open_plan(PLAN)
    memory.write(77)
    assert [p.name for p in path.parent.iterdir()] == ["executed"], "made whole beside it, then put there"
    again = copied(path, tmp_path / "again")
    assert again.last_plan() == (PLAN, 77) and again.executed_of(PLAN) == 77
    assert again.executed_of(OTHER) == 0 and again.last_plan() == (PLAN, 77), "asking changes nothing"
    with pytest.raises(ValueError, match="serial"):
        open_memory_file(tmp_path / "x", "../x")


def cut(data: bytearray) -> None:
    del data[1000:]


def emptied(data: bytearray) -> None:
    data.clear()


def wiped(data: bytearray) -> None:
    data[:] = bytes(len(data))


def slots_wiped(data: bytearray) -> None:
    data[HEADER_BYTES:] = bytes(len(data) - HEADER_BYTES)


def longer(data: bytearray) -> None:
    data.extend(bytes(10))


def bit_in_header(data: bytearray) -> None:
    data[13] ^= 1


def bit_in_name(data: bytearray) -> None:
    data[HEADER_BYTES + 5] ^= 1


def bit_in_index(data: bytearray) -> None:
    data[HEADER_BYTES + 32] ^= 1


def first_slot_wiped(data: bytearray) -> None:
    data[HEADER_BYTES : HEADER_BYTES + SLOT_BYTES] = bytes(SLOT_BYTES)


@pytest.mark.parametrize(
    "spoil",
    [cut, emptied, wiped, slots_wiped, longer, bit_in_header, bit_in_name, bit_in_index, first_slot_wiped],
)
def test_a_file_that_is_not_whole_is_a_fault_that_no_reset_clears(
    tmp_path: Path, spoil: Callable[[bytearray], None]
) -> None:
    path = tmp_path / "executed"
    memory = open_memory_file(path, "A1")
    memory.open_plan(PLAN)
    memory.write(77)
    data = bytearray(path.read_bytes())
    assert len(data) == FILE_BYTES
    spoil(data)
    path.with_name("spoiled").write_bytes(data)
    device = DeviceCore(1, open_memory_file(path.with_name("spoiled"), "A1"), np.random.default_rng(0))
    assert device.fault_code is FaultCode.MEMORY and device.fault_text
    device.step(10, [ResetFault(), Select(PLAN, 0, 0, 0, 5)])
    assert device.fault_code is FaultCode.MEMORY and device.loaded_until == device.executed


def test_another_device_s_memory_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "executed"
    open_memory_file(path, "A1").open_plan(PLAN)
    device = DeviceCore(1, copied(path, tmp_path / "b", serial="B2"), np.random.default_rng(0))
    assert device.fault_code is FaultCode.MEMORY and "device A1, this is B2" in device.fault_text


def test_a_plan_that_was_fired_is_never_forgotten() -> None:
    buffer = bytearray(SLOTS * SLOT_BYTES)
    memory = SlotMemory(buffer)
    memory.open_plan(PLAN)
    memory.write(5)
    for number in range(1, 3 * SLOTS):  # selected, and nothing fired
        assert memory.open_plan(name(number)) == 0
    assert memory.executed_of(PLAN) == 5 == SlotMemory(buffer).open_plan(PLAN)
    for number in range(1, SLOTS):
        memory.open_plan(name(number))
        memory.write(number)
    with pytest.raises(MemoryFailure, match="forgets none"):
        memory.open_plan(OTHER)
    assert memory.executed_of(PLAN) == 5


def test_it_names_a_plan_with_what_was_fired_of_it_in_any_boot() -> None:
    bench = Bench()
    bench.load(10)
    bench.run(40_000, credit=4)
    assert bench.status.executed == 4
    again = Bench(bench.memory, boot=78)
    again.step(ShowPlan(OTHER))
    assert (again.status.plan_sha256, again.status.executed) == (OTHER, 0)
    again.step(ShowPlan(PLAN))
    assert (again.status.plan_sha256, again.status.executed) == (PLAN, 4)
    assert isinstance(again.tx[-1], Status) and again.tx[-1].plan_sha256 == PLAN, "told at once"
    again.step(Select(PLAN, 3, 0, 0, 10))
    assert naks(again) == [NakCode.ALREADY_EXECUTED]


def test_it_names_no_other_plan_while_one_is_selected() -> None:
    bench = Bench()
    bench.load(10)
    bench.step(ShowPlan(OTHER))
    assert naks(bench) == [NakCode.BUSY] and bench.status.plan_sha256 == PLAN
    bench.run(60_000, credit=10)
    assert bench.fired() == list(range(10))


def test_reports_come_before_the_status_that_names_another_plan() -> None:
    bench = Bench()
    bench.load(1, records=some_records(1))
    while not bench.shots:
        bench.run(500, credit=1)
    bench.tx.clear()
    bench.step(ShowPlan(OTHER))
    kinds = [type(m) for m in bench.tx if isinstance(m, (Fired, Status))]
    if Fired in kinds:
        assert kinds.index(Fired) < kinds.index(Status)
    assert bench.status.plan_sha256 == OTHER


def test_counters_of_permits_go_round() -> None:
    bench = Bench()
    bench.load(10)
    bench.counter = 2**32 - 3
    for credit in (2, 4, 6):
        bench.step(bench.permit(credit))
        bench.counter = 0 if bench.counter == 2**32 - 1 else bench.counter
    assert bench.status.credit_until == 6 and bench.status.permit_counter == 1
    bench.step(bench.permit(8, counter=2**32 - 1))
    assert bench.status.credit_until == 6, "an old one"
