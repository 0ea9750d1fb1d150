"""Charts of a delivery: where the shots landed, how far from the limits, what was prescribed."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from openmtz.records.render import Floats
from openmtz.records.run_data import RunData
from openmtz.records.style import INK, LINE, SOFT, STATION_COLORS, STYLE, Picture, png


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
        ax.add_patch(Circle((0, 0), limit, fill=False, ec="#b91c1c", lw=1.2, ls=(0, (5, 3))))
        ax.text(
            0,
            limit,
            f"limit {limit:.2g} mm",
            ha="center",
            va="center",
            fontsize=9,
            color="#b91c1c",
            bbox={"fc": "white", "ec": "none", "pad": 1.5},
        )
        ax.axhline(0, color=LINE, lw=0.8, zorder=0)
        ax.axvline(0, color=LINE, lw=0.8, zorder=0)
        colors = np.array(STATION_COLORS)[station % len(STATION_COLORS)]
        ax.scatter(offset[:, 0], offset[:, 1], s=7, c=colors, alpha=0.55, lw=0, rasterized=True)
        ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
        ax.axis("off")
        return png(fig, "Lateral miss of every shot in millimetres, as seen looking at the skin.")


def draw_deliveries(data: RunData) -> Picture:
    """Distributions against their limits: miss, focus, incidence, energy."""
    check, plan = data.verification, data.plan
    assert check is not None and plan is not None
    profile = plan.header.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    focus_mm = float(profile.get("depth_of_focus_m", 4e-4)) * 1e3
    ratio = 100 * check.energy_mj / np.maximum(check.emissions, 1) / (plan.energy_uj / 1e3) - 100
    good, worst = (
        np.rad2deg(float(profile.get(k, d)))
        for k, d in (("incidence_good_rad", 0.2618), ("incidence_limit_rad", 0.5236))
    )
    panels: list[tuple[str, Floats, list[float], tuple[float, float] | None]] = []
    if check.by_truth:
        miss_limit = check.tolerance_m * 1e3
        panels.append(
            ("miss from the planned place, mm", check.miss_m * 1e3, [miss_limit], (0, 1.1 * miss_limit))
        )
    panels.append(("energy against the plan, %", ratio, [-20, 20], (-23, 23)))
    if check.by_truth:
        panels.append(
            (
                "skin out of focus by, mm",
                check.defocus_m * 1e3,
                [-focus_mm, focus_mm],
                (-1.3 * focus_mm, 1.3 * focus_mm),
            )
        )
        panels.append(
            (
                "tilt of the skin to the beam, °",
                np.rad2deg(check.incidence_rad),
                [good, worst],
                (0, worst + 2),
            )
        )
    with matplotlib.rc_context(STYLE):
        rows = -(-len(panels) // 2)
        fig = Figure(figsize=(5.0, 4.6 if rows > 1 else 2.6), layout="constrained")
        axes = fig.subplots(rows, 2 if len(panels) > 1 else 1, squeeze=False).ravel()
        for ax, (title, values, limits, span) in zip(axes, panels, strict=True):
            _histogram(ax, title, values[np.isfinite(values)], limits, span)
        return png(fig, "Distributions of miss, energy, focus and incidence of the delivered spots.")


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
    """One distribution with its median and its limits; values beyond `span` count in the last bar."""
    if span is None:
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        pad = max(0.06 * (high - low), 0.03 * max(abs(high), 1e-9))
        span = (low - pad, high + pad)
    inside = np.clip(values, *span)
    ax.hist(inside, bins=28, range=span, color="#23918f", edgecolor="white", linewidth=0.4)
    for limit in limits:
        ax.axvline(limit, color="#b91c1c", lw=1.1, ls=(0, (4, 3)))
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
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(title, color=INK)
