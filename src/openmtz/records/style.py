"""Colours, type and encoding shared by all pictures. Text stays readable at the width of a phone."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK, SOFT, LINE = "#1f2933", "#66737f", "#d9dee3"
RED = "#b91c1c"
"""Limits, and what went wrong: the one red, that of the report's style sheet too."""
STATION_COLORS = [
    "#0f766e", "#c2410c", "#4338ca", "#a16207", "#be185d", "#15803d", "#0369a1", "#7e22ce",
    "#854d0e", "#334155",
]  # fmt: skip
SEVERITY_MAP = LinearSegmentedColormap.from_list("severity", ["#f3d9a4", "#ef8a4f", "#c8303f", "#6d1040"])
DENSITY_MAP = LinearSegmentedColormap.from_list(
    "density", ["#d8efe9", "#7cc8bd", "#23918f", "#155a7a", "#1b2a5e"]
)
WIDTH_IN, MAP_DPI = 5.0, 200
MAP_PX = round(WIDTH_IN * MAP_DPI)
"""Maps are rendered at the very size at which they are saved."""
STYLE = {
    "font.size": 10.5, "axes.titlesize": 11, "axes.labelsize": 10, "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5, "legend.fontsize": 9.5, "axes.edgecolor": LINE, "axes.labelcolor": SOFT,
    "xtick.color": SOFT, "ytick.color": SOFT, "text.color": INK, "axes.titlecolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left",
    "figure.facecolor": "white", "font.family": "DejaVu Sans", "legend.frameon": False,
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """An encoded picture. `alt` says in words what it shows."""

    data: bytes
    media_type: str
    width: int
    height: int
    alt: str


def jpeg(fig: Figure, alt: str) -> Picture:
    return _save(fig, alt, "jpeg", MAP_DPI, pil_kwargs={"quality": 88, "subsampling": 0, "optimize": True})


def png(fig: Figure, alt: str) -> Picture:
    return _save(fig, alt, "png", 170)


def _save(fig: Figure, alt: str, kind: str, dpi: int, **options: Any) -> Picture:
    out = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        fig.savefig(out, format=kind, dpi=dpi, facecolor="white", **options)
    width, height = (round(v * dpi) for v in fig.get_size_inches())
    return Picture(out.getvalue(), f"image/{kind}", width, height, alt)
