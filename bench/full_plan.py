"""Whole-plan benchmark: place, optics, stations with inverse kinematics and collision, order, dose.

    PYTHONPATH=src python bench/full_plan.py                # all cases
    PYTHONPATH=src python bench/full_plan.py --only 25 100  # some of them
    PYTHONPATH=src python bench/full_plan.py --profile 100  # where the time goes
    PYTHONPATH=src python bench/full_plan.py --moves        # and how long the treatment takes, arm included

Each case runs twice in a process of its own: the first run compiles what is not in numba's cache, the second
is measured. CPU seconds are of all threads, the peak is the process's. The arm is asked about every station:
kinematics and collision with the skin planned for.

`face` is the outer skin of the real head scan, what a camera outside sees of it; `cavities` is the scan's
mesh as it is around the nose, with the inside of the mouth, the eye sockets and the nostrils, which no beam
reaches: a case for refusals. Spots `prescribed` are placed and refused ones together.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import os
import platform
import pstats
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scenes import head_face, patch

from openmtz.geometry import SkinSurface, TriangleMesh, pose_from_vector
from openmtz.hooks import (
    Assessment,
    Indication,
    PatientFacts,
    PluginManager,
    Prescription,
    Region,
    hookimpl,
)
from openmtz.limits import check_plan
from openmtz.optics import HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.planning import PlanningResult, PlanningSetup, plan_treatment
from openmtz.planning.skin.polygon import WholeSkin
from openmtz.planning.skin.region import AnyRegion
from openmtz.planning.stations.ray_kernels import blocked, mesh_grid
from openmtz.robot import (
    HOME,
    SCAN_HEAD_FRAME,
    ArmKinematics,
    CellCollision,
    StationCheck,
    plan_move,
)
from openmtz.safety import check_on_skin

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
    "cavities": Case(350.0, 442.0, 20.0, 30.0),
}
FACE_RADIUS_M = 0.115
CAVITIES_RADIUS_M = 0.088
"""Around the tip of the nose: 360 cm2 each, without the 2 mm at the rim that are never planned."""
VIEWS_DEG = (0.0, 30.0, 60.0)
STEEPEST_SEEN_DEG = 75.0
"""A camera looks from straight before the face and from eight sides at these angles; steeper skin is not
captured."""
SLIVER = 20
SPEED = 0.7
"""Share of the arm's limits a treatment moves with (`nodes.treatment`)."""


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


def outer_skin(mesh: TriangleMesh) -> TriangleMesh:
    """Return what of a head facing +z a camera outside sees."""
    grid, middles = tuple(mesh_grid(mesh)), mesh.vertices[mesh.faces].mean(axis=1)
    normals, seen = mesh.face_normals(), np.zeros(len(mesh.faces), np.bool_)
    for tilt in np.deg2rad(VIEWS_DEG):
        for about in np.deg2rad(np.arange(0.0, 360.0, 45.0)) if tilt else (0.0,):
            toward = np.array([np.sin(tilt) * np.cos(about), np.sin(tilt) * np.sin(about), np.cos(tilt)])
            for row in np.flatnonzero(~seen & (normals @ toward > np.cos(np.deg2rad(STEEPEST_SEEN_DEG)))):
                seen[row] = not blocked(middles[row], toward, 1e-4, 1.0, grid)
    return mesh.submesh(seen)[0]


def head(name: str) -> TriangleMesh:
    """Return the skin of the head scan for a case, as the file has it."""
    if name == "cavities":
        found = head_face(radius_m=CAVITIES_RADIUS_M)
    else:
        found = head_face(radius_m=1.0)
    if found is None:
        raise SystemExit("the head scan is not beside this checkout (../shared/data)")
    mesh = TriangleMesh(found.vertices, found.faces)
    if name == "cavities":
        return mesh
    middle = np.abs(mesh.vertices[:, 0]) < 0.02
    nose = mesh.vertices[np.argmax(np.where(middle, mesh.vertices[:, 2], -np.inf))]
    mesh = outer_skin(mesh)
    near = np.linalg.norm(mesh.vertices[mesh.faces].mean(axis=1) - nose, axis=1) < FACE_RADIUS_M
    return mesh.submesh(near)[0]


def scene(name: str) -> tuple[SkinSurface, AnyRegion]:
    """Return the captured-like surface of a case and the region of its area."""
    case = CASES[name]
    if name.startswith(("face", "cavities")):
        mesh = head(name)
        top = mesh.vertices[np.argmax(mesh.vertices[:, 2])]
        surface = SkinSurface.from_arrays(mesh.vertices - top + TARGET_M, mesh.faces, voxel_m=0.001)
        return surface, WholeSkin()
    radius = float(np.sqrt(case.area_cm2 * 1e-4 / np.pi))
    flat = patch(1000)
    scale = 1.35 * radius / 0.0515
    vertices = flat.vertices * [scale, scale, 1.0] + TARGET_M
    return SkinSurface.from_arrays(vertices, flat.faces, voxel_m=0.001), Region(tuple(TARGET_M), radius)


def plan(
    name: str, surface: SkinSurface, region: AnyRegion, progress: Callable[[str, float], None] | None = None
) -> PlanningResult:
    """Plan one case with the arm asked about every station."""
    manager = PluginManager()
    manager.register("even", Even(CASES[name]), "1")
    check = StationCheck(ArmKinematics(), CellCollision(patient=surface.mesh))
    arm = None if name.endswith("no arm") else check
    facts = PatientFacts(site="abdomen", fitzpatrick=2)
    overrides = {"allow_partial": True}
    setup = PlanningSetup(arm, progress=progress) if progress else PlanningSetup(arm)
    return plan_treatment(surface, "even", facts, 0, manager, region, overrides, setup)


def treatment_s(plan: TreatmentPlan, surface: SkinSurface) -> tuple[float, float, int]:
    """Return predicted seconds of firing, of motion between stations, and how many moves found no way."""
    groups = plan.groups()
    profile = HandpieceProfile.from_header(plan.header["profile"])
    last_us = sum(int(plan.not_before_us[g.end - 1]) + int(plan.pulse_us[g.end - 1]) for g in groups)
    arm, cell = ArmKinematics(), CellCollision(patient=surface.mesh)
    moving, stuck, now = 0.0, 0, np.asarray(HOME, np.float64)
    for group in groups:
        move = plan_move(
            arm, cell, now, pose_from_vector(plan.station_pose[group.station]), SCAN_HEAD_FRAME, SPEED
        )
        if move.trajectory is None:
            stuck += 1
            continue
        moving += max(move.trajectory.duration_s, group.wait_s)
        now = move.trajectory.positions[-1]
    return last_us * 1e-6 + len(groups) * profile.settle_us * 1e-6, moving, stuck


def measure(name: str, profile: bool, moves: bool) -> None:
    """Plan twice, print the row of the second."""
    surface, region = scene(name)
    plan(name, surface, region)
    watch = cProfile.Profile(time.process_time)
    wall, cpu = time.perf_counter(), time.process_time()
    if profile:
        watch.enable()
    steps: list[tuple[str, float]] = []
    result = plan(name, surface, region, lambda step, _: steps.append((step, time.perf_counter())))
    watch.disable()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = {key: value for key, value in result.plan.header["refused"].items() if value}
    case, size = CASES[name], np.bincount(result.plan.station)
    print(
        f"| {name} | {result.areas['treated']:.0f} cm2, {len(surface.mesh.faces)} triangles |"
        f" {len(result.plan) + sum(counts.values())} | {len(result.plan)} | {sum(counts.values())} |"
        f" {len(size)} | {int((size < SLIVER).sum())} | {wall:.1f} | {cpu:.1f} | {case.seconds:g} |"
        f" {peak:.0f} |"
    )
    print(f"  refused: {counts or 'none'}")
    marks = [time.process_time()]
    for check in (lambda: check_plan(result.plan), lambda: check_on_skin(result.plan, surface.mesh)):
        assert check() == [], "the safety monitor would not accept it"
        marks.append(time.process_time())
    envelope, skin = np.diff(marks)
    print(f"  before an approval, CPU s: envelope {envelope:.2f}, captured skin {skin:.2f}")
    pairs = itertools.pairwise(steps)
    print("  wall s: " + ", ".join(f"{step} {end - begun:.1f}" for (step, begun), (_, end) in pairs))
    if moves:
        firing, moving, stuck = treatment_s(result.plan, surface)
        print(f"  treatment: firing {firing / 60:.1f} min, motion {moving / 60:.1f} min, no way to {stuck}")
    sys.stdout.flush()
    if profile:
        pstats.Stats(watch).sort_stats("cumulative").print_stats(45)


def main() -> int:
    """Run each case in a process of its own, so that peaks of memory do not mix."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--profile", choices=list(CASES))
    parser.add_argument("--one", choices=list(CASES), help=argparse.SUPPRESS)
    parser.add_argument("--moves", action="store_true", help="predict the treatment's time, arm included")
    options = parser.parse_args()
    if options.one or options.profile:
        measure(options.one or options.profile, bool(options.profile), options.moves)
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    titles = ("Case", "skin", "prescribed", "placed", "refused", "stations", f"of < {SLIVER} spots", "wall s")
    titles += ("CPU s", "wall s wanted", "peak MiB")
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    more = ["--moves"] if options.moves else []
    for name in options.only:
        subprocess.run([sys.executable, __file__, "--one", name, *more], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
