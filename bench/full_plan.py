"""Whole-plan benchmark: place, optics, stations with inverse kinematics and collision, order, dose.

    PYTHONPATH=src python bench/full_plan.py                # all cases
    PYTHONPATH=src python bench/full_plan.py --only 25 100  # some of them
    PYTHONPATH=src python bench/full_plan.py --profile 100  # where the time goes

Each case runs twice in a process of its own: the first run compiles what is not in numba's cache, the second
is measured. CPU seconds are of all threads. The arm is asked about every station: kinematics and collision
with the skin planned for.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import resource
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scenes import head_face, patch

from openmtz.geometry import SkinSurface
from openmtz.hooks import (
    Assessment,
    Indication,
    PatientFacts,
    PluginManager,
    Prescription,
    Region,
    hookimpl,
)
from openmtz.planning import PlanningResult, plan_treatment
from openmtz.planning.polygon import WholeSkin
from openmtz.planning.region import AnyRegion

TARGET_M = np.array([0.50, 0.0, 0.05])


class Case(NamedTuple):
    """`area_cm2` of skin at `density_per_cm2`, `energy_mj` each; issue 4's `seconds` on two cores."""

    area_cm2: float
    density_per_cm2: float
    energy_mj: float
    seconds: float


CASES = {
    "25": Case(25.0, 884.0, 20.0, 3.0),
    "100": Case(100.0, 884.0, 20.0, 10.0),
    "face": Case(350.0, 442.0, 20.0, 30.0),
    "face, no arm": Case(350.0, 442.0, 20.0, 30.0),
}


class Even:
    """An indication that wants the same everywhere: the planner is measured, not a plugin."""

    def __init__(self, case: Case) -> None:
        self._case = case

    @hookimpl
    def indications(self) -> list[Indication]:
        """Return the one indication."""
        return [Indication("even", "even", "the same everywhere")]

    @hookimpl
    def assess(self, area: NDArray[np.bool_]) -> Assessment:
        """Return healthy skin."""
        return Assessment(np.zeros(len(area)), np.zeros(len(area)))

    @hookimpl
    def prescribe(self, region: NDArray[np.bool_]) -> Prescription:
        """Return the case's density and energy over the region."""
        energy = np.full(len(region), self._case.energy_mj)
        density = np.where(region, self._case.density_per_cm2, 0.0)
        return Prescription(density, energy, "co2_120um_low_energy", "benchmark")


def scene(name: str) -> tuple[SkinSurface, AnyRegion]:
    """Return the captured-like surface of a case and the region of its area."""
    case = CASES[name]
    radius = float(np.sqrt(case.area_cm2 * 1e-4 / np.pi))
    if name.startswith("face"):
        found = head_face(radius_m=0.083)
        if found is None:
            raise SystemExit("the head scan is not beside this checkout (../shared/data)")
        top = found.vertices[np.argmax(found.vertices[:, 2])]
        surface = SkinSurface.from_arrays(found.vertices - top + TARGET_M, found.faces, voxel_m=0.001)
        return surface, WholeSkin()
    flat = patch(1000)
    scale = 1.35 * radius / 0.0515
    vertices = flat.vertices * [scale, scale, 1.0] + TARGET_M
    return SkinSurface.from_arrays(vertices, flat.faces, voxel_m=0.001), Region(tuple(TARGET_M), radius)


def plan(name: str, surface: SkinSurface, region: AnyRegion) -> PlanningResult:
    """Plan one case with the arm asked about every station."""
    from openmtz.robot import ArmKinematics, CellCollision, StationCheck

    manager = PluginManager()
    manager.register("even", Even(CASES[name]), "1")
    check = StationCheck(ArmKinematics(), CellCollision(patient=surface.mesh))
    arm = None if name.endswith("no arm") else check
    facts = PatientFacts(site="abdomen", fitzpatrick=2)
    overrides = {"allow_partial": True}
    return plan_treatment(surface, "even", facts, 0, manager, region, arm, overrides)


def measure(name: str, profile: bool) -> None:
    """Plan twice, print the row of the second."""
    surface, region = scene(name)
    plan(name, surface, region)
    watch = cProfile.Profile(time.process_time)
    wall, cpu = time.perf_counter(), time.process_time()
    if profile:
        watch.enable()
    result = plan(name, surface, region)
    watch.disable()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    refused = len(result.refused_m)
    case = CASES[name]
    print(
        f"| {name} | {result.areas['treated']:.0f} cm2, {len(surface.mesh.faces)} triangles |"
        f" {len(result.plan)} | {refused} | {len(result.plan.station_pose)} | {wall:.1f} | {cpu:.1f} |"
        f" {case.seconds:g} | {peak:.0f} |",
        flush=True,
    )
    if profile:
        pstats.Stats(watch).sort_stats("cumulative").print_stats(45)


def main() -> int:
    """Run each case in a process of its own, so that peaks of memory do not mix."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--profile", choices=list(CASES))
    parser.add_argument("--one", choices=list(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one or options.profile:
        measure(options.one or options.profile, bool(options.profile))
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| Case | skin | spots | refused | stations | wall s | CPU s | wall s wanted | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.only:
        subprocess.run([sys.executable, __file__, "--one", name], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
