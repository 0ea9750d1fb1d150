"""Firing order benchmark: the whole method, spots and order, beside the best of what else there is.

    PYTHONPATH=src python bench/ordering.py              # 256 and 2,263 spots, 3 shapes, 3 densities
    PYTHONPATH=src python bench/ordering.py --count 50000 --shape square
    PYTHONPATH=src python bench/ordering.py --quick      # two patches, pymeshlab alone: checked
    PYTHONPATH=src python bench/ordering.py --orders 10  # every plain order on our spots, at 10 %

*Ours* is our placement with our order. *Rivals* are the placements of `peers.py` with as many spots (within
half a per cent) on the same patch, each with the best of ten plain orders: raster, boustrophedon,
interleaved 2 x 2 to 8 x 8, Bayer, random, 2-opt, each figure by itself and however long that order takes.
*Own* are the ten plain orders on our spots; *quick* those of them that take at most 10 % longer than
boustrophedon, as ours does.

20 mJ, 630 um, the head's own timing (settle + slew x angle + pulse). Rise (99th percentile) and Omega
(95th) are taken at the mid-gaps: the middle of each three neighbours. Travel and firing time are those of
boustrophedon = 1. CPU seconds of the ordering alone, compiled code warm. `alone`: each spot fired long
after all others; its 99th percentile is a bound that no order of these spots gets below.
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
from order_scenes import DISKS, PLACERS, SHAPES, Patch, Scene, ours, patch, rivals
from scipy.special import erf

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.planning import HeadTiming, firing_order
from openmtz.planning.order.baselines import BASELINES
from openmtz.tissue import HeatModel
from openmtz.tissue.heat import mid_gap_heat

ENERGY_MJ, DEPTH_UM = 20.0, 630.0
DENSITIES = {5: 442.0, 10: 884.0, 20: 1768.0}
"""Per cent of the skin treated, and spots of 120 um per cm2."""
COUNTS = (256, 2263)
SEED = 20
QUICK = 1.10
AIM = 0.85
"""Of the best rival's heat."""
HEADER = (
    "| Order | Omega p95 | Omega p99 | p99 rise K | median K | highest K | travel | time | CPU s |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
TABLE = (
    "| Patch | % | Order | p99 rise K | best disks | best of all | own | own quick | Omega p95 | best disks |"
    " best of all | own | own quick | travel | time | CPU s |\n" + "|---" * 16 + "|"
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


class Best(NamedTuple):
    """The least heat of some placements with ten plain orders each, and whose it is."""

    p99: float
    p99_of: str
    omega95: float
    omega95_of: str


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
    """Measure ours and all plain orders on a scene; print them unless `quiet`."""
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
        print(f"\nAlone: p99 {alone_k(here, heat):.1f} K.", flush=True)
    return mine, rows


def line(row: Row) -> str:
    """Return one line of the table."""
    return (
        f"| {row.name} | {row.omega95:.2g} | {row.omega99:.2g} | {row.p99:.1f} |"
        f" {row.median:.1f} | {row.highest:.1f} |"
        f" {row.travel:.2f} | {row.time:.3f} | {row.cpu:.2f} |"
    )


def best_of(found: dict[str, list[Row]]) -> Best:
    """Return the least rise and the least Omega of all plain orders `found` by placement."""
    rise = min((row.p99, f"{place}, {row.name}") for place, rows in found.items() for row in rows)
    omega = min((row.omega95, f"{place}, {row.name}") for place, rows in found.items() for row in rows)
    return Best(*rise, *omega)


def compare(on: Patch, names: tuple[str, ...], heat: HeatModel, timing: HeadTiming) -> dict[str, Best | Row]:
    """Return ours, the best of the Poisson disks, of all rivals, and of plain orders on our spots."""
    mine, plain = run(ours(on, SEED), heat, timing, quiet=True)
    found = {name: run(scene, heat, timing, quiet=True)[1] for name, scene in rivals(on, names).items()}
    disks = {name: rows for name, rows in found.items() if name.startswith(DISKS)}
    quick = [row for row in plain if row.time <= QUICK]
    return {
        "ours": mine,
        "disks": best_of(disks or found),
        "all": best_of(found),
        "own": best_of({"own": plain}),
        "quick": best_of({"own": quick}),
    }


def table_line(on: Patch, percent: int, got: dict[str, Best | Row]) -> str:
    """Return one line of the table: ours, and how far it lies below each of the others."""
    mine, others = got["ours"], [got[key] for key in ("disks", "all", "own", "quick")]
    rises = " | ".join(f"{other.p99:.1f} ({mine.p99 / other.p99 - 1:+.0%})" for other in others)
    omegas = " | ".join(f"{other.omega95:.2g} ({mine.omega95 / other.omega95 - 1:+.0%})" for other in others)
    return (
        f"| {on.title} | {percent} | {mine.name.split()[-1]} | {mine.p99:.1f} | {rises} |"
        f" {mine.omega95:.2g} | {omegas} | {mine.travel:.2f} | {mine.time:.3f} | {mine.cpu:.2f} |"
    )


def warm(heat: HeatModel, timing: HeadTiming) -> None:
    """Compile everything once."""
    for count in (100, 700):
        run(ours(patch("square", 884.0, count)), heat, timing, quiet=True)


def check(heat: HeatModel, timing: HeadTiming) -> bool:
    """Print and check the figures that do not depend on the machine, against pymeshlab alone."""
    checks = {}
    print(f"\n{TABLE}")
    for shape, percent, count in (("square", 10, 2263), ("disc", 5, 256)):
        on = patch(shape, DENSITIES[percent], count)
        got = compare(on, PLACERS[:1], heat, timing)
        print(table_line(on, percent, got), flush=True)
        mine, disks, quick = got["ours"], got["disks"], got["quick"]
        name = f"{on.title} at {percent} %"
        checks[f"{name}: p99 rise 15 % below the best disks"] = mine.p99 <= AIM * disks.p99
        checks[f"{name}: Omega 15 % below the best disks"] = mine.omega95 <= AIM * disks.omega95
        checks[f"{name}: below all plain orders on our spots"] = (
            mine.p99 <= quick.p99 and mine.omega95 <= quick.omega95
        )
        checks[f"{name}: travel at most 4, time at most 1.10"] = mine.travel <= 4.0 and mine.time <= QUICK
    for text, good in checks.items():
        print(f"{'ok  ' if good else 'MISS'} {text}")
    return all(checks.values())


def main() -> int:
    """Print what the arguments ask for; 1 where `--quick` misses a figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--eta", type=float, default=0.3, help="residual heat fraction, 0.2-0.5")
    parser.add_argument("--density", type=int, nargs="*", default=list(DENSITIES), help="per cent: 5, 10, 20")
    parser.add_argument("--count", type=int, nargs="*", default=list(COUNTS), help="spots")
    parser.add_argument("--shape", nargs="*", default=list(SHAPES), help=", ".join(SHAPES))
    parser.add_argument("--peers", nargs="*", default=list(PLACERS), help=", ".join(PLACERS))
    parser.add_argument("--orders", type=int, metavar="PERCENT", help="every plain order on our spots")
    given = parser.parse_args()
    heat = HeatModel(eta=given.eta)
    timing = HeadTiming.of(CO2_120UM_LOW_ENERGY)
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {packages}; eta {given.eta}")
    warm(heat, timing)
    if given.quick:
        return 0 if check(heat, timing) else 1
    patches = [
        (percent, patch(shape, DENSITIES[percent], count))
        for count in given.count for percent in given.density for shape in given.shape
    ]  # fmt: skip
    if given.orders:
        for percent, on in patches:
            if percent == given.orders:
                run(ours(on, SEED), heat, timing)
        return 0
    print(f"\n{TABLE}")
    for percent, on in patches:
        got = compare(on, tuple(given.peers), heat, timing)
        print(table_line(on, percent, got), flush=True)
        for key in ("disks", "all", "own"):
            best = got[key]
            print(f"<!-- {key}: {best.p99_of}; {best.omega95_of} -->", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
