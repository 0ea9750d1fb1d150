"""Runs nodes in one process: `python -m openmtz.nodes [options] NODE [NODE ...]`.

Started by the supervisor and by launch/openmtz.launch.py; `--parameters` is a JSON file with
parameters by node. Ends on SIGINT and SIGTERM: hardware is made safe first, then the nodes go.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from openmtz import files
from openmtz.graph import NODE_NAMES, raise_priority
from openmtz.nodes.errors import NodeError
from openmtz.nodes.lifetime import fail, tell_ready, wait_for_go


def main(arguments: list[str] | None = None) -> int:
    """Run the nodes until asked to end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m openmtz.nodes", description=__doc__)
    parser.add_argument("nodes", nargs="+", choices=NODE_NAMES, metavar="NODE", help=", ".join(NODE_NAMES))
    parser.add_argument("--parameters", type=Path, help="JSON file: {node: {parameter: value}}")
    parser.add_argument("--use-sim-time", action="store_true", help="time stamps from /clock")
    parser.add_argument("--critical", action="store_true", help="real-time priority, no garbage collection")
    parser.add_argument("--priority", type=int, default=0, help="real-time priority of one not critical")
    options, ros_arguments = parser.parse_known_args(arguments)
    try:
        parameters = json.loads(files.read_text(options.parameters, 10.0)) if options.parameters else {}
        return _run(options, parameters, ros_arguments)
    except (NodeError, ValueError, OSError) as error:
        fail(str(error))
        return 1


def _run(options: argparse.Namespace, parameters: dict[str, dict[str, Any]], ros_arguments: list[str]) -> int:
    if options.critical:
        # Shared memory has locks: whoever holds one, also a stranger, and does not get the processor would
        # hold up this process, whatever its priority (1.0 s measured beside six busy loops).
        os.environ.setdefault("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
    # Modules first and priority before anything starts a thread: threads inherit it.
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.experimental import EventsExecutor
    from rclpy.parameter import Parameter
    from rclpy.signals import SignalHandlerOptions

    stop: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stop.append(number)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    makers = {name: importlib.import_module(f"openmtz.nodes.{name}").create for name in options.nodes}
    if not wait_for_go(stop):
        return 0
    raised = raise_priority(options.priority) if options.priority else options.critical and raise_priority()
    if (options.critical or options.priority) and not raised:
        print("note: no real-time priority here (needs root or rtprio); timing is best effort", flush=True)
    rclpy.init(args=["openmtz", *ros_arguments], signal_handler_options=SignalHandlerOptions.NO)
    executor = EventsExecutor()
    nodes: list[Any] = []
    code = 0
    try:
        for name in options.nodes:
            overrides = [Parameter(k, value=v) for k, v in parameters.get(name, {}).items()]
            sim_time = options.use_sim_time and name != "simulation"
            overrides.append(Parameter("use_sim_time", value=sim_time))
            nodes.append(makers[name](overrides))
            executor.add_node(nodes[-1])
        if options.critical:
            _stop_collecting_garbage()
        told = False
        while not stop:
            executor.spin_once(timeout_sec=0.1)
            if not told and all(node.is_ready() for node in nodes if hasattr(node, "is_ready")):
                told = True
                print(
                    f"ready after {_age_s():.2f} s, {time.process_time():.2f} s of processor time", flush=True
                )
                tell_ready()
    except ExternalShutdownException:
        pass
    except NodeError as error:
        fail(str(error))
        code = 1
    finally:
        for node in nodes:
            _attempt(node, "make_safe")
        for node in reversed(nodes):
            _attempt(node, "close")
            _attempt(node, "destroy_node")
        executor.shutdown(timeout_sec=0.5)
        rclpy.try_shutdown()
    return code


def _age_s() -> float:
    """Return the age of this process [s]."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _attempt(node: Any, what: str) -> None:
    """Call a method if the node has it; one that fails must not keep the others from being made safe."""
    method = getattr(node, what, None)
    if method is None:
        return
    try:
        method()
    except Exception as error:
        print(
            f"{node.get_name()}: {what} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True
        )


def _stop_collecting_garbage() -> None:
    """No collection may stall the work loop (120-165 ms measured with large libraries loaded)."""
    gc.collect()
    gc.freeze()
    gc.disable()


if __name__ == "__main__":
    sys.exit(main())
