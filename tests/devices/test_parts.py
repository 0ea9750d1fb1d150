"""The parts around the core: loader, fired reports, baud rate, memory, settings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from openmtz.devices import Fired, FiredGap, encode
from openmtz.devices.fired_ledger import FiredCollector
from openmtz.devices.messages import FiredRequest, GateClose, Select, Spots
from openmtz.devices.outbox import Outbox, SpotLoader
from openmtz.devices.wire import Decoder
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.simulation.scan_head_device.injection import InjectionError, inject
from openmtz.simulation.scan_head_device.line import CHUNK, Line
from openmtz.simulation.scan_head_device.memory import (
    SLOT_BYTES,
    SLOTS,
    MemoryFailure,
    SlotMemory,
)
from openmtz.simulation.scan_head_device.plant import PlantFaults
from openmtz.simulation.scan_head_device.settings import DeviceSettings

PLAN = bytes(range(1, 33))


def loader(count: int = 100, capacity: int = 4096) -> SpotLoader:
    made = SpotLoader(Select(PLAN, 0, 0, 10, 10 + count), capacity)
    made.add(10, bytes(14 * count))
    return made


def sent(made: SpotLoader, now: float = 0.0) -> list[tuple[int, int]]:
    found = []
    while (frame := made.next_frame(now)) is not None:
        (spots,) = Decoder().feed(frame)
        assert isinstance(spots, Spots)
        found.append((spots.first, len(spots.records) // 14))
    return found


def test_loader_sends_everything_once() -> None:
    assert sent(loader()) == [(10, 32), (42, 32), (74, 32), (106, 4)]


def test_loader_never_sends_more_than_the_device_has_room_for() -> None:
    made = loader(100, capacity=40)
    assert sent(made) == [(10, 32), (42, 8)]
    made.heard(50, 25, 0.001)
    assert sent(made) == [(50, 15)]
    made.heard(65, 65, 0.002)
    assert sent(made) == [(65, 32), (97, 8)]


def test_loader_sends_again_what_was_not_confirmed() -> None:
    made = loader()
    sent(made)
    made.heard(42, 10, 0.01)
    assert sent(made) == []
    made.heard(42, 10, 0.05)
    assert sent(made, 0.05)[0] == (42, 32)
    made.go_back()
    assert sent(made, 0.05)[0] == (42, 32)


@pytest.mark.parametrize(("first", "size"), [(11, 14), (10, 13), (10, 14 * 101), (9, 14)])
def test_loader_refuses_what_does_not_fit(first: int, size: int) -> None:
    made = SpotLoader(Select(PLAN, 0, 0, 10, 110), 4096)
    with pytest.raises(ValueError):
        made.add(first, bytes(size))


def test_permit_goes_first_newest_only_and_spots_wait_for_the_line() -> None:
    outbox = Outbox(921_600)
    outbox.loader = loader()
    spots = outbox.take(0.0)
    assert spots is not None and outbox.take(0.0) is None, "the next spots wait until the line is free"
    outbox.put_permit(b"old\0")
    outbox.put_permit(b"new\0")
    outbox.put_urgent(encode(GateClose()))
    assert [outbox.take(0.0), outbox.take(0.0), outbox.take(0.0)] == [encode(GateClose()), b"new\0", None]
    assert outbox.pacer.wait_s(0.0) == pytest.approx(
        (len(spots) + 4 + len(encode(GateClose()))) * 10 / 921_600
    )
    assert outbox.take(0.006) is not None


@given(st.permutations(list(range(8))), st.lists(st.integers(0, 7), max_size=8))
def test_fired_reports_in_any_order_come_out_once_and_in_order(order: list[int], repeats: list[int]) -> None:
    collector = FiredCollector(100)
    out = []
    for part in order + repeats:
        for report in collector.take(Fired(100 + part * 3, tuple((part * 3 + k, 1) for k in range(3)))):
            out += [(report.first + i, shot[0]) for i, shot in enumerate(report.shots)]
    assert out == [(100 + i, i) for i in range(24)]


def test_lost_reports_are_asked_for_and_finally_named_as_a_gap() -> None:
    collector = FiredCollector(0)
    assert collector.take(Fired(2, ((5, 1),))) == []
    asked, events, now = [], [], 0.0
    for _ in range(20):
        request, certain = collector.check(3, now)
        now += 0.06
        asked += [request] if request else []
        events += certain
    assert asked == [FiredRequest(0, 2)] * 6
    assert events == [FiredGap(0, 2), Fired(2, ((5, 1),))]


def test_line_is_as_slow_as_its_baud_rate() -> None:
    line = Line(921_600, np.random.default_rng(0))
    now, got = 0, 0
    while got < 92_160:
        if line.ready(now):
            line.put(bytes(CHUNK), now)
        now += 100
        got += len(line.get(now))
    assert now == pytest.approx(1_000_000, rel=0.12)
    assert now >= 1_000_000


def test_line_faults_change_bytes_in_order() -> None:
    line = Line(921_600, np.random.default_rng(0))
    inject("late_bytes", True, {"p": 1.0, "ms": 5}, PlantFaults(), line, Line(9600, np.random.default_rng(0)))
    line.put(b"a", 0)
    line.put(b"b", 100)
    assert line.get(5_000) == b"" and line.get(20_000) == b"ab"
    inject("late_bytes", False, {}, PlantFaults(), line, line)
    inject("corrupt_bytes", True, {"p": 1.0}, PlantFaults(), line, line)
    line.put(b"\0" * 50, 30_000)
    assert 0 not in line.get(60_000)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("nonsense", {}),
        ("lost_bytes", {"p": 2}),
        ("lost_bytes", {"p": "x"}),
        ("lost_bytes", {"p": float("nan")}),
        ("late_bytes", {"ms": -1}),
        ("stuck_shutter", {"position": "ajar"}),
        ("corrupt_bytes", {"direction": "up"}),
    ],
)
def test_bad_injections_are_refused(name: str, parameters: dict[str, object]) -> None:
    line = Line(9600, np.random.default_rng(0))
    with pytest.raises(InjectionError):
        inject(name, True, parameters, PlantFaults(), line, line)


@given(st.integers(0, SLOT_BYTES - 5), st.integers(1, 255))
def test_memory_notices_damage(at: int, flip: int) -> None:
    buffer = bytearray(SLOTS * SLOT_BYTES)
    memory = SlotMemory(buffer)
    memory.open_plan(PLAN)
    memory.write(1234)
    buffer[at] ^= flip
    with pytest.raises(MemoryFailure):
        SlotMemory(buffer).last_plan()


def test_settings_come_from_a_profile() -> None:
    settings = DeviceSettings.from_profile(CO2_120UM_LOW_ENERGY.to_header())
    assert (settings.settle_us, settings.slew_us_per_rad, settings.full_scale_rad) == (1000.0, 10_000.0, 0.25)
    for bad in ({"settle_us": "fast"}, {"settle_us": float("nan")}, {"settle_us": -1}, {"settle_us": [1]}):
        with pytest.raises(ValueError):
            DeviceSettings.from_profile(bad)
