"""A process of the graph as the supervisor keeps it, and what it asks the kernel for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openmtz.graph.description import CRITICAL_PRIORITY, ProcessSpec

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be loaded.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Child:
    """One process: what it was started for, how it is watched, and what is known of it."""

    spec: ProcessSpec
    popen: subprocess.Popen[bytes]
    pidfd: int
    log_path: Path
    ready: bool = False
    dead: bool = False


def raise_priority(priority: int = CRITICAL_PRIORITY) -> bool:
    """Ask for real-time scheduling of the calling thread and those it will start.

    False where the system does not allow it, or has one processor only: there a process that computes for
    seconds would stop everything else.
    """
    try:
        if priority < CRITICAL_PRIORITY and len(os.sched_getaffinity(0)) < 2:
            return False
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (PermissionError, OSError):
        return False
    return True


def die_with_parent() -> None:
    """End this process when the one that started it ends; for `preexec_fn`."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


STOP_GRACE_S = (1.6, 0.6)
"""Seconds after SIGINT and after SIGTERM; together with the rest under the 3 s promised to Ctrl-C."""


def end_children(children: Sequence[Child]) -> None:
    """End them all, and what they started: SIGINT, SIGTERM, SIGKILL."""
    for number, grace in zip((signal.SIGINT, signal.SIGTERM), STOP_GRACE_S, strict=True):
        alive = [c for c in children if c.popen.poll() is None]
        for child in alive:
            child.popen.send_signal(number)
        deadline = time.monotonic() + grace
        for child in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.popen.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.popen.pid, signal.SIGKILL)
        child.popen.wait()
