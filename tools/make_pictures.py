"""Draw the README's picture from a finished run: captured skin, density, spots by station, timeline.

    ./openmtz demo --out run
    python tools/make_pictures.py run docs/images/demo.png

Needs the libraries of ./openmtz and no graphics card; the same run gives the same picture.
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from openmtz.geometry import SkinSurface
from openmtz.plan import TreatmentPlan
from openmtz.plan.files import load_plan
from openmtz.planning.fields_file import load_fields
from openmtz.records.maps import Scene
from openmtz.records.render import View, rasterize
from openmtz.records.style import DENSITY_MAP, INK, LINE, SEVERITY_MAP, SOFT, STATION_COLORS, STYLE

SIZE_IN, DPI = (12.8, 6.9), 125
PANEL_PX = 1000
STAGE_COLORS = {
    "capture": "#9db8cc", "plan": "#c9b8dd", "approve": "#e8d7a6", "treat": "#a9cfc4", "verify": "#cfd6dc",
}  # fmt: skip
SAFETY_COLORS = {
    "OFF": "#e3e7ea", "STANDBY": "#cfd6dc", "ARMING": "#f3dfa2", "READY": "#f0b95a", "FIRING": "#c8303f",
    "HOLD": "#8a78b8", "FAULT": "#1f2933",
}  # fmt: skip


@dataclass
class Record:
    """What the picture needs of `record.mcap`; times in seconds after the first message."""

    surface: SkinSurface | None = None
    stages: list[tuple[float, str]] = field(default_factory=list)
    safety: list[tuple[float, str]] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)
    permits: list[float] = field(default_factory=list)
    shots: list[float] = field(default_factory=list)
    end: float = 0.0


def read_record(path: Path) -> Record:
    """Read the record with decoders that are not ours."""
    record, first, last = Record(), 0, np.empty(0)
    wanted = ["/surface", "/treatment/status", "/safety/state", "/safety/permit", "/scan_head/spots_fired"]
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _, channel, raw, message in reader.iter_decoded_messages([*wanted, "/joint_states"]):
            first = first or raw.log_time
            t = (raw.log_time - first) * 1e-9
            record.end = t
            if channel.topic == "/surface":
                record.surface = _surface(message)
            elif channel.topic == "/treatment/status":
                _append(record.stages, t, message.stage)
            elif channel.topic == "/safety/state":
                _append(record.safety, t, message.state_name)
            elif channel.topic == "/safety/permit":
                record.permits += [t] if message.credit_until else []
            elif channel.topic == "/scan_head/spots_fired":
                record.shots.append(t)
            else:
                now = np.asarray(message.position)
                record.motion += [t] if len(last) and np.abs(now - last).max() > 1e-6 else []
                last = now
    return record


def _append(events: list[tuple[float, str]], t: float, name: str) -> None:
    if not events or events[-1][1] != name:
        events.append((t, name))


def _surface(message: Any) -> SkinSurface:
    return SkinSurface.from_arrays(
        np.asarray(message.vertices_m, np.float32).reshape(-1, 3).astype(np.float64),
        np.asarray(message.faces, np.uint32).reshape(-1, 3).astype(np.int32),
        np.asarray(message.normals, np.float32).reshape(-1, 3).astype(np.float64),
        np.asarray(message.quality, np.float32).astype(np.float64),
        float(message.voxel_m),
    )


def square(view: View, margin: float = 1.0) -> View:
    """Return the view made square, so that panels stand in one row."""
    side = max(view.width_m, view.height_m) * margin
    return View(view.center_m, view.right, view.up, view.toward, side, side)


def panel(fig: Figure, left: float, view: View, image: Any, title: str, note: str) -> Any:
    """Add a square panel with a title, a note below it and a scale bar."""
    width, height = 0.305, 0.305 * SIZE_IN[0] / SIZE_IN[1]
    ax = fig.add_axes((left, 0.955 - height, width, height))
    ax.imshow(image, extent=view.extent_mm, interpolation="bilinear")
    x0, x1, y0, y1 = view.extent_mm
    ax.set(xlim=(x0, x1), ylim=(y0, y1))
    ax.axis("off")
    fig.text(left, 0.965, title, fontsize=12.5, fontweight="bold", color=INK, va="bottom")
    length = max(v for v in (1, 2, 5, 10, 20, 50) if v <= 0.22 * (x1 - x0))
    at, low = x0 + 0.04 * (x1 - x0), y0 + 0.05 * (y1 - y0)
    ax.plot([at, at + length], [low, low], color=INK, lw=2.2, solid_capstyle="butt")
    ax.text(at, low + 0.015 * (y1 - y0), f"{length} mm", fontsize=10, color=INK, va="bottom")
    fig.text(left, 0.955 - height - 0.012, note, fontsize=10.5, color=SOFT, va="top")
    return ax


def draw_skin(fig: Figure, scene: Scene, severity: Any, surface: SkinSurface) -> None:
    """The captured skin in relief, what was found painted on it, the region outlined."""
    view = square(scene.overview(), 0.98)
    raster = rasterize(scene.mesh, view, PANEL_PX)
    if severity is not None and len(severity) == len(scene.mesh.vertices) and severity.max() > 0:
        cover = 0.85 * np.clip(severity / 0.25, 0, 1)
        image = scene.tinted(raster, severity, SEVERITY_MAP, Normalize(0, 1), cover)
        note = f"{surface.area_cm2:.0f} cm² fused from depth frames; red: severity"
    else:
        image, note = scene.plain(raster), f"{surface.area_cm2:.0f} cm² fused from depth frames"
    ax = panel(fig, 0.012, view, image, "Captured skin", note)
    if scene.density is not None:
        shown = raster.image(raster.field(scene.density))
        grid = np.linspace(-0.5, 0.5, PANEL_PX) * view.width_m * 1e3
        level = 0.35 * np.percentile(scene.density[scene.density > 0], 75)
        ax.contour(grid, grid[::-1], shown, [level], colors=INK, linewidths=1.4)


def draw_density(fig: Figure, scene: Scene, view: View) -> None:
    """Spots per cm2 measured on the curved skin."""
    assert scene.density is not None
    raster = rasterize(scene.mesh, view, PANEL_PX)
    high = float(np.percentile(scene.density[scene.density > 0], 99))
    norm = Normalize(0, high)
    image = scene.tinted(
        raster, scene.density, DENSITY_MAP, norm, np.clip(scene.density / (0.3 * high), 0, 0.94)
    )
    panel(fig, 0.345, view, image, "Planned density", "")
    bar = fig.add_axes((0.345, 0.352, 0.12, 0.016))
    color = fig.colorbar(matplotlib.cm.ScalarMappable(norm, DENSITY_MAP), cax=bar, orientation="horizontal")
    color.outline.set_visible(False)
    bar.tick_params(length=0, pad=2, labelsize=9.5)
    bar.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3))
    fig.text(0.476, 0.36, "spots per cm² of skin", fontsize=10.5, color=SOFT, va="center")


def draw_spots(fig: Figure, scene: Scene, view: View, plan: TreatmentPlan, delivered: int) -> None:
    """Every spot, coloured by the station it is fired from."""
    image = scene.plain(rasterize(scene.mesh, view, PANEL_PX))
    image[..., :3] = 0.55 + 0.45 * image[..., :3]
    note = f"{delivered} of {len(plan)} spots delivered, from {len(plan.station_pose)} stations"
    ax = panel(fig, 0.678, view, image, "Spots, by station", note)
    xy = view.project_mm(plan.positions_m)
    for station in np.unique(plan.station):
        mask = plan.station == station
        color = STATION_COLORS[int(station) % len(STATION_COLORS)]
        ax.add_collection(
            EllipseCollection(
                0.17, 0.17, 0, units="xy", offsets=xy[mask], transOffset=ax.transData, facecolors=color,
                edgecolors="none",
            )
        )  # fmt: skip


def draw_timeline(fig: Figure, record: Record) -> None:
    """Stages, safety states, motion, permits and shots over time."""
    ax = fig.add_axes((0.075, 0.055, 0.908, 0.225))
    lanes = ("stage", "safety", "arm moves", "permits", "laser")
    ax.set(xlim=(0, record.end), ylim=(len(lanes) - 0.45, -0.55), yticks=range(len(lanes)), yticklabels=lanes)
    ax.tick_params(length=0, labelsize=10.5)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.grid(axis="x", color=LINE, lw=0.6)
    ax.set_axisbelow(True)
    fig.text(0.983, 0.012, "seconds", fontsize=10, color=SOFT, ha="right")
    _legend(fig, [name for name in SAFETY_COLORS if name in {n for _, n in record.safety}])
    for lane, (events, colors) in enumerate(((record.stages, STAGE_COLORS), (record.safety, SAFETY_COLORS))):
        ends = [t for t, _ in events[1:]] + [record.end]
        for (start, name), end in zip(events, ends, strict=True):
            if name not in colors:
                continue
            ax.barh(lane, end - start, left=start, height=0.78, color=colors[name], lw=0)
            if end - start > 0.011 * record.end * len(name):
                dark = name in ("FIRING", "FAULT")
                ax.text((start + end) / 2, lane, name, ha="center", va="center", fontsize=9.5,
                        color="white" if dark else INK)  # fmt: skip
    for lane, times, color in (
        (2, record.motion, "#5b7c99"), (3, record.permits, "#c2410c"), (4, record.shots, "#c8303f"),
    ):  # fmt: skip
        spans = _runs(np.array(times))
        ax.broken_barh(spans, (lane - 0.3, 0.6), facecolors=color, lw=0)


def _legend(fig: Figure, states: list[str]) -> None:
    """Name the colours of the safety states; most bars are too short for a word."""
    at = 0.678
    for name in states:
        fig.add_artist(Rectangle((at, 0.302), 0.009, 0.0125, facecolor=SAFETY_COLORS[name], lw=0))
        fig.text(at + 0.012, 0.308, name, fontsize=9.5, color=SOFT, va="center")
        at += 0.026 + 0.0068 * len(name)


def _runs(times: Any, gap_s: float = 0.15) -> list[tuple[float, float]]:
    """Return (start, length) of each run of times closer than `gap_s` to each other."""
    if len(times) == 0:
        return []
    cut = np.flatnonzero(np.diff(times) > gap_s)
    firsts, lasts = np.concatenate([[0], cut + 1]), np.concatenate([cut, [len(times) - 1]])
    return [
        (float(times[a]), max(float(times[b] - times[a]), 0.06)) for a, b in zip(firsts, lasts, strict=True)
    ]


def draw(run: Path) -> Figure:
    """Return the picture of a finished run."""
    import json

    record = read_record(run / "record.mcap")
    plan, _ = load_plan(run / "plan")
    delivered = json.loads((run / "summary.json").read_text())["spots_delivered"]
    if record.surface is None:
        raise SystemExit(f"{run} holds no surface: the run did not get that far")
    severity = load_fields(run / "plan")["severity"]
    scene = Scene(record.surface, plan.positions_m)
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=SIZE_IN)
        region = square(scene.region())
        draw_skin(fig, scene, severity, record.surface)
        draw_density(fig, scene, region)
        draw_spots(fig, scene, region, plan, delivered)
        draw_timeline(fig, record)
    return fig


def main() -> int:
    """Draw the picture of the run given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished ./openmtz demo")
    parser.add_argument("picture", type=Path, nargs="?", default=Path("docs/images/demo.png"))
    options = parser.parse_args()
    data = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        draw(options.run).savefig(data, format="png", dpi=DPI, facecolor="white")
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    full = Image.open(data).convert("RGB")
    palette = full.quantize(256, Image.Quantize.MEDIANCUT, kmeans=2)
    small = full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)  # a third of the bytes
    small.save(options.picture, optimize=True)
    print(f"{options.picture}: {options.picture.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
