"""Does a demo deliver while the machine is busy with other things?

    PYTHONPATH=src python bench/busy.py [--loops 6] [--files] [--times N] [-- arguments of `openmtz demo`]

Beside busy loops that never rest, and with `--files` a process that writes and reads a file without pause,
the demo is run so many times. Printed for each run: the verdict's line, the seconds of each stage, and how
often and how long work loops were late (every process says so in its log). Exit code 1 if one did not
deliver. Machines without the right to real-time priorities are later; the first line says what this one has.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from openmtz.graph import raise_priority

LATE = re.compile(r"work loop: ([0-9.]+) s between two turns")
STAGE = re.compile(r"^done (\w+) +([0-9.]+) s", re.MULTILINE)
VERDICT = re.compile(r"^(OK|NOT OK) +(.*)$", re.MULTILINE)
LONGEST_S = 1800.0


def _with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextlib.contextmanager
def busy(loops: int, files: bool) -> Iterator[None]:
    """Keep the machine busy; each loop in a session of its own, as other programs are."""
    loop = [sys.executable, "-c", "while True: pass"]
    thrash = (
        "import os, sys\nblock = os.urandom(1 << 20)\nwhile True:\n"
        "    with open(sys.argv[1], 'wb') as file:\n        for _ in range(64): file.write(block)\n"
        "        file.flush(); os.fsync(file.fileno())\n    open(sys.argv[1], 'rb').read()\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        commands = [loop] * loops
        commands += [[sys.executable, "-c", thrash, str(Path(folder) / "busy")]] if files else []
        started = [subprocess.Popen(c, start_new_session=True, preexec_fn=_with_parent) for c in commands]
        try:
            yield
        finally:
            for process in started:
                process.kill()
                process.wait()


def run_once(arguments: list[str]) -> bool:
    """Run a demo, print what came of it; return whether it delivered."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "openmtz.cli", "demo", "--out", str(out), *arguments]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
        wall_s = time.monotonic() - began
        verdict = VERDICT.search(done.stdout)
        stages = ", ".join(f"{name} {float(s):.0f}" for name, s in STAGE.findall(done.stdout))
        late = [float(s) for log in out.glob("logs/*.log") for s in LATE.findall(log.read_text())]
        said = " ".join(verdict.groups()) if verdict else (done.stdout + done.stderr).strip()[-300:]
        worst = f", the longest {max(late):.1f} s" if late else ""
        print(f"{wall_s:6.0f} s  {said}\n          {stages}; {len(late)} late turns{worst}", flush=True)
        if done.returncode and verdict:
            print("          " + done.stdout.split(verdict.group(0), 1)[1].strip()[:300], flush=True)
        return done.returncode == 0


def main() -> int:
    """Run the demos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--loops", type=int, default=6, help="busy loops (default: 6)")
    parser.add_argument("--files", action="store_true", help="and a process that writes and reads files")
    parser.add_argument("--times", type=int, default=5, help="demos (default: 5)")
    parser.add_argument("arguments", nargs="*", help="of `openmtz demo`, after --")
    options = parser.parse_args()
    before = os.sched_getscheduler(0)
    real_time = raise_priority()
    os.sched_setscheduler(0, before, os.sched_param(0))
    beside = f"{options.loops} busy loops" + (" and one that writes and reads files" if options.files else "")
    print(
        f"{options.times} demos beside {beside}; {len(os.sched_getaffinity(0))} processors,"
        f" real-time priorities: {'yes' if real_time else 'no'}, load before {os.getloadavg()[0]:.1f}"
    )
    with busy(options.loops, options.files):
        delivered = sum(run_once(options.arguments) for _ in range(options.times))
    print(f"delivered: {delivered} of {options.times}")
    return 0 if delivered == options.times else 1


if __name__ == "__main__":
    sys.exit(main())
