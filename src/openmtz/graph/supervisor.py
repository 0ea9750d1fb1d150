"""Starts the processes of a graph, watches them, and ends them all.

The rules: a process that dies unasked is named with its last log lines and everything else is shut
down. In the same instant the *run line* breaks, without ROS and without this program in between:
every process, and the supervisor, holds the writing end of a pipe of its own, the safety monitor
the reading ends. The kernel closes them with the process, whatever else the machine is doing, and no
permit is granted any more. Ending takes at most three seconds: SIGINT, then SIGTERM, then SIGKILL.
Children also die with the supervisor (PR_SET_PDEATHSIG); what a killed supervisor could not remove, the
next one removes (`openmtz.graph.leftovers`).
"""

from __future__ import annotations

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from openmtz.graph.child import Child, die_with_parent, end_children, raise_priority
from openmtz.graph.command import process_command
from openmtz.graph.death import ProcessDied, describe_death, last_lines
from openmtz.graph.description import GraphDescription, GraphError, ProcessSpec
from openmtz.graph.device_memory import device_of_run
from openmtz.graph.leftovers import RuntimeFolder, sweep
from openmtz.graph.lock import StackLock
from openmtz.graph.progress import StartProgress, processor_seconds
from openmtz.graph.secret import SECRET_FILE

READY_FD = "OPENMTZ_READY_FD"
GO_FD = "OPENMTZ_GO_FD"
"""For processes that are `last`: the reading end of a pipe that closes when all others are ready."""
GO_AFTER_S = 600.0
"""Then they begin although another is not ready yet [s]. Engineering default."""
LONGEST_START_S = 900.0
"""Then a start that still uses the processor hangs all the same [s]. Engineering default."""
RUN_LINE_FDS = "OPENMTZ_RUN_LINE_FDS"
"""`name:fd,name:fd,...` for the safety monitor: reading ends, one for each process and the supervisor."""


class Supervisor:
    """Runs a graph. Use as a context manager; `wait_ready`, then `poll` or `died` now and then.

    All processes start side by side and import what they need. Those that are `last` begin their work when
    the others are ready: they never rest then, and some have priority; on two processors they would take
    half of the time that the others need to load. Nothing can fire before, as the safety monitor is last.

    Args:
        graph: what to run. simulation: simulated world and device, or hardware.
        log_dir: one file per process goes there. substitutions: for `{...}` in the description; without
            `device_serial` and `device_memory` the simulated scan head is one of this run, that of `log_dir`.
        overrides: parameters by node, over the description's.
        on_death: called once, from the watching thread, with the first process that died.
        lock: held already by a caller who wants to know early; taken here otherwise.

    Raises:
        GraphError: another stack runs in this ROS domain, or a substitution is missing.
    """

    def __init__(
        self,
        graph: GraphDescription,
        *,
        simulation: bool = True,
        log_dir: Path,
        substitutions: Mapping[str, str],
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        on_death: Callable[[ProcessDied], None] | None = None,
        lock: StackLock | None = None,
    ) -> None:
        self._graph = graph
        self._simulation = simulation
        self._log_dir = log_dir
        self._overrides = overrides or {}
        self._on_death = on_death
        self._children: list[Child] = []
        self._died: ProcessDied | None = None
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._lock = lock or StackLock()
        self._lock.acquire()
        sweep()
        self._runtime = RuntimeFolder()
        self.runtime_dir = self._runtime.path
        self._substitutions = {
            "runtime_dir": str(self.runtime_dir),
            "log_dir": str(log_dir),
            "serial_port": str(self.runtime_dir / "scan_head"),
            "seed": "0",
            **device_of_run(log_dir),
            **substitutions,
        }
        specs = graph.for_mode(simulation)
        self._run_line = {name: os.pipe() for name in ("supervisor", *(s.name for s in specs))}
        self._run_line_write = -1
        self._go_read, self._go_write = os.pipe()
        self._go_due = float("inf")
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Supervisor:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start every process, in order, without waiting for them."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        for spec in self._graph.for_mode(self._simulation):
            self._start_one(spec)
        for name, (read, write) in self._run_line.items():
            os.close(read)
            if name != "supervisor":
                os.close(write)
        self._run_line_write = self._run_line.pop("supervisor")[1]
        self._run_line.clear()
        os.close(self._go_read)
        self._go_read = -1
        self._go_due = time.monotonic() + GO_AFTER_S
        self._let_go_if_due()
        self._thread.start()

    def _start_one(self, spec: ProcessSpec) -> None:
        environment = dict(os.environ, PYTHONUNBUFFERED="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        # A folder `openmtz` where this was started is not the installation (Python 3.11 and later obey).
        environment["PYTHONSAFEPATH"] = "1"
        ready_read, ready_write = os.pipe()
        pass_fds = [ready_write, self._run_line[spec.name][1]]
        environment[READY_FD] = str(ready_write)
        environment[SECRET_FILE] = str(self._lock.secret)
        if "safety_monitor" in spec.nodes:
            others = {name: ends[0] for name, ends in self._run_line.items() if name != spec.name}
            pass_fds += others.values()
            environment[RUN_LINE_FDS] = ",".join(f"{name}:{fd}" for name, fd in others.items())
        if spec.last:
            pass_fds.append(self._go_read)
            environment[GO_FD] = str(self._go_read)
        log_path = self._log_dir / f"{spec.name}.log"
        with log_path.open("wb") as log:
            popen = subprocess.Popen(
                process_command(
                    self._graph,
                    spec,
                    simulation=self._simulation,
                    runtime_dir=self.runtime_dir,
                    substitutions=self._substitutions,
                    overrides=self._overrides,
                    require_run_line=True,
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=pass_fds,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        os.close(ready_write)
        # A program of its own does not speak our protocol: whoever talks to it finds out.
        child = Child(spec, popen, os.pidfd_open(popen.pid), log_path, ready=bool(spec.program))
        self._children.append(child)
        self._selector.register(child.pidfd, selectors.EVENT_READ, ("death", child))
        self._selector.register(ready_read, selectors.EVENT_READ, ("ready", child))

    def _watch(self) -> None:
        raise_priority()
        while not self._stopping.is_set():
            for key, _ in self._selector.select(timeout=0.2):
                what, child = key.data
                if what == "death":
                    self._on_exit(child)
                else:
                    self._on_ready(key.fd, child)
            self._let_go_if_due()

    def _let_go_if_due(self) -> None:
        """Let those begin that are last, when all others are ready or have had their time."""
        if self._go_write < 0:
            return
        others = [c for c in self._children if not c.spec.last]
        if all(c.ready or c.dead for c in others) or time.monotonic() > self._go_due:
            os.close(self._go_write)
            self._go_write = -1

    def _on_ready(self, fd: int, child: Child) -> None:
        said = os.read(fd, 64)
        self._selector.unregister(fd)
        os.close(fd)
        with self._changed:
            child.ready = child.ready or bool(said)
            self._changed.notify_all()

    def _on_exit(self, child: Child) -> None:
        if not self._stopping.is_set() and self._died is None:
            self._break_run_line()
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        returncode = child.popen.wait()
        now = time.monotonic()
        with self._changed:
            child.dead = True
            first = self._died is None and not self._stopping.is_set()
            if first:
                self._died = ProcessDied(
                    child.spec.name, child.spec.nodes, returncode, tuple(last_lines(child.log_path)), now
                )
            self._changed.notify_all()
        if first and self._on_death and self._died:
            self._on_death(self._died)

    def _break_run_line(self) -> None:
        if self._run_line_write >= 0:
            os.close(self._run_line_write)
            self._run_line_write = -1

    @property
    def died(self) -> ProcessDied | None:
        """The first process that ended unasked, if any."""
        return self._died

    def pid_of(self, node: str) -> int:
        """Return the process id that runs a node or has this process name.

        Raises:
            KeyError: nothing of that name runs.
        """
        for child in self._children:
            if node in child.spec.nodes or node == child.spec.name:
                return child.popen.pid
        raise KeyError(node)

    def pids(self) -> dict[str, int]:
        """Return process ids by process name."""
        return {c.spec.name: c.popen.pid for c in self._children}

    def wait_ready(self, timeout_s: float, tick: Callable[[list[str]], None] | None = None) -> None:
        """Wait until every process of ours said it is ready; `tick` gets the names still missing.

        Starting takes as long as it takes while those that are missing use the processor: on a loaded machine
        that is minutes.

        Raises:
            GraphError: one died, or they did nothing for `timeout_s`; names which.
        """
        began = time.monotonic()
        progress = StartProgress(began)
        while True:
            with self._changed:
                unready = [c.spec for c in self._children if not c.ready and not c.dead]
                # Not those that only wait for others themselves.
                waiting = [s.name for s in unready if not s.last or self._go_write < 0]
                waiting = waiting or [s.name for s in unready]
                sessions = {c.popen.pid for c in self._children if c.spec.name in waiting}
                if self._died:
                    raise GraphError(describe_death(self._died))
                if not waiting:
                    return
                self._changed.wait(0.1)
            if tick:
                tick(waiting)
            now = time.monotonic()
            idle_s = progress.idle_s(processor_seconds(sessions), now)
            if idle_s > timeout_s or now - began > LONGEST_START_S:
                missing = f"{', '.join(waiting)} (idle for {idle_s:.0f} s)"
                raise GraphError(f"not ready after {now - began:.0f} s: {missing}; logs: {self._log_dir}")

    def stop(self) -> None:
        """End everything: SIGINT, SIGTERM, SIGKILL; removes the runtime folder. Safe to call twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._break_run_line()
        end_children(self._children)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(1.0)
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()
        for fd in (self._go_read, self._go_write):
            if fd >= 0:
                os.close(fd)
        self._go_read = self._go_write = -1
        for ends in self._run_line.values():  # not started to the end
            for fd in ends:
                os.close(fd)
        self._run_line.clear()
        self._runtime.remove()
        self._lock.release()
