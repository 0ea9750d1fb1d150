"""Charts of a delivery: where the shots landed, how far from the limits, what was prescribed."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from openmtz.records.render import Floats
from openmtz.records.run_data import RunData
from openmtz.records.style import INK, LINE, RED, SOFT, STATION_COLORS, STYLE, Picture, png


def draw_aim(data: RunData) -> Picture:
    """Where each shot landed, relative to its planned place, in the plane of the skin."""
    check, plan = data.verification, data.plan
    assert check is not None and plan is not None
    known = np.isfinite(check.offset_m[:, 0])
    offset = check.offset_m[known, :2] * 1e3
    station = plan.station[known]
    limit = check.tolerance_m * 1e3
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(5.0, 4.6), layout="constrained")
        ax = fig.subplots()
        half = max(limit * 1.12, float(np.abs(offset).max(initial=0)) * 1.05)
        half = min(half, 6 * limit)
        for radius in np.arange(0.1, limit - 0.05, 0.1) if half < 1.6 * limit else ():
            ax.add_patch(Circle((0, 0), radius, fill=False, ec=LINE, lw=0.8))
            ax.text(
                0,
                radius,
                f"{radius:.1f}",
                ha="center",
                va="center",
                fontsize=8,
                color=SOFT,
                bbox={"fc": "white", "ec": "none", "pad": 0.8},
            )
        ax.add_patch(Circle((0, 0), limit, fill=False, ec=RED, lw=1.2, ls=(0, (5, 3))))
        ax.text(
            0,
            limit,
            f"limit {limit:.2g} mm",
            ha="center",
            va="center",
            fontsize=9,
            color=RED,
            bbox={"fc": "white", "ec": "none", "pad": 1.5},
        )
        ax.axhline(0, color=LINE, lw=0.8, zorder=0)
        ax.axvline(0, color=LINE, lw=0.8, zorder=0)
        colors = np.array(STATION_COLORS)[station % len(STATION_COLORS)]
        ax.scatter(offset[:, 0], offset[:, 1], s=7, c=colors, alpha=0.55, lw=0, rasterized=True)
        ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
        ax.axis("off")
        return png(fig, "Lateral miss of every shot in millimetres, as seen looking at the skin.")


class Panel(NamedTuple):
    """One distribution: `values` `(N,)`, the `limits` drawn, the `least` span of its axis."""

    title: str
    values: Floats
    limits: tuple[float, ...]
    least: tuple[float, float]


def draw_deliveries(data: RunData) -> Picture:
    """Distributions against their limits: miss, focus, incidence, energy."""
    panels = delivery_panels(data)
    with matplotlib.rc_context(STYLE):
        rows = -(-len(panels) // 2)
        fig = Figure(figsize=(5.0, 4.6 if rows > 1 else 2.6), layout="constrained")
        axes = fig.subplots(rows, 2 if len(panels) > 1 else 1, squeeze=False).ravel()
        for ax, panel in zip(axes, panels, strict=True):
            known = panel.values[np.isfinite(panel.values)]
            _histogram(ax, panel.title, known, list(panel.limits), span_of(known, panel.least))
        return png(fig, "Distributions of miss, energy, focus and incidence of the delivered spots.")


def delivery_panels(data: RunData) -> list[Panel]:
    """Return what `draw_deliveries` shows: limits that are judged, and none that is not."""
    check, plan = data.verification, data.plan
    assert check is not None and plan is not None
    ratio = 100 * check.energy_mj / np.maximum(check.emissions, 1) / (plan.energy_uj / 1e3) - 100
    energy = Panel("energy against the plan, %", ratio, (-20, 20), (-23, 23))
    if not check.by_truth:
        return [energy]
    most = check.tolerance_m * 1e3
    tilt, focus = check.met
    return [
        Panel("miss from the planned place, mm", check.miss_m * 1e3, (most,), (0, 1.1 * most)),
        energy,
        Panel(
            "skin out of focus by, mm",
            check.defocus_m * 1e3,
            (-focus.limit, focus.limit) if np.isfinite(focus.limit) else (),
            (-1.1 * min(focus.limit, 1.0), 1.1 * min(focus.limit, 1.0)),
        ),
        Panel(
            "tilt of the true skin, °", np.rad2deg(check.incidence_rad), (tilt.limit,), (0, 1.1 * tilt.limit)
        ),
    ]


def span_of(values: Floats, least: tuple[float, float]) -> tuple[float, float]:
    """Return the axis that shows every value and at least `least`: no bar stands for what lies beyond it."""
    if len(values) == 0:
        return least
    pad = 0.03 * (max(float(values.max()), least[1]) - min(float(values.min()), least[0]))
    low = least[0] if values.min() >= least[0] else float(values.min()) - pad
    high = least[1] if values.max() <= least[1] else float(values.max()) + pad
    return low, high


def draw_prescription(data: RunData) -> Picture:
    """Energy and predicted depth of the planned spots."""
    assert data.plan is not None
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(5.0, 4.6), layout="constrained")
        energy, depth = fig.subplots(2, 1)
        _histogram(energy, "energy per spot, mJ", data.plan.energy_uj / 1e3, [], None)
        _histogram(depth, "predicted ablation depth, µm", data.plan.depth_um.astype(float), [], None)
        return png(fig, "Planned pulse energies and predicted ablation depths.")


def _histogram(
    ax: Axes, title: str, values: Floats, limits: list[float], span: tuple[float, float] | None
) -> None:
    """One distribution over `span`, which holds all values, with its median and its limits."""
    if span is None:
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        pad = max(0.06 * (high - low), 0.03 * max(abs(high), 1e-9))
        span = (low - pad, high + pad)
    ax.hist(values, bins=28, range=span, color="#23918f", edgecolor="white", linewidth=0.4)
    for limit in limits:
        ax.axvline(limit, color=RED, lw=1.1, ls=(0, (4, 3)))
    if len(values):
        median = float(np.median(values))
        ax.axvline(median, color=INK, lw=1.1)
        top = ax.get_ylim()[1]
        late = median > (span[0] + span[1]) / 2
        ax.annotate(
            f"median {median:.{2 if abs(median) < 10 else 3}g}",
            (median, top * 0.985),
            xytext=(-4 if late else 4, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="top",
            fontsize=9.5,
            bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.75},
        )
    ax.set_xlim(*span)
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.tick_params(axis="y", length=2, labelsize=8)
    ax.set_ylabel("spots", fontsize=8.5, labelpad=2)
    ax.set_xlabel(title, color=INK)
