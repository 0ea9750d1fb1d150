"""The proof at the heart of it: whatever permits arrive, whenever, no light outside a live permit."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from openmtz.devices import encode, encode_records
from openmtz.devices.messages import GateClose
from openmtz.devices.wire import Decoder, WireError
from openmtz.simulation.scan_head_device.core import Lines

READY = Lines(emergency_stop_closed=True, footswitch_pressed=True, key_on=True)
shared = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
# `new_bench` is a class: nothing of it lives on from one example to the next.

actions = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 90_000)),
        st.tuples(st.just("permit"), st.integers(0, 60)),
        st.tuples(st.just("old permit"), st.integers(0, 30)),
        st.tuples(st.just("short ttl"), st.integers(0, 99_999)),
        st.tuples(st.just("foot"), st.integers(0, 1)),
        st.tuples(st.just("stop"), st.integers(0, 1)),
        st.tuples(st.just("close"), st.just(0)),
    ),
    max_size=30,
)


@given(actions, st.integers(100, 10_000), st.booleans())
@shared
def test_no_light_after_the_time_to_live(new_bench: Any, script: Any, pulse: int, punctual: bool) -> None:
    bench = new_bench()
    count = 60
    bench.load(
        count,
        records=encode_records(
            [[i, 0] for i in range(count)], [20_000] * count, [pulse] * count, [0] * count
        ),
    )
    sent: list[Any] = []
    lines: list[tuple[int, Lines]] = [(0, READY)]
    for action, value in script:
        frames: list[Any] = []
        if action == "wait":
            if punctual:
                bench.run(value)
            else:
                bench.step(at=bench.now + value)  # a process that slept
            continue
        if action == "permit":
            frames = [bench.permit(value)]
        elif action == "short ttl":
            frames = [bench.permit(count, ttl_us=value)]
        elif action == "old permit" and sent:
            frames = [sent[value % len(sent)]]
        elif action == "foot":
            bench.core.lines = replace(bench.core.lines, footswitch_pressed=bool(value))
        elif action == "stop":
            bench.core.lines = replace(bench.core.lines, emergency_stop_closed=bool(value))
        elif action == "close":
            frames = [GateClose()]
        lines.append((bench.now, bench.core.lines))
        sent += frames
        bench.step(*frames)
    bench.run(300_000)
    granted = [f for f in sent if hasattr(f, "ttl_us")]
    for shot in bench.shots:
        end = shot.start_us + shot.duration_us
        assert any(
            p.device_tick_us <= shot.start_us
            and end <= p.device_tick_us + p.ttl_us
            and shot.spot < p.credit_until
            for p in granted
        ), f"light outside every permit: {shot}"
        before = [state for at, state in lines if at < shot.start_us]
        assert before[-1].emergency_stop_closed and before[-1].footswitch_pressed
    spots = [s.spot for s in bench.shots]
    assert spots == list(range(len(spots))), "in order, each once"
    assert not bench.core._gate


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_line_can_only_withhold(new_bench: Any, seed: int) -> None:
    """Lost and corrupted bytes between monitor and device: fewer shots perhaps, never a wrong one."""
    random = Random(seed)
    lose, corrupt = random.uniform(0, 0.03), random.uniform(0, 0.03)
    bench = new_bench()
    bench.load(40)
    decoder = Decoder()
    granted = []
    for tick in range(0, 300_000, 1000):
        frames: list[Any] = []
        if tick % 15_000 == 0:
            bench.now = tick
            permit = bench.permit(min(40, bench.core.executed + 16))
            granted.append(permit)
            noisy = bytearray()
            for byte in encode(permit):
                if random.random() >= lose:
                    noisy.append(random.randrange(256) if random.random() < corrupt else byte)
            frames = decoder.feed(bytes(noisy))
            assert all(isinstance(f, WireError) or f in granted for f in frames)
        bench.step(*frames, at=tick)
    for shot in bench.shots:
        assert any(
            p.device_tick_us <= shot.start_us
            and shot.start_us + shot.duration_us <= p.device_tick_us + p.ttl_us
            and shot.spot < p.credit_until
            for p in granted
        )
    assert [s.spot for s in bench.shots] == list(range(len(bench.shots)))
    assert bench.status.fault_code == 0


def test_permits_every_15_ms_keep_it_firing(bench: Any) -> None:
    """The other side: the rules do not starve a healthy treatment."""
    bench.load(200)
    bench.run(500_000, credit=200)
    assert len(bench.shots) == 200
    gaps = [b.start_us - a.start_us for a, b in zip(bench.shots, bench.shots[1:], strict=False)]
    assert max(gaps) < 6_000
