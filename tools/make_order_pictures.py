"""Draw the pictures of docs/firing_order.md: order by time, and damage between the zones, of three orders.

    PYTHONPATH=src python tools/make_order_pictures.py docs/images

The same spots, model and head as `bench/ordering.py`; the same figures every time.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "bench")]

import ordering as bench  # noqa: E402

from openmtz.optics.profile import CO2_120UM_LOW_ENERGY  # noqa: E402
from openmtz.planning import HeadTiming, firing_order  # noqa: E402
from openmtz.planning.order.baselines import BASELINES  # noqa: E402
from openmtz.records.style import INK, SOFT, STYLE  # noqa: E402
from openmtz.tissue import HeatModel  # noqa: E402
from openmtz.tissue.heat import MidGapHeat, mid_gap_heat  # noqa: E402
from openmtz.tissue.mid_gaps import gaps  # noqa: E402

DENSITY, SIDE_M = 884.0, 0.020
SHOWN_DAMAGE = (1e-4, 1.0)
TIMES = {"cmap": "viridis", "norm": Normalize(0.0, 9.0), "lw": 0}
COLOURS = 96


def orders(scene: bench.Scene) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return (title, order `(N,)`, times `(N,)` [s]) of raster, random and ours, at the head's own timing."""
    timing = HeadTiming.of(CO2_120UM_LOW_ENERGY)
    rows = []
    for name in ("raster", "random"):
        order = BASELINES[name](scene.uv, scene.pitch)
        rows.append((name, order, bench.head_times(scene, order, timing)))
    energy = np.full(len(scene.points), bench.ENERGY_MJ)
    ours = firing_order(scene.points, energy, np.full(len(energy), bench.DEPTH_UM), timing, HeatModel())
    return [*rows, (f"OpenMTZ, {ours.name}", ours.order, ours.not_before_s)]


def heat_of(scene: bench.Scene, order: np.ndarray, times: np.ndarray, probes: np.ndarray) -> MidGapHeat:
    """Return the heat at the mid-gaps."""
    fired_at = np.empty(len(order))
    fired_at[order] = times
    energy = np.full(len(order), bench.ENERGY_MJ)
    return mid_gap_heat(scene.uv, fired_at, energy, np.full(len(order), bench.DEPTH_UM), probes, HeatModel())


def draw_order(folder: Path) -> None:
    """Spots coloured by the time they are fired, and Omega at every mid-gap, one column an order."""
    scene = bench.scene("field", DENSITY, SIDE_M)
    probes = gaps(scene.uv).middle
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11.0, 7.6), layout="constrained")
        axes = figure.subplots(2, 3)
        low, high = scene.uv.min(axis=0) * 1e3, scene.uv.max(axis=0) * 1e3
        for column, (title, order, times) in enumerate(orders(scene)):
            field = heat_of(scene, order, times, probes)
            top, bottom = axes[:, column]
            spots = scene.uv[order] * 1e3
            shown = top.scatter(spots[:, 0], spots[:, 1], c=times, s=5, **TIMES)
            damage = bottom.scatter(
                probes[:, 0] * 1e3, probes[:, 1] * 1e3, c=np.clip(field.omega, *SHOWN_DAMAGE), s=4,
                cmap="inferno_r", norm=LogNorm(*SHOWN_DAMAGE), lw=0,
            )  # fmt: skip
            top.set_title(f"{title}: {times[-1]:.1f} s", color=INK, fontsize=11)
            p95 = np.percentile(field.omega, 95)
            bottom.set_title(
                f"Omega p95 {p95:.2g}, p99 of the rise {field.p99_k:.1f} K", color=INK, fontsize=10
            )
            for axis in (top, bottom):
                axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xticks=[], yticks=[])
        figure.colorbar(shown, ax=axes[0], label="fired at [s]", shrink=0.8)
        figure.colorbar(damage, ax=axes[1], label="damage Omega between the zones", shrink=0.8, extend="both")
        note = f"{len(scene.points)} spots of 20 mJ on 20 mm x 20 mm; a model, eta 0.3: compare only"
        figure.suptitle(note, color=SOFT, fontsize=9)
        save(figure, folder / "order_omega.png", 80)


def draw_zoom(folder: Path) -> None:
    """4 mm of the field, every spot with the time it is fired: neighbours are apart, tight gaps are early."""
    scene = bench.scene("field", DENSITY, SIDE_M)
    centre = scene.uv.mean(axis=0)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11.0, 4.1), layout="constrained")
        for axis, (title, order, times) in zip(figure.subplots(1, 3), orders(scene), strict=True):
            spots = (scene.uv[order] - centre) * 1e3
            shown = axis.scatter(spots[:, 0], spots[:, 1], c=times, s=190, **TIMES)
            for (x, y), at in zip(spots, times, strict=True):
                if abs(x) < 2.0 and abs(y) < 2.0:
                    light = "white" if at < 5.5 else INK
                    axis.text(x, y, f"{at:.1f}", ha="center", va="center", fontsize=6, color=light)
            axis.set(xlim=(-2.0, 2.0), ylim=(-2.0, 2.0), aspect="equal", xticks=[], yticks=[])
            axis.set_title(title, color=INK, fontsize=11)
        figure.colorbar(shown, ax=figure.axes, label="fired at [s]", shrink=0.8)
        save(figure, folder / "order_zoom.png", 90)


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Write a PNG with few colours: thousands of smooth dots would take a megabyte."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    draw_order(folder)
    draw_zoom(folder)


if __name__ == "__main__":
    main()
