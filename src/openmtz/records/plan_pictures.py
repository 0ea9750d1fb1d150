"""Pictures of a plan before anything is fired: stations, order, evenness, heat, and what was refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import SkinSurface
from openmtz.optics import HandpieceProfile
from openmtz.plan import TreatmentPlan
from openmtz.planning.order import flatten
from openmtz.planning.skin import SHOWN_M
from openmtz.records.fields import area_samples
from openmtz.records.maps import Scene, _colorbar, _map_axes, _scale_bar
from openmtz.records.render import Floats, View, rasterize
from openmtz.records.style import INK, MAP_PX, SEVERITY_MAP, STATION_COLORS, WIDTH_IN, Picture, png
from openmtz.tissue import HeatModel, mid_gap_heat

EVEN_BALL_M = 0.0025
"""Density is counted in balls of this radius [m]: about 90 spots at 442 per cm2, so that one spot is 1 %."""
ERROR_SHOWN = 0.15
MOST_NAMED = 40
NO_FIRE = "no-fire-volume"
LEFT_OUT = ("near-edge", "near-hole", "broken-surface", "cut-off", "no-room")
CAUSE_COLORS = {
    "out-of-reach": "#b91c1c", "too-many-stations": "#7c2d12", "out-of-field": "#c2410c",
    "occluded": "#0f766e", "out-of-focus": "#a16207", "too-steep": "#7e22ce",
    "energy-below-profile": "#0369a1", "energy-above-profile": "#1e3a8a",
    NO_FIRE: "#334155", "merging-zones": "#be185d", "near-edge": "#f59e0b", "near-hole": "#d97706",
    "broken-surface": "#92400e", "cut-off": "#b45309", "no-room": "#ea580c",
}  # fmt: skip


def draw_plan(
    plan: TreatmentPlan,
    surface: SkinSurface | None = None,
    density_per_cm2: NDArray[np.floating] | None = None,
    refused_m: NDArray[np.floating] | None = None,
    refused_cause: NDArray[np.str_] | None = None,
    no_fire_m: NDArray[np.floating] | None = None,
    untreated_cause: NDArray[np.str_] | None = None,
) -> dict[str, Picture]:
    """Return pictures by name: `stations`, `order`, `heat`, and where it can be drawn `evenness`, `refused`.

    `density_per_cm2` `(V,)` as prescribed, all passes; `refused_m` `(R, 3)` [m], `refused_cause` `(R,)`;
    `no_fire_m` `(K, 3)` [m] all over the skin that no-fire volumes took away; `untreated_cause` `(V,)` why
    skin of the region gets no spots, empty where it does.
    """
    nothing = np.empty((0, 3))
    no_fire = nothing if no_fire_m is None else np.asarray(no_fire_m, np.float64)
    left_out = _left_out(surface, untreated_cause)
    points = np.concatenate(
        [plan.positions_m, nothing if refused_m is None else refused_m, no_fire, *left_out.values()]
    )
    canvas = _Canvas(surface, points)
    pictures = {
        "stations": _stations(canvas, plan),
        "order": _order(canvas, plan),
        "heat": _heat(canvas, plan),
    }
    if (
        surface is not None
        and density_per_cm2 is not None
        and np.shape(density_per_cm2) == (len(surface.mesh.vertices),)
    ):
        density = np.asarray(density_per_cm2, np.float64)
        pictures["evenness"] = _evenness(canvas, plan, surface, density, no_fire)
    if refused_m is None or refused_cause is None:
        refused_m, refused_cause = nothing, np.empty(0, np.str_)
    if len(refused_m) or len(no_fire) or left_out:
        areas = left_out if len(no_fire) == 0 else {NO_FIRE: no_fire, **left_out}
        pictures["refused"] = _refused(canvas, plan, refused_m, refused_cause, areas)
    return pictures


class _Canvas:
    """The skin in relief, or plain paper where no surface is known; spots are drawn on it to one scale."""

    def __init__(self, surface: SkinSurface | None, points: Floats) -> None:
        if surface is not None:
            scene = Scene(surface, np.asarray(points, np.float64))
            self.view = scene.region()
            self.image = scene.plain(rasterize(scene.mesh, self.view, MAP_PX))
            self.image[..., :3] = 0.62 + 0.38 * self.image[..., :3]
        else:
            center = points.mean(axis=0)
            toward = np.linalg.svd(points - center, full_matrices=False)[2][2]
            toward = toward if toward[2] >= 0 else -toward
            view = View.look(center, toward, np.array([0.0, 1.0, 0.0]), 1, 1)
            flat = view.project_mm(points) / 1e3
            size = np.maximum(1.15 * np.ptp(flat, axis=0), 0.012)
            middle = 0.5 * (flat.max(axis=0) + flat.min(axis=0))
            center = center + middle[0] * view.right + middle[1] * view.up
            self.view = View(center, view.right, view.up, view.toward, *map(float, size))
            self.image = np.ones((8, 8, 4))

    def start(self) -> tuple[Any, Any]:
        """Return a new figure and its axes in millimetres."""
        return _map_axes(self.view, self.image)

    def at(self, points: Floats) -> Floats:
        """Return `(N, 2)` [mm]."""
        return self.view.project_mm(points)

    def dot(self, count: int) -> float:
        """Return the size of a marker [points2] so that dots about touch."""
        across = 0.8 * 360.0 * np.sqrt(1.0 / max(count, 50))
        return float(np.clip(across, 0.7, 9.0) ** 2)


def _stations(canvas: _Canvas, plan: TreatmentPlan) -> Picture:
    fig, ax = canvas.start()
    xy = canvas.at(plan.positions_m)
    colors = np.array(STATION_COLORS)[plan.station % len(STATION_COLORS)]
    ax.scatter(*xy.T, s=canvas.dot(len(plan)), c=colors, linewidths=0)
    stations = list(dict.fromkeys(plan.station.tolist()))
    middles = np.array([np.median(xy[plan.station == s], axis=0) for s in stations])
    if len(stations) <= MOST_NAMED:  # the way of more is a tangle
        ax.plot(*middles.T, color=INK, lw=0.8, alpha=0.7)
    for number, (station, at) in enumerate(zip(stations, middles, strict=True)):
        if len(stations) <= MOST_NAMED or number in (0, len(stations) - 1):
            ax.text(
                *at, str(station), ha="center", va="center", fontsize=8.5, fontweight="bold",
                color=STATION_COLORS[station % len(STATION_COLORS)],
                bbox={"boxstyle": "circle,pad=0.22", "fc": "white", "ec": "none", "alpha": 0.85},
            )  # fmt: skip
    _scale_bar(ax, canvas.view)
    text = f"{len(plan)} spots in {len(stations)} stations, coloured by station, numbered in order."
    return png(fig, text)


def _order(canvas: _Canvas, plan: TreatmentPlan) -> Picture:
    seconds = np.zeros(len(plan))
    for group in plan.groups():
        seconds[group.first : group.end] = plan.not_before_us[group.first : group.end] * 1e-6
    norm = Normalize(0.0, max(float(seconds.max()), 1e-3))
    text = "Spots coloured by when they are fired, counted from the start of their station and pass."
    return _scatter(canvas, plan.positions_m, seconds, SEVERITY_MAP, norm, "s from the group's start", text)


def _heat(canvas: _Canvas, plan: TreatmentPlan) -> Picture:
    """The rise between the zones at its peak, each group by itself."""
    profile = HandpieceProfile.from_header(plan.header["profile"])
    heat = HeatModel(eta=profile.residual_heat[1], spot_um=profile.spot_um)
    rise = np.zeros(len(plan))
    for group in plan.groups():
        rows = slice(group.first, group.end)
        if group.end - group.first < 4:
            continue
        points = plan.positions_m[rows]
        near = cKDTree(points).query(points, k=2)[1][:, 1]
        uv = flatten(points)
        probes = 0.5 * (uv + uv[near])
        rise[rows] = mid_gap_heat(
            uv, plan.not_before_us[rows] * 1e-6, plan.energy_uj[rows] / 1e3,
            plan.depth_um[rows].astype(np.float64), probes, heat,
        ).peak_k  # fmt: skip
    norm = Normalize(0.0, max(float(np.percentile(rise, 99.5)), 1.0))
    text = (
        "Highest rise of temperature half way to the nearest zone, each station and pass by itself (model)."
    )
    return _scatter(canvas, plan.positions_m, rise, SEVERITY_MAP, norm, "K (model)", text)


def density_error(
    plan: TreatmentPlan,
    surface: SkinSurface,
    density_per_cm2: NDArray[np.float64],
    ball_m: float = EVEN_BALL_M,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return at each spot `(N,)` the relative error of the count in a ball around it against the integral of
    the prescribed density there, and whether the ball lies inside the region: at its rim it means little."""
    points = plan.positions_m
    low, high = points.min(axis=0) - 2 * ball_m, points.max(axis=0) + 2 * ball_m
    mesh = surface.mesh
    treated = np.asarray((density_per_cm2[mesh.faces] > 0).all(axis=1), np.bool_)
    part, old = mesh.submesh(treated)
    samples, area_cm2 = area_samples(part, low, high, 0.15 * ball_m)
    tree = cKDTree(part.vertices)
    mass = density_per_cm2[old][tree.query(samples)[1]] * area_cm2
    wanted = np.array([mass[i].sum() for i in cKDTree(samples).query_ball_point(points, ball_m)])
    got = cKDTree(points).query_ball_point(points, ball_m, return_length=True)
    rim = mesh.vertices[np.unique(mesh.faces[~treated & (density_per_cm2[mesh.faces] > 0).any(axis=1)])]
    inner = np.ones(len(points), np.bool_) if len(rim) == 0 else cKDTree(rim).query(points)[0] > 1.2 * ball_m
    return got / np.maximum(wanted, 1e-9) - 1.0, inner


def _evenness(
    canvas: _Canvas,
    plan: TreatmentPlan,
    surface: SkinSurface,
    density_per_cm2: NDArray[np.float64],
    no_fire_m: Floats,
) -> Picture:
    error, inner = density_error(plan, surface, density_per_cm2)
    if len(no_fire_m):
        inner &= cKDTree(no_fire_m).query(plan.positions_m)[0] > 1.2 * EVEN_BALL_M
    norm = TwoSlopeNorm(0.0, -100 * ERROR_SHOWN, 100 * ERROR_SHOWN)
    text = (
        f"Density error in balls of {EVEN_BALL_M * 1e3:g} mm on the skin; the region's rim is left out,"
        " seams between stations are not."
    )
    points = plan.positions_m[inner]
    return _scatter(canvas, points, 100 * error[inner], "RdBu_r", norm, "density error, %", text)


def _refused(
    canvas: _Canvas,
    plan: TreatmentPlan,
    refused_m: NDArray[np.floating],
    cause: NDArray[np.str_],
    areas: dict[str, Floats],
) -> Picture:
    """Spots one by one; what was left out before there were spots as areas, points `(K, 3)` [m] by cause."""
    fig, ax = canvas.start()
    size = canvas.dot(len(plan) + len(refused_m))
    patch = (1.6 * SHOWN_M / canvas.view.width_m * WIDTH_IN * 72.0) ** 2
    for name, place in areas.items():
        ax.scatter(*canvas.at(place).T, s=patch, c=CAUSE_COLORS[name], linewidths=0, marker="s")
    ax.scatter(*canvas.at(plan.positions_m).T, s=0.5 * size, c="#9aa5af", linewidths=0)
    handles = []
    for name in dict.fromkeys(sorted(cause.tolist())):
        mine = cause == name
        color = CAUSE_COLORS.get(name, "black")
        ax.scatter(*canvas.at(refused_m[mine]).T, s=max(size, 5.0), c=color, linewidths=0)
        label = f"{name}: {int(mine.sum())}"
        handles.append(Line2D([], [], marker="o", ls="", color=color, label=label))
    for name in areas:
        count = int((plan.header.get("refused") or {}).get(NO_FIRE, 0))
        label = f"{NO_FIRE}: room for {count}" if name == NO_FIRE else f"{name}: no spots"
        handles.append(Line2D([], [], marker="s", ls="", color=CAUSE_COLORS[name], label=label))
    ax.legend(handles=handles, loc="upper left", fontsize=9, frameon=True, framealpha=0.85, edgecolor="none")
    _scale_bar(ax, canvas.view)
    return png(fig, "Spots that are not planned, coloured by cause, over those that are.")


def _left_out(surface: SkinSurface | None, cause: NDArray[np.str_] | None) -> dict[str, Floats]:
    """Return points `(K, 3)` [m] by cause all over skin that got no spots before any were placed."""
    if surface is None or cause is None or np.shape(cause) != (len(surface.mesh.vertices),):
        return {}
    names = [name for name in np.unique(cause) if name in LEFT_OUT]
    return {str(name): surface.mesh.vertices[cause == name] for name in names}


def _scatter(
    canvas: _Canvas, points: Floats, values: Floats, cmap: Any, norm: Normalize, label: str, text: str
) -> Picture:
    fig, ax = canvas.start()
    order = np.argsort(np.abs(values), kind="stable")
    ax.scatter(
        *canvas.at(points)[order].T,
        s=canvas.dot(len(points)),
        c=values[order],
        cmap=cmap,
        norm=norm,
        linewidths=0,
    )
    _scale_bar(ax, canvas.view)
    _colorbar(fig, ax, cmap, norm, label, None)
    return png(fig, text)
