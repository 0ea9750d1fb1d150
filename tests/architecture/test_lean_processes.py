"""Time-critical processes and pure rooms load no heavy library: looked at in a process of its own each."""

from __future__ import annotations

import subprocess
import sys

import pytest
from needs import needs

HEAVY = ("matplotlib", "mujoco", "numba", "open3d")
LOOK = """
import importlib, pkgutil, sys
for name in sys.argv[1].split():
    module = importlib.import_module(name)
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ()), name + "."):
        if not inner.name.endswith("__main__"):
            importlib.import_module(inner.name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
print(*sorted(name for name in sys.argv[2].split() if name in sys.modules))
"""


def loaded(*modules: str) -> list[str]:
    """Return the heavy libraries that are loaded when `modules` are, with all that lies right inside them
    and every name of their faces."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, " ".join(modules), " ".join(HEAVY)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_look_finds_what_is_heavy() -> None:
    needs("numba")
    assert "numba" in loaded("openmtz.tissue"), "else a clean answer means nothing"


@pytest.mark.parametrize(
    "room",
    [
        "openmtz.geometry",
        "openmtz.limits",
        "openmtz.optics",
        "openmtz.plan",
        "openmtz.procedure",
        "openmtz.safety",
    ],
)
def test_pure_rooms_are_lean(room: str) -> None:
    assert loaded(room) == []


def test_work_loops_of_the_time_critical_processes_are_lean() -> None:
    assert loaded("openmtz.stack.firing", "openmtz.stack.monitoring", "openmtz.stack.ports") == []


@pytest.mark.parametrize(
    ("process", "modules"),
    [
        ("safety_monitor", ("openmtz.nodes.__main__", "openmtz.nodes.safety_monitor")),
        ("scan_head", ("openmtz.nodes.__main__", "openmtz.nodes.scan_head", "openmtz.devices")),
    ],
)
def test_time_critical_nodes_are_lean(process: str, modules: tuple[str, ...]) -> None:
    needs("rclpy")
    needs("openmtz_interfaces")
    assert loaded(*modules) == [], f"the process {process} would pause for what these libraries do"


def test_the_simulated_device_is_lean() -> None:
    assert loaded("openmtz.simulation.scan_head_device") == []
