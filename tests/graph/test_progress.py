"""A start that is slow goes on; one that does nothing is given up."""

from __future__ import annotations

import os
import subprocess
import sys

from openmtz.graph.progress import StartProgress, processor_seconds


def test_whoever_uses_the_processor_gets_on() -> None:
    progress = StartProgress(now=100.0)
    for second in range(1, 500):
        assert progress.idle_s(0.1 * second, 100.0 + second) == 0.0
    assert progress.idle_s(49.9 + 0.019, 700.0) == 101.0, "an idle loop's trifle is none"


def test_fewer_processes_to_wait_for_are_progress_too() -> None:
    progress = StartProgress(now=0.0)
    progress.idle_s(30.0, 1.0)
    assert progress.idle_s(4.0, 50.0) == 0.0
    assert progress.idle_s(4.0, 60.0) == 10.0


def test_what_a_process_started_counts_for_it() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))']); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, start_new_session=True)
    try:
        used = 0.0
        while used < 0.1:
            assert process.poll() is None
            used = processor_seconds({process.pid})
        assert processor_seconds({os.getpid() + 10_000_000}) == 0.0, "a session nobody has"
    finally:
        process.communicate(b"\n")
