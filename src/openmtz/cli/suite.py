"""The test suite in two parts: what can share the machine, in parallel; then what must have it alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

INTERRUPTED_CODE = 130
NOTHING_COLLECTED = 5
"""pytest's exit code for a selection without tests."""
END_WITHIN_S = 30.0
"""After Ctrl-C, for the teardown of what tests had started. Engineering default."""


@dataclass(frozen=True)
class Room:
    """The tests of one folder: how many, and what they took, with set-up and teardown [s]."""

    tests: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What pytest's report says: tests by what became of them, those that failed, and sums by folder."""

    counts: dict[str, int]
    failures: tuple[str, ...] = ()
    rooms: dict[str, Room] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What one part came to: pytest's exit code and what it says of each test."""

    part: str
    code: int
    seconds: float
    report: Report

    @property
    def failures(self) -> tuple[str, ...]:
        """Names of the tests that failed."""
        return self.report.failures

    @property
    def ok(self) -> bool:
        """Whether nothing failed; a part without tests has nothing to fail."""
        return self.code in (0, NOTHING_COLLECTED) and not self.failures

    def line(self) -> str:
        """Say it in a line."""
        said = ", ".join(f"{count} {what}" for what, count in self.report.counts.items() if count)
        if not self.ok and not self.failures:
            said += f"{', ' if said else ''}ended by exit code {self.code}"
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{self.part}: {said or 'no tests'} in {minutes} min {seconds:02} s"


def run_suite(root: Path, environment: dict[str, str], *, processes: int, campaign: bool = False) -> int:
    """Run every test of the checkout `root` in two calls of pytest; returns the exit code.

    Args:
        environment: of the tests.
        processes: that share the first part; 0 runs it in one, without workers.
        campaign: include the long campaigns.

    Returns:
        0 if all passed, 1 if not, 130 after SIGINT or SIGTERM, which end the part that runs, with the
        teardown of its tests, and the suite.
    """
    ours = "" if campaign else "not campaign and "
    # One thread each: the processors are shared out already.
    shared = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **environment}
    parts: tuple[tuple[str, str, dict[str, str], list[str]], ...] = (
        (f"in parallel ({processes} processes)", f"{ours}not alone", shared, _parallel(processes)),
        ("alone, one after the other", f"{ours}alone", environment, []),
    )
    outcomes = []
    for number, (name, marks, variables, arguments) in enumerate(parts, 1):
        print(f"\n== tests, part {number} of {len(parts)}: {name}", flush=True)
        outcome = _run_part(name, [*arguments, "-m", marks], root, variables)
        outcomes.append(outcome)
        if outcome.code == INTERRUPTED_CODE:
            break
    print("\n== tests, both parts", flush=True)
    for outcome in outcomes:
        print(outcome.line())
        for failure in outcome.failures:
            print(f"  FAILED {failure}")
    for line in _costs([outcome.report.rooms for outcome in outcomes]):
        print(line)
    if outcomes[-1].code == INTERRUPTED_CODE:
        return INTERRUPTED_CODE
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _costs(parts: list[dict[str, Room]]) -> Iterator[str]:
    """Say what each folder cost, the dearest first: tests and seconds of each part.

    A second of a part that several processes share is a second of one of them.
    """
    total = {room: sum(part.get(room, Room()).seconds for part in parts) for part in parts for room in part}
    if not total:
        return
    yield "\n== what each folder of tests cost, by part: tests, seconds"
    for room in sorted(total, key=lambda room: -total[room]):
        cells = (part.get(room, Room()) for part in parts)
        yield f"{room:<24}" + "".join(f"{cell.tests:>8}{cell.seconds:>9.1f}" for cell in cells)


def _parallel(processes: int) -> list[str]:
    # Neighbours stay together, because they share fixtures, until a process has nothing left to do.
    return ["-n", str(processes), "--dist", "worksteal"] if processes else []


def _run_part(part: str, arguments: list[str], root: Path, environment: dict[str, str]) -> Outcome:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="openmtz-test-") as folder:
        report = Path(folder) / "tests.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *arguments,
            f"--junitxml={report}",
            "-o",
            "junit_family=xunit1",
        ]
        code = _call(command, root, environment)
        read = _read(report)
    return Outcome(part, code, time.monotonic() - began, read)


def _call(command: list[str], root: Path, environment: dict[str, str]) -> int:
    """Run a command in a session of its own; what interrupts us, interrupts all of it, once.

    Left in ours, a Ctrl-C would reach it from the terminal, and a signal to us alone would not.
    """
    with _interruptions() as told:
        process = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True)
        while process.poll() is None and not told:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_WITHIN_S)
            with contextlib.suppress(ProcessLookupError):  # what did not end, and workers left behind
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return INTERRUPTED_CODE if told else process.returncode


@contextlib.contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Give a list that SIGINT and SIGTERM are added to, instead of ending us."""
    told: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda received, _frame: told.append(received)) for number in numbers]
    try:
        yield told
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _read(path: Path) -> Report:
    """Count tests by what became of them, name those that failed, add up folders, from JUnit's report."""
    counts = dict.fromkeys(("passed", "failed", "errors", "skipped"), 0)
    failures: list[str] = []
    rooms: dict[str, Room] = {}
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):  # it did not get that far; the exit code tells
        return Report(counts)
    for case in cases:
        what = {"failure": "failed", "error": "errors", "skipped": "skipped"}
        became = next((what[child.tag] for child in case if child.tag in what), "passed")
        counts[became] += 1
        where = case.get("file") or case.get("classname") or ""
        if became in ("failed", "errors"):
            failures.append("::".join(filter(None, (where, case.get("name")))))
        name = Path(where).parent.as_posix()
        room = rooms.get(name, Room())
        rooms[name] = Room(room.tests + 1, room.seconds + float(case.get("time", 0.0)))
    return Report(counts, tuple(failures), rooms)
