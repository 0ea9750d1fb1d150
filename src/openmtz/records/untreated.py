"""Skin of the region that gets no spots, as it is marked in pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Patch
from numpy.typing import NDArray

from openmtz.records.render import Raster

UNTREATED = "#f59e0b"
WANTED = ("no-fire-volume", "feathered")
"""Left out because the operator wanted it so: not marked."""


def to_mark(
    cause: NDArray[np.str_] | None, severity: NDArray[np.floating] | None, count: int
) -> NDArray[np.str_]:
    """Return `(V,)` the cause of each vertex to mark, empty elsewhere.

    `cause` `(V,)` as in a plan's `untreated_cause`; None or of another length than `count`: nothing to mark.
    Where the indication prescribed nothing, only lesions (`severity` `(V,)` above 0) are marked.
    """
    if cause is None or np.shape(cause) != (count,):
        return np.full(count, "", "<U24")
    marked = np.where(np.isin(cause, WANTED), "", cause)
    affected = np.zeros(count, bool)
    if severity is not None and np.shape(severity) == (count,):
        affected = np.asarray(severity) > 0.0
    return np.where((marked == "not-prescribed") & ~affected, "", marked)


def mark_untreated(ax: Any, raster: Raster, marked: NDArray[np.str_]) -> bool:
    """Hatch what gets no spots, vertices `(V,)` with a cause; return whether there was any to be seen."""
    field = raster.image(raster.field((marked != "").astype(np.float64)))
    if not (field > 0.5).any():
        return False
    left, right, bottom, top = raster.view.extent_mm
    rows, columns = raster.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = top - (np.arange(rows) + 0.5) * (top - bottom) / rows
    ax.contourf(x, y, field, [0.5, 2.0], colors=[UNTREATED], alpha=0.35)
    ax.contourf(x, y, field, [0.5, 2.0], colors="none", hatches=["////"])
    ax.contour(x, y, field, [0.5], colors=[UNTREATED], linewidths=1.4)
    causes = ", ".join(np.unique(marked[marked != ""]))
    patch = Patch(facecolor=UNTREATED, alpha=0.6, hatch="////", label=f"no spots: {causes}")
    ax.legend(handles=[patch], loc="upper left", fontsize=9, framealpha=0.85, frameon=True, edgecolor="none")
    return True
