"""kill -9 of each process in turn while the laser fires: light ends within one permit lifetime.

Judged by the simulated device's own log, on the clock of the machine.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stack import Stack, children_of
from treatment import QUICK, Treatment

from openmtz.graph.description import NODE_NAMES

pytestmark = [pytest.mark.ros, pytest.mark.alone]

TTL_S = 0.060
"""Time to live of a permit: parameter `ttl_s` of safety_monitor."""
VICTIMS = (*NODE_NAMES, "scan_head_device")


@pytest.mark.parametrize("victim", VICTIMS)
def test_no_emission_later_than_one_permit_lifetime_after_a_kill(victim: str, tmp_path: Path) -> None:
    """In a treatment of the stack's own: a plan that somebody else publishes is not believed."""
    with Stack(tmp_path, alone=victim, overrides=QUICK) as stack:
        treatment = Treatment(stack)
        try:
            treatment.start(seed=0)
            treatment.go_on_until_fired(40)
            total = treatment.client.observed.status.spots_total
            killed_at, dead_at = kill_now(stack.supervisor.pid_of(victim))
            died = stack.wait_died(5.0)

            assert victim == died.name or died.nodes == (victim,), "it alone was killed"
            assert died.returncode == -signal.SIGKILL
            assert died.how == "was killed by SIGKILL"
            _quiet(stack)
            times = np.array(stack.emissions())
            assert (times < killed_at).sum() >= 40, "it was firing before"
            assert len(times) < total, "it had more to fire"
            last = float(times.max())
            print(
                f"{victim}: last emission {(last - killed_at) * 1e3:.1f} ms after kill -9"
                f" (dead after {(dead_at - killed_at) * 1e3:.1f} ms)"
            )
            assert last <= dead_at + TTL_S
        finally:
            treatment.client.close()
        pids = list(stack.supervisor.pids().values())
    assert children_of(pids) == [], "something was left running"


def kill_now(pid: int) -> tuple[float, float]:
    """kill -9; returns when it was sent and when the process was gone (monotonic s).

    SIGKILL takes effect when the victim is next given a processor: on a loaded machine that alone can
    take longer than a permit lives. So the victim, and we who watch, are put first, where allowed.
    """
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    gone = select.poll()
    handle = os.pidfd_open(pid)
    gone.register(handle, select.POLLIN)
    for thread in (threading.get_native_id(), *threads):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(20))
    try:
        killed_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        assert gone.poll(5000), "it did not die"
        return killed_at, time.monotonic()
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_OTHER, os.sched_param(0))


def _quiet(stack: Stack) -> None:
    """Watch the log for ten permit lifetimes: whatever still fires would show."""
    deadline = time.monotonic() + 10 * TTL_S
    while time.monotonic() < deadline:
        time.sleep(0.02)
