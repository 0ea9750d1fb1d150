"""The whole treatment in one process on virtual time: the same procedure, safety, planning, device and world
code as the ROS graph, without ROS, threads or a clock. Same scenario and seed, same log, to the byte.

`simulate` runs a `Scenario`; `LockstepCell` is the hardware side, `LockstepStack` the software side.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

# One run is one thread's work. Open3D's own threads wait for each other by spinning: on a busy machine thirty
# frames were fused in 16 s of processor time instead of 0.3 s. Read once, when Open3D is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_HOME_OF = {
    "LockstepCell": "cell",
    "LockstepHead": "head",
    "LockstepStack": "stack",
    "Scenario": "scenario",
    "ScenarioError": "scenario",
    "load_scenario": "scenario",
    "SimulationResult": "run",
    "simulate": "run",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"openmtz.simulation.lockstep.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
