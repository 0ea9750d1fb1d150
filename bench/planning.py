"""Placement benchmark: OpenMTZ and its peers on the same surfaces, in the same run.

    PYTHONPATH=src python bench/planning.py            # all peers that are installed
    PYTHONPATH=src python bench/planning.py --quick    # the same surfaces, pymeshlab (radius given) alone
    PYTHONPATH=src python bench/planning.py --short    # 5,000 spots, OpenMTZ alone
    PYTHONPATH=src python bench/planning.py --seeds 200 30    # OpenMTZ alone on the patch, these seeds

CPU seconds are summed over all threads, best of several runs, after one run that compiles. Spacing is in
hexagonal pitches of the local density. Density error is over 5 mm balls on the surface.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from peers import PEERS, Points
from scenes import Measured, Ruler, Scene, face_areas_cm2, head_face, patch
from scipy.spatial import cKDTree

from openmtz.planning import SpotPlacement, hexagonal_pitch_m, place_passes, place_spots

SEEDS = tuple(range(100, 110))
"""Not those on which the schedule of the placement was chosen (0 to 7): figures on these would flatter."""
REFERENCE = "pymeshlab, radius given"
"""The fastest peer with an honest count."""

Rows = dict[str, tuple[float, Measured]]
"""CPU seconds and figures by the placement's name."""
HEADER = (
    "| Placement | CPU s | spots | min spacing | same side | RMS / worst % | with border % |\n"
    "|---|---|---|---|---|---|---|"
)


def ours(scene: Scene, seed: int = 0) -> SpotPlacement:
    """Place OpenMTZ's spots on a scene."""
    return place_spots(scene.vertices, scene.faces, scene.density, seed=seed)


def off_surface_m(scene: Scene, spots: SpotPlacement) -> float:
    """Return the largest distance [m] of a spot from where its barycentrics say; inf outside its face."""
    if (spots.barycentric < 0.0).any() or np.abs(spots.barycentric.sum(axis=1) - 1.0).max() > 1e-9:
        return float("inf")
    corners = scene.vertices[scene.faces[spots.face_index]]
    return float(np.abs((corners * spots.barycentric[:, :, None]).sum(axis=1) - spots.positions).max())


def cpu_seconds(place: Callable[[], Points], repeats: int) -> tuple[float, Points]:
    """Return the least CPU time of `repeats` runs and what the last one placed."""
    least, placed = float("inf"), np.zeros((0, 3))
    for _ in range(repeats):
        start = time.process_time()
        placed = place()
        least = min(least, time.process_time() - start)
    return least, placed


def row(name: str, seconds: float, got: Measured) -> str:
    """Return one line of the table."""
    return (
        f"| {name} | {seconds:.2f} | {got.count} | {got.spacing:.3f} | {got.facing:.3f} |"
        f" {got.rms:.2f} / {got.worst:.1f} | {got.border_rms:.2f} / {got.border_worst:.1f} |"
    )


def run(scene: Scene, chosen: Sequence[str], quick: bool, *, repeats: int = 5) -> Rows:
    """Print the table of one scene, OpenMTZ and the peers whose package is in `chosen`; return its rows.

    OpenMTZ's row of the summary holds the worst of each figure over all seeds.
    """
    rows: Rows = {}
    ruler = Ruler(scene)
    count = len(ours(scene).positions)
    print(f"\n{scene.name}: {scene.title}\n\n{HEADER}", flush=True)
    seconds, _ = cpu_seconds(lambda: ours(scene).positions, repeats)
    seeds = []
    for seed in SEEDS:
        spots = ours(scene, seed)
        assert off_surface_m(scene, spots) < 1e-12
        seeds.append(ruler.measure(spots.positions))
        print(row(f"**OpenMTZ**, seed {seed}", seconds, seeds[-1]), flush=True)
    columns = list(zip(*seeds, strict=True))
    worst = Measured(*(min(c) if k < 3 else max(c) for k, c in enumerate(columns)))
    rows[f"**OpenMTZ**, worst of {len(SEEDS)} seeds"] = (seconds, worst)
    for peer in PEERS:
        if scene.name not in peer.scenes or (peer.package and peer.package not in chosen):
            continue
        if quick and peer.name != REFERENCE:
            continue
        name = peer.name
        try:
            if peer.package:
                name += f" ({version(peer.package)})"

            def place(peer=peer) -> Points:  # type: ignore[no-untyped-def]
                return peer.place(scene.vertices, scene.faces, scene.density, count)

            if not peer.package:
                place()  # compiles
            spent, placed = cpu_seconds(place, peer.repeats)
            rows[peer.name] = (spent, ruler.measure(placed))
            print(row(name, *rows[peer.name]), flush=True)
        except (ImportError, PackageNotFoundError):
            print(f"| {name} | not installed: pip install -r requirements/bench.txt | | | | | |", flush=True)
        except Exception as error:
            print(f"| {name} | failed: {type(error).__name__}: {str(error)[:80]} | | | | | |", flush=True)
    if REFERENCE in rows:
        print(f"\n{rows[REFERENCE][0] / seconds:.1f} times less CPU than {REFERENCE}")
    return rows


def summary(patch_rows: Rows, face_rows: Rows) -> None:
    """Print patch and face side by side."""
    print("\nsummary\n\n| Placement | CPU s | got | min spacing | patch RMS / worst % | face RMS / worst % |")
    print("|---|---|---|---|---|---|")
    for name, (seconds, got) in patch_rows.items():
        face = face_rows.get(name)
        beside = f"{face[1].rms:.2f} / {face[1].worst:.1f}" if face else "-"
        print(
            f"| {name} | {seconds:.2f} | {got.count} | {got.spacing:.3f} |"
            f" {got.rms:.2f} / {got.worst:.1f} | {beside} |"
        )


def several_passes(scene: Scene) -> None:
    """Print the spacing of each pass and of all together, the scene's density shared among the passes."""
    print(f"\npasses: {scene.title}, shared among the passes\n")
    print("| passes | CPU s | spots | union min spacing | pass min spacing | union RMS / worst % |")
    print("|---|---|---|---|---|---|")
    ruler = Ruler(scene)
    for count in (1, 2, 3, 4):
        start = time.process_time()
        spots, index = place_passes(scene.vertices, scene.faces, scene.density / count, count, seed=SEEDS[0])
        seconds = time.process_time() - start
        local = (scene.density[scene.faces[spots.face_index]] * spots.barycentric).sum(axis=1)
        pitch = hexagonal_pitch_m(local)
        own = min(spacing(spots.positions[index == k], pitch[index == k] * count**0.5) for k in range(count))
        got = ruler.measure(spots.positions)
        print(
            f"| {count} | {seconds:.2f} | {len(index)} | {spacing(spots.positions, pitch):.3f} | {own:.3f} |"
            f" {got.rms:.2f} / {got.worst:.1f} |",
            flush=True,
        )


def spacing(positions: Points, pitch: Points) -> float:
    """Return the least distance of two spots in the mean of their local pitches `(N,)` [m]."""
    distance, other = cKDTree(positions).query(positions, k=2)
    return float((distance[:, 1] / (0.5 * (pitch + pitch[other[:, 1]]))).min())


def short() -> bool:
    """Check OpenMTZ's own figures at 5,000 spots, never the time; print them."""
    good = True
    for graded in (False, True):
        scene = patch(5000, graded=graded, sides=64)
        scene = scene._replace(vertices=scene.vertices / 3.0)
        if not graded:
            scene = scene._replace(density=scene.density * 9.0)
        spots = ours(scene)
        got = Ruler(scene, sub=6, balls=400).measure(spots.positions)
        mass = face_areas_cm2(scene.vertices, scene.faces) * scene.density[scene.faces].mean(axis=1)
        wanted = round(float(mass.sum()))
        print(row(f"OpenMTZ, {scene.name}", 0.0, got))
        # Spots in interlocking rows are to be as even as perfect hexagons of their density: whole rows of
        # those lie in or out of a ball, 0.84 % here.
        least, rms = (0.72, 1.5) if graded else (0.80, hexagons(float(scene.density.mean()), balls=20_000)[0])
        good &= got.count == wanted and got.spacing >= least and got.rms <= rms
        good &= off_surface_m(scene, spots) < 1e-12
    return bool(good)


def many_seeds(scene: Scene, first: int, count: int) -> None:
    """Print OpenMTZ's figures on a scene for many seeds, and what perfect hexagons of its density have."""
    ruler = Ruler(scene)
    got = [ruler.measure(ours(scene, seed).positions) for seed in range(first, first + count)]
    worst = np.array([one.worst for one in got])
    least = min(one.spacing for one in got)
    print(
        f"{scene.name}, seeds {first} to {first + count - 1}: spacing at least {least:.3f},"
        f" RMS at most {max(g.rms for g in got):.2f} %, worst ball {worst.mean():.2f} % on average,"
        f" {worst.max():.2f} % at most, above 2.5 % for {(worst > 2.5).sum()}"
    )
    per_cm2 = float(scene.density.mean())
    rms, worst_ball = hexagons(per_cm2)
    print(f"perfect hexagons on a plane, {per_cm2:.0f} per cm2: RMS {rms:.2f} %, worst {worst_ball:.1f} %")


def hexagons(per_cm2: float, radius_m: float = 0.005, balls: int = 100_000) -> tuple[float, float]:
    """Return RMS and worst density error [%] of a hexagonal pattern in discs anywhere on a plane."""
    pitch = float(hexagonal_pitch_m(per_cm2))
    across = int(4.0 * radius_m / pitch) + 4
    i, j = np.meshgrid(np.arange(across), np.arange(2 * (across // 2) + 2))
    points = np.stack([(i + 0.5 * (j % 2)) * pitch, j * pitch * 0.75**0.5], axis=-1).reshape(-1, 2)
    low = points.max(axis=0) / 2.0
    centres = low + np.random.default_rng(0).uniform(0.0, 1.0, (balls, 2)) * [pitch, pitch * 3.0**0.5]
    found = cKDTree(points).query_ball_point(centres, radius_m, return_length=True)
    error = 100.0 * (found / (per_cm2 * 1e4 * np.pi * radius_m**2) - 1.0)
    return float(np.sqrt((error**2).mean())), float(np.abs(error).max())


def main() -> int:
    """Run the benchmark; 1 if the short check fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="5,000 spots, OpenMTZ alone; 1 below target")
    parser.add_argument("--quick", action="store_true", help=f"of the peers only {REFERENCE}")
    parser.add_argument("--spots", type=int, default=50_000)
    packages = [peer.package for peer in PEERS if peer.package]
    parser.add_argument("--peers", nargs="*", default=packages, metavar="PACKAGE", help=", ".join(packages))
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "COUNT"), help="OpenMTZ alone")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print("numba " + version("numba") + ", numpy " + version("numpy"))
    if options.short:
        return 0 if short() else 1
    if options.seeds:
        many_seeds(patch(options.spots), *options.seeds)
        return 0
    face = head_face()
    if face is None:
        print("the head scan is not beside this checkout (../shared/data): no face")
    plain, graded = patch(options.spots), patch(options.spots, graded=True)
    rows = run(plain, options.peers, options.quick)
    run(graded, options.peers, options.quick)
    face_rows = run(face, options.peers, options.quick) if face is not None else {}
    summary(rows, face_rows)
    for scene in (plain, graded):
        place_passes(scene.vertices, scene.faces, scene.density, 2)  # compiles
        several_passes(scene)
    return 0


if __name__ == "__main__":
    sys.exit(main())
