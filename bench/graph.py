"""What a demo costs and whether it keeps up: stages, real-time factor, frame rates, memory, processors.

    PYTHONPATH=src python bench/graph.py [-- arguments of `openmtz demo`]
    PYTHONPATH=src python bench/graph.py --record runs/x/record.mcap      # the rates of a demo that is over

Rates are read from the demo's own record: simulation time against the wall clock it was recorded at, and the
time between the stamps of depth frames of one rest of the arm.
Memory is the sum of proportional set sizes (PSS: shared pages counted once) of every process the demo
started, sampled twice a second; so are the processors' seconds of each. Absolute times depend on the
machine: its core count and load are printed with them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MARK = "OPENMTZ_BENCH_MARK"
CLOCK, JOINTS, INFO = "/clock", "/joint_states", "/camera/depth/camera_info"
TARGET_HZ = {"whole frames, scanning": 15.0, "windows, firing": 10.0}
SPAN_S = 5.0
"""The worst real-time factor is looked for over so long [s]."""

Array = NDArray[np.float64]


@dataclass
class Rates:
    """What a record says: wall clock and simulation time of each `/clock`, joints, stamps of frames [s]."""

    wall_s: list[float] = field(default_factory=list)
    clock_s: list[float] = field(default_factory=list)
    joints_s: list[float] = field(default_factory=list)
    joints: list[Sequence[float]] = field(default_factory=list)
    frames: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in TARGET_HZ})

    def real_time(self) -> tuple[float, float]:
        """Return simulated seconds per real one: over all, and over the worst `SPAN_S` [s]."""
        return real_time_factor(self.wall_s, self.clock_s)


def real_time_factor(wall_s: ArrayLike, clock_s: ArrayLike, span_s: float = SPAN_S) -> tuple[float, float]:
    """Return simulated seconds per real one, of `(N,)` [s] each: over all, over the worst `span_s` [s]."""
    wall, clock = np.asarray(wall_s, np.float64), np.asarray(clock_s, np.float64)
    whole = float((clock[-1] - clock[0]) / (wall[-1] - wall[0]))
    later = np.searchsorted(wall, wall + span_s)
    begins = np.flatnonzero(later < len(wall))
    ends = later[begins]
    if len(begins) == 0:
        return whole, whole
    return whole, float(((clock[ends] - clock[begins]) / (wall[ends] - wall[begins])).min())


def periods_at_rest(stamps_s: ArrayLike, joints_s: ArrayLike, joints: ArrayLike) -> Array:
    """Return the times [s] between frames stamped `(N,)` [s] that follow each other while no joint moved.

    `joints` `(M, J)` were measured at `joints_s` `(M,)` [s].
    """
    stamps, places = np.sort(np.asarray(stamps_s, np.float64)), np.asarray(joints, np.float64)
    moved = np.concatenate([[0], np.cumsum((np.diff(places, axis=0) != 0).any(axis=1))])
    count = moved[np.clip(np.searchsorted(joints_s, stamps, side="right") - 1, 0, None)]
    periods: Array = np.diff(stamps)[count[1:] == count[:-1]]
    return periods


def read_rates(record: Path) -> Rates:
    """Return what the record `*.mcap` holds of clock, joints and frames."""
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    rates = Rates()
    with record.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _, channel, message, said in reader.iter_decoded_messages(topics=[CLOCK, JOINTS, INFO]):
            wall = message.log_time * 1e-9
            if channel.topic == CLOCK:
                rates.wall_s.append(wall)
                rates.clock_s.append(_seconds(said.clock))
            elif channel.topic == JOINTS:
                rates.joints_s.append(_seconds(said.header.stamp))
                rates.joints.append(list(said.position))
            else:
                kind = "windows, firing" if said.roi.width else "whole frames, scanning"
                rates.frames[kind].append(_seconds(said.header.stamp))
    return rates


def _seconds(stamp: Any) -> float:
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def print_rates(rates: Rates) -> None:
    """Print real-time factor and rates of frames."""
    whole, worst = rates.real_time()
    print(f"real-time factor   {whole:.3f}, over the worst {SPAN_S:g} s {worst:.3f} (aim 1)")
    for kind, aim in TARGET_HZ.items():
        periods = periods_at_rest(rates.frames[kind], rates.joints_s, rates.joints)
        if len(periods) == 0:
            print(f"{kind}: no two in one rest")
            continue
        middle, late = np.median(periods), np.percentile(periods, 90)
        told = f"every {middle:.3f} s median, {late:.3f} p90, {1 / periods.mean():.1f} Hz on average"
        print(f"{kind:<23}{told} (aim {aim:g}; {len(periods)} periods)")


@dataclass
class Costs:
    """What the processes of a demo took, sampled while it runs."""

    peak_mib: float = 0.0
    most: int = 0
    cpu_s: dict[tuple[int, str], float] = field(default_factory=dict)

    def sample(self, mark: str) -> None:
        """Look at every process that carries the mark."""
        processes = marked_processes(mark)
        self.peak_mib = max(self.peak_mib, sum(pss_mib(p) for p in processes))
        self.most = max(self.most, len(processes))
        for process in processes:
            name, seconds = name_and_cpu_s(process)
            if name:
                self.cpu_s[int(process.name), name] = seconds

    def print(self) -> None:
        """Print them, dearest process first."""
        print(f"processes          {self.most}")
        print(f"peak memory (PSS)  {self.peak_mib:.0f} MiB")
        print("processor time of each, as last seen")
        for (_, name), seconds in sorted(self.cpu_s.items(), key=lambda item: -item[1]):
            print(f"  {name:<24} {seconds:.1f} s")


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


def name_and_cpu_s(process: Path) -> tuple[str, float]:
    """Return a process by its command line, and its processor time [s]; "", 0 if it is gone."""
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        ticks = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return "", 0.0
    name = next((word for word in words if word.startswith("openmtz.")), "")
    for word in words:
        if word.endswith(".params.json"):
            name = Path(word).name.partition(".")[0]
        elif ":make_handler" in word:
            name = "_".join(word.partition(":")[0].split(".")[-2:])
    return name, sum(int(t) for t in ticks) / os.sysconf("SC_CLK_TCK")


def run_demo(arguments: list[str]) -> int:
    """Run one demo and print what it cost."""
    mark, costs = uuid.uuid4().hex, Costs()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        before, load = os.times(), os.getloadavg()[0]
        began = time.monotonic()
        demo = subprocess.Popen(
            [sys.executable, "-m", "openmtz.cli", "demo", "--out", str(out), *arguments],
            env={**os.environ, MARK: mark},
            stdout=subprocess.DEVNULL,
        )
        while demo.poll() is None:
            costs.sample(mark)
            time.sleep(0.5)
        wall = time.monotonic() - began
        after = os.times()
        summary = json.loads((out / "summary.json").read_text())
        record_mb = (out / "record.mcap").stat().st_size / 1e6
        rates = read_rates(out / "record.mcap")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(
        f"machine            {os.cpu_count()} cores, load {load:.1f} before, {os.getloadavg()[0]:.1f} after"
    )
    print(f"result             {'OK' if summary['ok'] else 'NOT OK'}, {summary['spots_delivered']} spots")
    if summary["reason"]:
        print(f"  because          {summary['reason']}")
    print(f"wall clock         {wall:.1f} s")
    for stage, seconds in summary["stage_seconds"].items():
        print(f"  {stage:<16} {seconds:.1f} s")
    print_rates(rates)
    print(f"processor time     {cpu:.1f} s (of children that were waited for)")
    costs.print()
    print(f"record             {record_mb:.1f} MB")
    return 0 if summary["ok"] else 1


def main() -> int:
    """Run a demo, or read a record."""
    if sys.argv[1:2] == ["--record"] and len(sys.argv) == 3:
        print_rates(read_rates(Path(sys.argv[2])))
        return 0
    return run_demo(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
