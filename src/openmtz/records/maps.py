"""Pictures of the skin: what was captured, how dense the plan is on it, where the spots lie."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.records.delivery import SpotStatus
from openmtz.records.fields import measured_density_per_cm2
from openmtz.records.render import SKIN, Floats, Raster, View, hollows, rasterize, shade, smooth_vertices
from openmtz.records.run_data import RunData
from openmtz.records.style import (
    DENSITY_MAP,
    INK,
    MAP_PX,
    RED,
    SEVERITY_MAP,
    STATION_COLORS,
    STYLE,
    WIDTH_IN,
    Picture,
    jpeg,
)
from openmtz.records.untreated import mark_untreated, to_mark


class Scene:
    """What several pictures share: the surface smoothed for display, the views, measured density."""

    def __init__(self, surface: SkinSurface, positions_m: Floats | None) -> None:
        self.mesh = surface.mesh
        self.spots = positions_m if positions_m is not None and len(positions_m) else None
        self.hollow = hollows(surface.mesh, surface.normals)
        self.normals = TriangleMesh(
            smooth_vertices(surface.mesh, 0.8e-3), surface.mesh.faces
        ).vertex_normals()
        self.density = measured_density_per_cm2(surface.mesh, self.spots) if self.spots is not None else None
        near = self._near_spots()
        normal = surface.normals[near].mean(axis=0)
        self.toward = (
            normal / max(float(np.linalg.norm(normal)), 1e-9) if normal.any() else np.array([0, 0, 1.0])
        )

    def _near_spots(self) -> np.ndarray:
        if self.density is not None and (self.density > 0).any():
            return self.density > 0
        return np.ones(len(self.mesh.vertices), bool)

    def overview(self) -> View:
        """All of the surface, from above and from the foot side."""
        flat = View.look(np.zeros(3), self.toward, np.array([0.0, 1.0, 0.0]), 1, 1)
        toward = 0.83 * self.toward - 0.53 * flat.up + 0.15 * flat.right
        return self._fit(self.mesh.vertices, toward, margin=1.05, most_m=0.30)

    def region(self) -> View:
        """The treated region, looked at along its normal."""
        points = self.spots if self.spots is not None else self.mesh.vertices
        return self._fit(points, self.toward, margin=1.2, least_m=0.012)

    def _fit(
        self, points: Floats, toward: Floats, margin: float, least_m: float = 0.0, most_m: float = 9.0
    ) -> View:
        view = View.look(np.zeros(3), toward, np.array([0.0, 1.0, 0.0]), 1, 1)
        flat = np.stack([points @ view.right, points @ view.up, points @ view.toward], 1)
        low, high = flat.min(axis=0), flat.max(axis=0)
        if (high - low)[:2].max() > most_m and self.spots is not None:
            middle = self.spots.mean(axis=0) @ np.stack([view.right, view.up, view.toward], 1)
            low, high = middle - most_m / 2, middle + most_m / 2
        size = np.maximum((high - low)[:2] * margin, least_m)
        center = np.stack([view.right, view.up, view.toward], 1) @ ((low + high) / 2)
        width, height = max(size[0], size[1] * 1.0), max(size[1], size[0] * 0.66)
        return View(center, view.right, view.up, view.toward, float(width), float(height))

    @cached_property
    def region_raster(self) -> Raster:
        """The region as pixels: density and spots are drawn on the same."""
        return rasterize(self.mesh, self.region(), MAP_PX)

    def plain(self, raster: Raster) -> Floats:
        """Return the picture of the bare skin."""
        return shade(raster, self.normals, self.hollow)

    def tinted(
        self, raster: Raster, values: Floats, cmap: LinearSegmentedColormap, norm: Normalize, opacity: Floats
    ) -> Floats:
        """Return the shaded picture with a per-vertex field painted on the skin."""
        cover = raster.field(opacity)[:, None]
        table = cmap(np.linspace(0, 1, 256))[:, :3].astype(np.float32) / SKIN.max()
        tint = table[np.clip(norm(raster.field(values)) * 255, 0, 255).astype(np.uint8)]
        color = SKIN.astype(np.float32) * (1 - cover) + tint * cover
        return shade(raster, self.normals, 0.3 * self.hollow, np.clip(color, 0, 1.1))


def draw_surface(scene: Scene, data: RunData) -> Picture:
    """The captured skin with severity painted on it and the treated region outlined."""
    view = scene.overview()
    raster = rasterize(scene.mesh, view, MAP_PX)
    severity = _per_vertex(data.severity, scene)
    norm = Normalize(0, 1)
    if severity is None or not severity.any():
        image = scene.plain(raster)
    else:
        cover = 0.85 * np.clip(severity / 0.25, 0, 1)
        image = scene.tinted(raster, severity, SEVERITY_MAP, norm, cover)
    fig, ax = _map_axes(view, image)
    mark_untreated(ax, raster, to_mark(data.untreated_cause, data.severity, len(scene.mesh.vertices)))
    if scene.density is not None and scene.spots is not None:
        level = 0.35 * np.percentile(scene.density[scene.density > 0], 75)
        field = raster.image(raster.field(scene.density))
        ax.contour(
            _centers(view, raster)[0], _centers(view, raster)[1], field, [level], colors=INK, linewidths=1.3
        )
        _, _, bottom, top = view.extent_mm
        edge = view.project_mm(scene.spots[[np.argmax(scene.spots @ view.up)]])[0]
        ax.annotate(
            "treated region",
            edge,
            (edge[0], min(edge[1] + 0.16 * (top - bottom), top * 0.93)),
            ha="center",
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.9, "shrinkB": 1},
            bbox={"fc": "white", "ec": "none", "pad": 2, "alpha": 0.6},
        )
    _scale_bar(ax, view)
    if severity is not None and severity.max() > 0:
        _colorbar(fig, ax, SEVERITY_MAP, norm, "severity", [0, 0.5, 1])
    return jpeg(fig, "The captured skin in relief, with the severity of what was found in colour.")


def draw_density(scene: Scene, data: RunData) -> Picture:
    """Spots per cm2 as measured on the curved surface."""
    assert scene.density is not None and scene.spots is not None
    raster = scene.region_raster
    view = raster.view
    high = float(np.percentile(scene.density[scene.density > 0], 99))
    norm = Normalize(0, _round_up(high))
    image = scene.tinted(
        raster, scene.density, DENSITY_MAP, norm, np.clip(scene.density / (0.3 * high), 0, 0.94)
    )
    fig, ax = _map_axes(view, image)
    levels = np.arange(1, 5) * norm.vmax / 5  # type: ignore[operator]
    x, y = _centers(view, raster)
    field = raster.image(raster.field(scene.density))
    ax.contour(x, y, field, levels, colors="white", linewidths=0.5, alpha=0.55)
    _scale_bar(ax, view)
    _colorbar(fig, ax, DENSITY_MAP, norm, "spots per cm² of skin", None)
    return jpeg(fig, "Planned spots per square centimetre, measured on the curved skin.")


def draw_spots(scene: Scene, data: RunData) -> Picture:
    """Every spot to scale, coloured by station; what went wrong is marked."""
    assert data.plan is not None and scene.spots is not None
    plan, check = data.plan, data.verification
    view = scene.region_raster.view
    image = scene.plain(scene.region_raster)
    image[..., :3] = 0.62 + 0.38 * image[..., :3]
    fig, ax = _map_axes(view, image)
    xy = view.project_mm(plan.positions_m)
    profile = plan.header.get("profile")
    spot_mm = float(profile.get("spot_um", 120.0)) * 1e-3 if isinstance(profile, dict) else 0.12
    colors = np.array(STATION_COLORS)[plan.station % len(STATION_COLORS)]
    fired = check.emissions > 0 if check is not None else np.zeros(len(plan), bool)

    def circles(mask: np.ndarray, size: float, **style: Any) -> None:
        if mask.any():
            ax.add_collection(
                EllipseCollection(
                    size, size, 0, units="xy", offsets=xy[mask], transOffset=ax.transData, **style
                )
            )

    if fired.any():
        circles(~fired, spot_mm * 1.25, facecolors="none", edgecolors=RED, linewidths=0.6)
        for color in dict.fromkeys(colors[fired]):
            circles(fired & (colors == color), spot_mm, facecolors=color, edgecolors="none")
    else:
        for color in dict.fromkeys(colors):
            circles(colors == color, spot_mm, facecolors="none", edgecolors=color, linewidths=0.8)
    mark_untreated(
        ax, scene.region_raster, to_mark(data.untreated_cause, data.severity, len(scene.mesh.vertices))
    )
    if check is not None and data.truth is not None:
        bad = (check.status == SpotStatus.MISPLACED) & np.isfinite(check.offset_m).all(axis=1)
        if bad.any():
            landed = {int(i): p for i, p in zip(data.truth.spot_index, data.truth.position_m, strict=True)}
            ends = view.project_mm(np.array([landed[int(i)] for i in np.flatnonzero(bad)]))
            ax.add_collection(LineCollection(list(np.stack([xy[bad], ends], 1)), colors=RED, linewidths=1.1))
    for station in np.unique(plan.station):
        mask = plan.station == station
        at = np.median(xy[mask], axis=0)
        ax.text(
            *at,
            str(int(station)),
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold",
            color=STATION_COLORS[int(station) % len(STATION_COLORS)],
            bbox={"boxstyle": "circle,pad=0.28", "fc": "white", "ec": "none", "alpha": 0.88},
        )
    _scale_bar(ax, view)
    return jpeg(fig, "Planned and delivered spots on the skin, to scale, coloured by station.")


def _per_vertex(values: np.ndarray | None, scene: Scene) -> Floats | None:
    if values is None or np.shape(values) != (len(scene.mesh.vertices),):
        return None
    return np.clip(np.nan_to_num(np.asarray(values, float)), 0, 1)


def _map_axes(view: View, image: Floats):  # type: ignore[no-untyped-def]
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(WIDTH_IN, WIDTH_IN * view.height_m / view.width_m + 0.5))
        bottom = 0.5 / fig.get_figheight()
        ax = fig.add_axes((0, bottom, 1, 1 - bottom))
    ax.imshow(image, extent=view.extent_mm, interpolation="bilinear")
    left, right, low, high = view.extent_mm
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.axis("off")
    return fig, ax


def _centers(view: View, raster: Raster) -> tuple[Floats, Floats]:
    left, right, bottom, top = view.extent_mm
    rows, columns = raster.shape
    return (
        left + (np.arange(columns) + 0.5) * (right - left) / columns,
        top - (np.arange(rows) + 0.5) * (top - bottom) / rows,
    )


def _scale_bar(ax, view: View) -> None:  # type: ignore[no-untyped-def]
    """A bar of a round length under the picture, at the left."""
    span = view.width_m * 1e3
    length = max(v for v in (0.5, 1, 2, 5, 10, 20, 50) if v <= 0.17 * span or v == 0.5)
    height = 0.35 / ax.figure.get_figheight()
    bar = ax.figure.add_axes((0.03, 0, length / span, height))  # the map is as wide as the figure
    bar.axis("off")
    bar.set(xlim=(0, 1), ylim=(0, 1))
    bar.plot([0, 1], [0.8, 0.8], color=INK, lw=2.2, solid_capstyle="butt", clip_on=False)
    bar.text(0, 0.5, f"{length:g} mm", va="top", fontsize=10, color=INK)


def _colorbar(fig: Figure, ax, cmap, norm, label: str, ticks) -> None:  # type: ignore[no-untyped-def]
    height = fig.get_figheight()
    with matplotlib.rc_context(STYLE):
        bar = fig.add_axes((0.55, 0.30 / height, 0.41, 0.11 / height))
        mappable = matplotlib.cm.ScalarMappable(norm, cmap)
        color = fig.colorbar(mappable, cax=bar, orientation="horizontal", ticks=ticks)
        color.outline.set_visible(False)
        bar.tick_params(length=0, pad=2)
        bar.text(-0.03, 0.5, label, transform=bar.transAxes, ha="right", va="center", fontsize=10, color=INK)
        if ticks is None:
            bar.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))


def _round_up(value: float) -> float:
    step = 10 ** np.floor(np.log10(max(value, 1e-9)))
    return float(next(m * step for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * step >= value))
