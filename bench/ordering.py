"""Firing order benchmark: OpenMTZ and the usual orders on the same spots, by the same heat model.

    PYTHONPATH=src python bench/ordering.py            # three densities, three scenes, patches of more seeds
    PYTHONPATH=src python bench/ordering.py --patches  # the patches of 256 spots only: squares, strips, discs
    PYTHONPATH=src python bench/ordering.py --quick    # one field at 10 %, one patch at 5 %: the figures
    checked

20 mJ, 630 um, the head's own timing (settle + slew x angle + pulse). Rise and Omega are taken at the
mid-gaps: the middle of each three neighbours. Travel and firing time are those of boustrophedon = 1. CPU
seconds of the ordering alone, compiled code warm. `alone`: each spot fired long after all others; its 99th
percentile is a bound that no order of these spots gets below.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.planning import HeadTiming, firing_order, place_spots
from openmtz.planning.order.baselines import BASELINES
from openmtz.planning.order.ordering import flatten
from openmtz.tissue import HeatModel
from openmtz.tissue.heat import mid_gap_heat
from openmtz.tissue.mid_gaps import gaps, sample

ENERGY_MJ, DEPTH_UM = 20.0, 630.0
DENSITIES = {442: "5 %", 884: "10 %", 1768: "20 %"}
PROBES = 2000
PATCH, STRIP_RATIO = 256, 4.0
SEEDS = range(20, 26)
"""Of the patches: others than those that annealing was tuned on (0 to 9)."""
PATCHES_HEADER = (
    "| Patch, seed | Order | Omega p95, best | p99 rise K, best | alone | highest K, best | travel | time |"
    " CPU s |\n|---|---|---|---|---|---|---|---|---|"
)
HEADER = (
    "| Order | Omega p95 | Omega p99 | p99 rise K | median K | highest K | travel | time | CPU s |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


class Row(NamedTuple):
    """One order, measured: see the header."""

    name: str
    omega95: float
    omega99: float
    p99: float
    median: float
    highest: float
    travel: float
    time: float
    cpu: float


class Scene(NamedTuple):
    """Spots `(N, 3)` [m] on a flat square and where they are looked at."""

    title: str
    points: NDArray[np.float64]
    uv: NDArray[np.float64]
    pitch: float
    probes: NDArray[np.float64]


def scene(title: str, density: float, side_m: float, seed: int = 0, shape: str = "square") -> Scene:
    """Place spots at a density [1/cm2] on a square of `side_m`, as the planner does; a strip, 4 times as long
    as wide, or a disc, of `PATCH` spots or so, is cut out of its middle."""
    line = np.linspace(0.0, side_m, 9)
    x, y = np.meshgrid(line, line, indexing="ij")
    vertices = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    index = np.arange(81).reshape(9, 9)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    points = place_spots(vertices, faces, density, seed=seed).positions
    away = np.abs(points[:, :2] - side_m / 2.0)
    area = PATCH / (density * 1e4)
    if shape == "strip":
        half = 0.5 * np.sqrt(area / STRIP_RATIO)
        points = points[(away[:, 0] < STRIP_RATIO * half) & (away[:, 1] < half)]
    elif shape == "disc":
        points = points[np.hypot(away[:, 0], away[:, 1]) < np.sqrt(area / np.pi)]
    uv = flatten(points)
    pitch = float(np.sqrt(2.0 / (np.sqrt(3.0) * density * 1e4)))
    return Scene(
        f"{title}: {len(points)} spots at {density:g}/cm2", points, uv, pitch, sample(gaps(uv).middle, PROBES)
    )


def scenes(density: float) -> list[Scene]:
    """Return the three scenes of a density."""
    return [
        scene("patch as 16 x 16", density, float(np.sqrt(PATCH / (density * 1e4)))),
        scene("field of 20 mm", density, 0.020),
        scene("50,000", density, float(np.sqrt(50_000 / (density * 1e4)))),
    ]


def patches(density: float) -> list[Scene]:
    """Return squares of `PATCH` spots of all `SEEDS`, and strips and discs of as many of the first two."""
    side = float(np.sqrt(PATCH / (density * 1e4)))
    squares = [scene(f"square, {seed}", density, side, seed) for seed in SEEDS]
    cut = [
        scene(f"{shape}, {seed}", density, 2.5 * side, seed, shape)
        for shape in ("strip", "disc")
        for seed in SEEDS[:2]
    ]
    return squares + cut


def measure(
    name: str, here: Scene, order: NDArray[np.int64], times: NDArray[np.float64], heat: HeatModel,
    reference: tuple[float, float], cpu: float,
) -> Row:  # fmt: skip
    """Return the row of an order with its times `(N,)` [s] in that order."""
    fired_at = np.empty(len(order))
    fired_at[order] = times
    energy, depth = np.full(len(order), ENERGY_MJ), np.full(len(order), DEPTH_UM)
    field = mid_gap_heat(here.uv, fired_at, energy, depth, here.probes, heat)
    return Row(
        name, float(np.percentile(field.omega, 95)), float(np.percentile(field.omega, 99)), field.p99_k,
        float(np.median(field.peak_k)), float(field.peak_k.max()),
        travel_m(here, order) / reference[0], float(times[-1]) / reference[1], cpu,
    )  # fmt: skip


def travel_m(here: Scene, order: NDArray[np.int64]) -> float:
    """Return the way [m] from spot to spot."""
    return float(np.linalg.norm(np.diff(here.uv[order], axis=0), axis=1).sum())


def head_times(here: Scene, order: NDArray[np.int64], timing: HeadTiming) -> NDArray[np.float64]:
    """Return `(N,)` [s] when the head can fire, with no wait for anything else."""
    pulse = timing.pulse_s(np.full(len(order), ENERGY_MJ))
    return np.cumsum(timing.jump_s(here.uv[order])) + np.cumsum(pulse) - pulse


def alone_k(here: Scene, heat: HeatModel) -> float:
    """Return the 99th percentile [K] of the rise by the nearest spot alone: a bound for every order."""
    distance2 = ((here.probes[:, None] - here.uv[None]) ** 2).sum(axis=2).min(axis=1)
    s = heat.beam_m2 + np.geomspace(0.01, 100.0, 400)[:, None] * distance2
    rise = heat.source_k_m2(ENERGY_MJ, DEPTH_UM) / s * erf(DEPTH_UM * 1e-6 / np.sqrt(s))
    rise = rise * np.exp(-distance2 / s)
    return float(np.percentile(rise.max(axis=0), 99))


def run(here: Scene, heat: HeatModel, timing: HeadTiming, *, quiet: bool = False) -> tuple[Row, list[Row]]:
    """Measure ours and all baselines on a scene; print them unless `quiet`."""
    orders: list[tuple[str, NDArray[np.int64], NDArray[np.float64], float]] = []
    for name, make in BASELINES.items():
        start = time.process_time()
        order = make(here.uv, here.pitch)
        orders.append((name, order, head_times(here, order, timing), time.process_time() - start))
    energy, depth = np.full(len(here.points), ENERGY_MJ), np.full(len(here.points), DEPTH_UM)
    start = time.process_time()
    ours = firing_order(here.points, energy, depth, timing, heat)
    cpu = time.process_time() - start
    back = next(entry for entry in orders if entry[0] == "boustrophedon")
    reference = (travel_m(here, back[1]), float(back[2][-1]))
    rows = [measure(name, here, order, at, heat, reference, s) for name, order, at, s in orders]
    mine = measure(f"**OpenMTZ** {ours.name}", here, ours.order, ours.not_before_s, heat, reference, cpu)
    if not quiet:
        print(f"\n**{here.title}**\n\n{HEADER}")
        for row in [*rows, mine]:
            print(line(row))
        print(f"\nAlone: p99 {alone_k(here, heat):.1f} K. {verdict(mine, rows)}", flush=True)
    return mine, rows


def run_patches(density: float, heat: HeatModel, timing: HeadTiming) -> None:
    """Print ours on every patch against the best of all baselines, column by column."""
    print(f"\n{PATCHES_HEADER}")
    for here in patches(density):
        mine, rows = run(here, heat, timing, quiet=True)
        omega, rise, highest = (
            min(getattr(row, key) for row in rows) for key in ("omega95", "p99", "highest")
        )
        print(
            f"| {here.title.split(':')[0]} ({len(here.uv)}) | {mine.name.split()[-1]}"
            f" | {mine.omega95:.2g}, {omega:.2g} ({mine.omega95 / omega - 1:+.0%})"
            f" | {mine.p99:.1f}, {rise:.1f} ({mine.p99 / rise - 1:+.1%}) | {alone_k(here, heat):.1f}"
            f" | {mine.highest:.1f}, {highest:.1f} | {mine.travel:.2f} | {mine.time:.3f} | {mine.cpu:.2f} |",
            flush=True,
        )


def line(row: Row) -> str:
    """Return one line of the table."""
    return (
        f"| {row.name} | {row.omega95:.2g} | {row.omega99:.2g} | {row.p99:.1f} |"
        f" {row.median:.1f} | {row.highest:.1f} |"
        f" {row.travel:.2f} | {row.time:.3f} | {row.cpu:.2f} |"
    )


def verdict(mine: Row, rows: list[Row]) -> str:
    """Return ours against the best of all baselines, column by column, and against the best that is as
    quick."""
    quick = [row for row in rows if row.time <= 1.10]
    parts = []
    for label, field in (("Omega p95", "omega95"), ("Omega p99", "omega99"), ("p99 rise", "p99")):
        values = []
        for group in (rows, quick):
            best = min(group, key=lambda row: getattr(row, field))
            values.append(f"{getattr(mine, field) / getattr(best, field) - 1:+.0%} ({best.name})")
        parts.append(f"{label} {values[0]}, of the quick {values[1]}")
    return "Against the best baseline: " + "; ".join(parts) + "."


def warm(heat: HeatModel, timing: HeadTiming) -> None:
    """Compile everything once."""
    for count in (100, 700):
        here = scene("warm", 884, float(np.sqrt(count / 884e4)))
        run(here, heat, timing, quiet=True)


def check(heat: HeatModel, timing: HeadTiming) -> bool:
    """Print and check the figures that do not depend on the machine."""
    field, rows = run(scene("field of 20 mm", 884, 0.020), heat, timing)
    sparse, sparse_rows = run(scenes(442)[0], heat, timing)
    raster = next(row for row in sparse_rows if row.name == "raster")
    checks = {
        "10 %: Omega p95 10 % below the best": field.omega95 <= 0.9 * min(row.omega95 for row in rows),
        "10 %: Omega p99 10 % below the best": field.omega99 <= 0.9 * min(row.omega99 for row in rows),
        "10 %: p99 rise 10 % below the best": field.p99 <= 0.9 * min(row.p99 for row in rows),
        "10 %: travel at most 4": field.travel <= 4.0,
        "10 %: time at most 1.10": field.time <= 1.10,
        "5 %: never worse than raster": sparse.omega95 <= raster.omega95 and sparse.p99 <= raster.p99 * 1.001,
    }
    for text, good in checks.items():
        print(f"{'ok  ' if good else 'MISS'} {text}")
    return all(checks.values())


def main() -> int:
    """Print what the arguments ask for; 1 where `--quick` misses a figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--patches", action="store_true", help="the patches of 256 spots only")
    parser.add_argument("--eta", type=float, default=0.3, help="residual heat fraction, 0.2-0.5")
    parser.add_argument("--density", type=int, nargs="*", default=list(DENSITIES), help="spots per cm2")
    given = parser.parse_args()
    heat = HeatModel(eta=given.eta)
    timing = HeadTiming.of(CO2_120UM_LOW_ENERGY)
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {packages}; eta {given.eta}")
    warm(heat, timing)
    if given.quick:
        return 0 if check(heat, timing) else 1
    for density in given.density:
        print(f"\n### {DENSITIES.get(density, f'{density}/cm2')}")
        for here in [] if given.patches else scenes(density):
            run(here, heat, timing)
        run_patches(density, heat, timing)
    return 0


if __name__ == "__main__":
    sys.exit(main())
