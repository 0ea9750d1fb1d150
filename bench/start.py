"""How long from `openmtz demo` to the first stage of the treatment, and what each process takes for it.

    PYTHONPATH=src python bench/start.py [--times N] [-- arguments of `openmtz demo`]

The first stage (capture) has begun when the demo says that the start is done; it is interrupted there.
Printed for each start: seconds on the clock, processors' seconds of all its processes until then and of each,
and what each says of when it was ready (its log). Wall-clock time depends on what else the machine does, the
load of which is printed too; processors' seconds depend on it less.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from graph import MARK, marked_processes, name_and_cpu_s

LONGEST_S = 180.0
STARTED = re.compile(r"^done start\b")
READY = re.compile(r"^ready after (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Start:
    """One start: wall-clock seconds to the first stage, CPU seconds by process, what the logs say."""

    wall_s: float
    cpu_s: dict[str, float]
    said: dict[str, str]

    @property
    def total_cpu_s(self) -> float:
        """CPU seconds [s] of all processes."""
        return sum(self.cpu_s.values())


def start_once(arguments: list[str]) -> Start:
    """Start a demo, and end it at its first stage.

    Raises:
        RuntimeError: it did not come so far; with what it printed.
    """
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        began = time.monotonic()
        demo = subprocess.Popen(
            [sys.executable, "-m", "openmtz.cli", "demo", "--out", str(out), *arguments],
            env={**os.environ, MARK: mark, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert demo.stdout is not None
        printed = []
        try:
            for line in demo.stdout:
                printed.append(line)
                if STARTED.match(line):
                    break
            else:
                raise RuntimeError("the demo did not come to its first stage:\n" + "".join(printed))
            wall = time.monotonic() - began
            cpu = cpu_by_process(mark)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=LONGEST_S)
        logs = sorted((out / "logs").glob("*.log"))
        said = {log.stem: found[1] for log in logs if (found := READY.search(log.read_text()))}
    return Start(wall, cpu, said)


def cpu_by_process(mark: str) -> dict[str, float]:
    """Return CPU seconds so far of each process that carries the mark, and its children that are over."""
    out: dict[str, float] = {}
    for process in marked_processes(mark):
        name, seconds = name_and_cpu_s(process)
        out[name] = out.get(name, 0.0) + seconds
    return out


def print_start(start: Start) -> None:
    """Print one start, dearest process first."""
    print(
        f"{start.wall_s:6.2f} s to the first stage, {start.total_cpu_s:.2f} s of processor time,"
        f" load {os.getloadavg()[0]:.1f}"
    )
    for name, seconds in sorted(start.cpu_s.items(), key=lambda item: -item[1]):
        print(f"    {name:<40} {seconds:5.2f} s  {start.said.get(name, '')}")


def main() -> int:
    """Start as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("demo", nargs="*", help="arguments of `openmtz demo`")
    options = parser.parse_args()
    starts = []
    for _ in range(options.times):
        starts.append(start_once(options.demo))
        print_start(starts[-1])
    wall, cpu = (
        statistics.median(values) for values in ([s.wall_s for s in starts], [s.total_cpu_s for s in starts])
    )
    print(
        f"median {wall:.2f} s to the first stage, {cpu:.2f} s of processor time; {os.cpu_count()} processors"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
