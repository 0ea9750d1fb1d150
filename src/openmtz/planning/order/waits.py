"""How long each firing group waits: the delay between passes, longer where the skin is still warm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.planning.order.pauses import SHARED_M, Group, group_pauses
from openmtz.tissue import HeatModel

BETWEEN_PASSES_S = 10.0
"""Least time between two passes over the same skin: >= 10 s (domain facts, section 3 [D/M])."""
LONGER_S = (30.0, 60.0, 120.0)
"""Tried in turn where that leaves the skin too warm: 30-120 s is conservative (domain facts, section 3
[D/M])."""
WARMER = 2.0
"""Omega may be this many times what the longest wait gives: by Henriques' Ea/R of 75,000 K (domain facts [M])
twice at 330 K is 1 K of heat left. Relative, for the residual heat is too uncertain for absolute numbers."""
HARMLESS_OMEGA = 0.01
"""Below it one cell in a hundred is damaged, Omega = 1 being 63 % [M]: no wait is worth it. Engineering
default."""
ANY = 1e300
"""No target: `group_pauses` then tells Omega at the waits given."""


def group_waits(
    groups: Sequence[Group], pass_index: Sequence[int], heat: HeatModel | None = None
) -> list[float]:
    """Return the wait [s] before each group in firing order, from the last shot of the group before it.

    Groups of the first pass wait for nothing: the arm's motion between stations is longer than what heat
    needs across a seam. A group of a later pass starts `BETWEEN_PASSES_S` or more after the last shot of
    every group of an earlier pass over the same skin; time in which other groups are fired counts, the arm's
    motion comes on top. Where Omega is then more than `WARMER` times that after the longest wait, it waits
    longer.

    Raises:
        ValueError: numbers that do not match or are none.
    """
    if len(pass_index) != len(groups):
        raise ValueError(f"{len(pass_index)} pass numbers for {len(groups)} groups: must match")
    number = np.asarray(pass_index, np.int64)
    later = number > number.min(initial=0)
    if not later.any():
        return [0.0] * len(groups)
    wait = _between_passes(groups, number)
    coolest = _omega(groups, np.where(later, LONGER_S[-1], wait), heat)
    for longer in LONGER_S:
        omega = _omega(groups, wait, heat)
        warm = later & (omega > np.maximum(HARMLESS_OMEGA, WARMER * coolest)) & (wait < longer)
        if not warm.any():
            break
        wait[warm] = longer
    return [float(w) for w in np.ceil(wait * 1e3) / 1e3]


def _omega(groups: Sequence[Group], wait: NDArray[np.float64], heat: HeatModel | None) -> NDArray[np.float64]:
    return group_pauses(groups, heat, omega_limit=ANY, least_s=wait).omega


def _between_passes(groups: Sequence[Group], number: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the least waits `(G,)` [s], on the clock of the fastest firing there can be."""
    wait, ends = np.zeros(len(groups)), np.zeros(len(groups))
    now = 0.0
    trees = [cKDTree(group.positions_m) for group in groups]
    for k, group in enumerate(groups):
        for earlier in np.flatnonzero(number[:k] < number[k]):
            if trees[k].count_neighbors(trees[earlier], SHARED_M):
                wait[k] = max(wait[k], ends[earlier] + BETWEEN_PASSES_S - now)
        ends[k] = now = now + wait[k] + float(group.fired_at_s.max(initial=0.0))
    return wait
