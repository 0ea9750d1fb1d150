"""What a demo costs: wall clock by stage, memory of the whole graph, processor time.

    python bench/graph.py [-- arguments of `openmtz demo`]

Memory is the sum of proportional set sizes (PSS: shared pages counted once) of every process the
demo started, sampled twice a second. Absolute times depend on the machine: its core count and load
are printed with them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

MARK = "OPENMTZ_BENCH_MARK"


def marked_processes(mark: str) -> list[Path]:
    """Folders under /proc of processes that carry the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found.append(entry)
        except OSError:
            continue
    return found


def pss_mib(process: Path) -> float:
    """Proportional set size of a process [MiB]; 0 if it is gone."""
    try:
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024.0
    except OSError:
        pass
    return 0.0


def main() -> int:
    """Run one demo and print what it cost."""
    arguments = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    mark = uuid.uuid4().hex
    peak, most = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        before = os.times()
        began = time.monotonic()
        demo = subprocess.Popen(
            [sys.executable, "-m", "openmtz.cli", "demo", "--out", str(out), *arguments],
            env={**os.environ, MARK: mark},
            stdout=subprocess.DEVNULL,
        )
        while demo.poll() is None:
            processes = marked_processes(mark)
            peak = max(peak, sum(pss_mib(p) for p in processes))
            most = max(most, len(processes))
            time.sleep(0.5)
        wall = time.monotonic() - began
        after = os.times()
        summary = json.loads((out / "summary.json").read_text())
        record_mb = (out / "record.mcap").stat().st_size / 1e6
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"machine            {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")
    print(f"result             {'OK' if summary['ok'] else 'NOT OK'}, {summary['spots_delivered']} spots")
    print(f"wall clock         {wall:.1f} s")
    for stage, seconds in summary["stage_seconds"].items():
        print(f"  {stage:<16} {seconds:.1f} s")
    print(f"processor time     {cpu:.1f} s (of children that were waited for)")
    print(f"processes          {most}")
    print(f"peak memory (PSS)  {peak:.0f} MiB")
    print(f"record             {record_mb:.1f} MB")
    return 0 if summary["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
