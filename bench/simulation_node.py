"""The simulation node's work loop: how evenly it runs, what it costs, with and without the 3D view.

    python bench/simulation_node.py [--seconds 20] [--browser chromium]

Needs ROS 2 (rclpy). One process runs the node and a client; the arm swings and a stand-in for the scan head
reports 400 shots a second, with cropped depth ten times a second: what the world has to do while a patient is
treated, and more (the arm rests then). `--browser` also
opens the page in a headless browser on this machine, whose load then counts as well. CPU seconds are of the
node's process; the camera's and the view's processes are not in them.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
PORT = 8917
SHOTS_HZ = 400


class Head:
    """Reports shots at the wires, evenly spread over the field."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.count = 0
        self.begun = time.monotonic()

    def report(self) -> None:
        """Report the shots due by now."""
        due = int((time.monotonic() - self.begun) * SHOTS_HZ)
        rng = np.random.default_rng(self.count)
        now = time.monotonic()
        shots = [
            [k, *rng.uniform(-4000, 4000, 2).round(1).tolist(), 20.0, now] for k in range(self.count, due)
        ]
        if shots:
            self.socket.sendall((json.dumps({"shots": shots, "plan": "00"}) + "\n").encode())
            self.count = due


def measure(view: bool, seconds: float, browser: str) -> dict[str, float]:
    """Return the figures of one run."""
    import rclpy
    from openmtz_interfaces.msg import SafetyState
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.parameter import Parameter
    from rclpy.signals import SignalHandlerOptions
    from simulation_interfaces.srv import GetSimulationState

    from openmtz.nodes import simulation, topics
    from openmtz.robot import HOME, JOINT_NAMES

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO, domain_id=90 + os.getpid() % 9)
    folder = tempfile.mkdtemp(prefix="openmtz-bench-")
    given = {"wires": f"{folder}/wires", "viewer_port": PORT if view else 0}
    turns: list[float] = []
    work = simulation.Simulation._work

    def timed(self: Any) -> None:
        turns.append(time.monotonic())
        work(self)

    simulation.Simulation._work = timed  # type: ignore[method-assign]
    node = simulation.create([Parameter(k, value=v) for k, v in given.items()])
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    client_node = rclpy.node.Node("bench_client")
    executor.add_node(client_node)
    head = Head(given["wires"])
    page = None
    try:
        while not node.is_ready():
            executor.spin_once(timeout_sec=0.02)
        if view and browser:
            command = [browser, "--headless", "--no-sandbox", "--use-angle=swiftshader",
                       "--enable-unsafe-swiftshader", "--remote-debugging-port=0",
                       f"--user-data-dir={folder}/browser", f"http://127.0.0.1:{PORT}"]  # fmt: skip
            page = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pictures: list[Any] = []
        topics.DEPTH.subscription(client_node, pictures.append)
        token = topics.SAFETY_STATE.publisher(client_node)
        token.publish(SafetyState(token=SafetyState.TOKEN_EMISSION))
        settle = time.monotonic() + 5.0
        while time.monotonic() < settle:
            executor.spin_once(timeout_sec=0.02)
        pictures.clear()
        client = client_node.create_client(GetSimulationState, "simulation/get_simulation_state")
        turns.clear()
        waits, side, asked, pending = [], 1.0, 0.0, None
        head.begun, head.count = time.monotonic(), 0
        cpu, began, at = time.process_time(), time.monotonic(), node._world.time_s
        while time.monotonic() < began + seconds:
            executor.spin_once(timeout_sec=0.02)
            head.report()
            if node._world.resting:
                side = -side
                goal = HOME + np.array([0.15 * side, 0, 0, 0, 0, 0])
                node._world.follow(JOINT_NAMES, [2.0], [goal])
            if pending is None and client.service_is_ready() and time.monotonic() > asked + 0.1:
                asked = time.monotonic()
                pending = client.call_async(GetSimulationState.Request())
            elif pending is not None and pending.done():
                waits.append(time.monotonic() - asked)
                pending = None
        ran, gaps = time.monotonic() - began, np.diff(turns) * 1e3
        return {
            "turns_hz": len(turns) / ran,
            "gap_p50_ms": float(np.percentile(gaps, 50)),
            "gap_p99_ms": float(np.percentile(gaps, 99)),
            "gap_max_ms": float(gaps.max()),
            "real_time": (node._world.time_s - at) / ran,
            "cpu_share": (time.process_time() - cpu) / ran,
            "service_p50_ms": float(np.percentile(waits, 50) * 1e3),
            "service_p99_ms": float(np.percentile(waits, 99) * 1e3),
            "depth_hz": len(pictures) / ran,
            "drawn_hz": node._viewer.drawn / (ran + 5.0) if node._viewer else 0.0,
        }
    finally:
        simulation.Simulation._work = work  # type: ignore[method-assign]
        if page is not None:
            page.terminate()
            page.wait()
        node.close()
        executor.shutdown(timeout_sec=0.5)
        node.destroy_node()
        client_node.destroy_node()
        rclpy.shutdown()


def main() -> int:
    """Print a row per run, without and with the view in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--browser", default="", help="a Chromium-like program; empty: nobody looks")
    given = parser.parse_args()
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    print(f"load of the machine (1 min): {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for view in (False, True, False, True):
        row = measure(view, given.seconds, given.browser)
        name = "with view" if view else "without  "
        print(name, "  ".join(f"{key} {value:.3g}" for key, value in row.items()), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
