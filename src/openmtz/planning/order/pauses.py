"""Pauses between groups (a station's spots of one pass), so that one does not heat what another has just
heated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.planning.order.head_orders import LONGEST_WAIT_S, rank_values
from openmtz.planning.order.ordering import flatten
from openmtz.tissue import HeatModel, gaps, mid_gap_heat, sample

INFLUENCE_M = 0.005
"""Spots farther than this from a group warm it evenly and little: 0.5 s diffusion length is 0.45 mm, that of
60 s 4.9 mm (sqrt(4 a t), a = 0.1 mm2/s [D])."""
SHARED_M = 0.001
"""A mid-gap with spots of both groups this near is shared: heat comes 1 mm far in 2.5 s, r^2/4a [D]."""
PROBES = 64
HALVINGS = 7
"""120 s halved 7 times: the wait is known to a second (engineering default)."""
NO_MORE = 1.05
"""Where no wait reaches the target: Omega within 5 % of what the longest wait gives is as good."""


class Group(NamedTuple):
    """Spots fired from one station in one pass: `positions_m` `(N, 3)` [m]; `fired_at_s` `(N,)` [s] from the
    group's start, row for row; `energy_mj`, `depth_um` `(N,)`."""

    positions_m: NDArray[np.float64]
    fired_at_s: NDArray[np.float64]
    energy_mj: NDArray[np.float64]
    depth_um: NDArray[np.float64]


class GroupPauses(NamedTuple):
    """Per group `(G,)`: `wait_s` [s] from the last shot of the group before to its first shot; `omega` at the
    mid-gaps it shares with earlier groups (95th percentile), 0 where it shares none; `within` the target."""

    wait_s: NDArray[np.float64]
    omega: NDArray[np.float64]
    within: NDArray[np.bool_]


def group_pauses(
    groups: Sequence[Group],
    heat: HeatModel | None = None,
    *,
    omega_limit: float,
    least_s: ArrayLike = 0.0,
) -> GroupPauses:
    """Return how long to wait before each group, so that Omega of all of them together stays within the
    target.

    Taken in the order given, each group waits just as long as it must for the heat of the earlier ones within
    5 mm. Where no wait helps, as each group alone is beyond the target, it waits until waiting longer changes
    nothing, and says so (`within`).

    Args:
        omega_limit: the target, 95th percentile over the mid-gaps of the union.
        least_s: scalar or `(G,)` [s]: the arm's motion between stations, or the delay between passes (10 s or
            more; 30-120 s conservative [D/M]).

    Raises:
        ValueError: no positive limit, waits or groups whose numbers do not match or are none.
    """
    heat = heat or HeatModel()
    if not omega_limit > 0:
        raise ValueError(f"omega_limit must be positive, got {omega_limit!r}")
    count = len(groups)
    least = np.broadcast_to(np.asarray(least_s, np.float64), (count,))
    if not (np.isfinite(least).all() and (least >= 0).all()):
        raise ValueError("least_s [s] must be finite and not negative")
    for number, group in enumerate(groups):
        _check(number, group)
    wait, omega, within = np.zeros(count), np.zeros(count), np.ones(count, np.bool_)
    ends = 0.0
    done: list[tuple[Group, float]] = []
    for number, group in enumerate(groups):
        if number:
            wait[number], omega[number], within[number] = _wait(
                done, group, ends, float(least[number]), heat, omega_limit
            )
        start = ends + wait[number]
        if len(group.fired_at_s):
            done.append((group, start))
            ends = start + float(group.fired_at_s.max())
    return GroupPauses(wait, omega, within)


def _wait(
    done: list[tuple[Group, float]], group: Group, ends: float, least: float, heat: HeatModel, limit: float
) -> tuple[float, float, bool]:
    shared = [_near(earlier, start, group) for earlier, start in done]
    old = Group(*(np.concatenate([part[k] for part in shared]) for k in range(4))) if shared else None
    if old is None or len(old.fired_at_s) == 0 or len(group.fired_at_s) == 0:
        return least, 0.0, True
    new_near = cKDTree(old.positions_m).query(group.positions_m, distance_upper_bound=2.0 * INFLUENCE_M)[0]
    new = Group(*(column[np.isfinite(new_near)] for column in group))
    uv = flatten(np.concatenate([old.positions_m, new.positions_m]))
    energy = np.concatenate([old.energy_mj, new.energy_mj])
    depth = np.concatenate([old.depth_um, new.depth_um])
    found = gaps(uv)
    is_new = np.arange(len(uv)) >= len(old.fired_at_s)
    farther = np.maximum(*(cKDTree(uv[rows]).query(found.middle)[0] for rows in (is_new, ~is_new)))
    probes = sample(found.middle[farther < SHARED_M], PROBES)
    if len(probes) == 0:
        return least, 0.0, True

    def omega_after(wait: float) -> float:
        fired = np.concatenate([old.fired_at_s, ends + wait + new.fired_at_s])
        return rank_values(mid_gap_heat(uv, fired, energy, depth, probes, heat))[0]

    now = omega_after(least)
    if now <= limit:
        return least, now, True
    longest = max(least, LONGEST_WAIT_S)
    final = omega_after(longest)
    target = max(limit, NO_MORE * final)
    low, high, value = least, longest, final
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        got = omega_after(middle)
        if got > target:
            low = middle
        else:
            high, value = middle, got
    return high, value, value <= limit


def _near(earlier: Group, start: float, group: Group) -> Group:
    """Return the earlier spots within reach of the group, with the time on the common clock."""
    if len(group.fired_at_s) == 0:
        return Group(*(column[:0] for column in earlier))
    away = cKDTree(group.positions_m).query(earlier.positions_m, distance_upper_bound=INFLUENCE_M)[0]
    kept = np.isfinite(away)
    return Group(
        earlier.positions_m[kept],
        earlier.fired_at_s[kept] + start,
        earlier.energy_mj[kept],
        earlier.depth_um[kept],
    )


def _check(number: int, group: Group) -> None:
    count = len(group.fired_at_s)
    if group.positions_m.shape != (count, 3) or not all(len(column) == count for column in group):
        raise ValueError(
            f"group {number}: positions {group.positions_m.shape} must be (N, 3), and times, energies"
            f" and depths (N,) = ({count},)"
        )
    for name, column in zip(Group._fields, group, strict=True):
        if not np.isfinite(column).all():
            raise ValueError(f"group {number}: {name} must be finite")
