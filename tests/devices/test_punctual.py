"""What could delay the watchdog of the device process: pauses from outside, garbage, a slow turn."""

from __future__ import annotations

import gc
import signal
import time
from typing import Any

import numpy as np

from openmtz.devices import encode_records
from openmtz.devices.messages import FiredRequest, Hello, ResetFault

PLAN = bytes(range(1, 33)).hex()


def test_a_process_that_was_stopped_keeps_every_time_to_live(
    device: Any, link: Any, granter: Any, poll: Any
) -> None:
    """SIGSTOP in the middle of firing: no light for the time it slept, none outside a live permit."""
    link.connect()
    rows = np.arange(2000)
    data = encode_records(
        np.stack([rows % 50 * 100, rows * 0], 1), rows * 0 + 20_000, rows * 0 + 800, rows * 0
    )
    link.select(PLAN, 3, 0, 0, 2000)
    link.load(0, data)
    monitor = granter(link, data)
    naps = []
    for round_ in range(4):
        begun = len(monitor.fired())
        poll(lambda: len(monitor.fired()) >= begun + 20, what=f"firing, round {round_}")  # noqa: B023
        device.process.send_signal(signal.SIGSTOP)
        poll(lambda: "T" in device.state(), what="stopped")
        asleep = time.monotonic()
        while time.monotonic() < asleep + 0.15:  # more than the longest time to live allowed
            monitor.pump()
            time.sleep(0.005)
        naps.append((asleep, time.monotonic()))
        device.process.send_signal(signal.SIGCONT)
    permits: list[dict[str, Any]] = []
    checked = 0
    for entry in device.log():
        if entry["event"] == "permit":
            permits.append(entry)
        elif entry["event"] == "emission":
            end = entry["tick_us"] + entry["pulse_us"]
            assert entry["spot"] < permits[-1]["credit_until"] and end <= permits[-1]["expires_us"]
            assert not any(a < entry["t"] < b for a, b in naps), "light while it slept"
            checked += 1
    assert checked >= 80 and len(device.log("permit_expired")) >= 4


def test_firing_leaves_nothing_for_a_garbage_collector(new_bench: Any) -> None:
    """The process runs without one: whatever the rules do, refusals and faults included, must free itself."""
    bench = new_bench()
    bench.load(400)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            bench.run(50_000, credit=400)
            bench.step(
                bench.permit(400, device_boot_id=1), Hello(2), FiredRequest(9999, 10_000), ResetFault()
            )
        bench.step(bench.permit(400, digest_at_credit=1))
        bench.step(ResetFault())
        found = gc.collect()
    finally:
        gc.enable()
    assert bench.core.executed > 200
    assert found == 0, f"{found} objects in cycles"


def test_a_turn_of_the_rules_is_short_against_a_time_to_live(new_bench: Any) -> None:
    """CPU time, so that a busy machine proves nothing: 4096 spots loaded, firing, permits, reports."""
    bench = new_bench()
    bench.load(4096)
    took, end = [], bench.now + 1_000_000
    next_permit = 0
    while bench.now < end:
        frames = []
        if bench.now >= next_permit:
            frames, next_permit = [bench.permit(bench.core.executed + 64)], bench.now + 15_000
        begun = time.thread_time()
        bench.step(*frames)
        took.append(time.thread_time() - begun)
        bench.now = max(bench.core.next_wake_us(), bench.now + 1)
    assert len(bench.shots) > 200
    assert np.percentile(took, 99) < 0.005, "a tenth of the shortest useful time to live"
