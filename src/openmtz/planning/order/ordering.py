"""Firing order within a station: candidates compared by the heat they leave between the zones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.planning.order.baselines import BASELINES
from openmtz.planning.order.checked_input import checked_spots
from openmtz.planning.order.head_orders import (
    ANNEALED,
    HOPPING,
    SWEEPS,
    TIME_ALLOWANCE,
    TRAVEL_ALLOWANCE,
    Head,
)
from openmtz.planning.order.head_timing import HeadTiming
from openmtz.planning.order.sweeps import MANY
from openmtz.tissue import Gaps, HeatModel, gaps, sample

CANDIDATES = ("raster", HOPPING, *SWEEPS)
"""Compared unless told otherwise. Raster, at the head's own pace, is the measure and is not chosen: made to
rest between neighbours it would take four times as long."""
FEW = 600
"""Up to so many spots are fired within about a second, before heat leaves: there sweeps alone are no better
than a few per cent at the 99th percentile, and annealing costs little."""
CANDIDATES_OF_FEW = ("raster", HOPPING, "sweeps_8", ANNEALED)
MOST_ANNEALED = 3_000
"""More spots are not annealed even by name: the distances of all gaps from all spots take 0.4 GiB there."""
CANDIDATES_OF_MANY = ("sweeps_12",)
"""Above so many spots a station takes half a minute and neighbours' heat is long gone: one candidate, so that
50,000 spots are ordered within a second."""
NAMES = (HOPPING, *SWEEPS, ANNEALED, *BASELINES)
"""All orders that may be asked for by name."""
TIME_SPARE_S = 0.03
"""So much longer is never too long: a hundredth of what the arm takes to the next station (engineering
default). 10 % of a station of 50 spots are less than one rest between neighbours."""
PROBES = (40, 600)
PROBES_TIMES_SPOTS = 500_000
"""Mid-gaps looked at per candidate: all of a small patch, fewer of many spots (engineering default)."""
NEIGHBOUR_PITCHES = 1.3


class FiringOrder(NamedTuple):
    """`order` `(N,)` rows in firing order; `not_before_s` `(N,)` in that order, never decreasing, from the
    first spot on; `name` of `NAMES`; `omega` (95th percentile) and `rise_k` (99th) at the mid-gaps by the
    heat model, `compared` (name, Omega, K, s) of all candidates."""

    order: NDArray[np.int64]
    not_before_s: NDArray[np.float64]
    name: str
    omega: float
    rise_k: float
    compared: tuple[tuple[str, float, float, float], ...]


def firing_order(
    positions_m: ArrayLike,
    energy_mj: ArrayLike,
    depth_um: ArrayLike,
    timing: HeadTiming | None = None,
    heat: HeatModel | None = None,
    *,
    only: str | None = None,
    candidates: Sequence[str] | None = None,
    omega_limit: float | None = None,
    effort: float = 1.0,
) -> FiringOrder:
    """Choose the order of spots `(N, 3)` [m] with `(N,)` energies [mJ] and depths [um]: least damage between
    zones.

    Neighbours (within 1.3 mean pitches) never follow each other faster than `heat.revisit_s`. Among the
    candidates that take at most 10 % (or 30 ms) longer and travel at most 4 times as far as boustrophedon,
    and whose 99th percentile of the rise is no higher than raster's, the one with the least damage Omega
    wins. The same input gives the same order, to the bit.

    Args:
        timing: of the head, `HeadTiming.of(profile)`. heat: tissue; give it the upper eta to rank with care.
        only: take this one of `NAMES` without comparing; `omega` and `rise_k` are then 0.
        candidates: compare these of `NAMES` instead of `CANDIDATES`.
        omega_limit: stretch `not_before_s` evenly until the predicted Omega is no more than this, or by 120 s
            in all; `omega` of the result says which.
        effort: 0 to 1, share of the annealing that stations of up to 600 spots get (1 to 3 ms of CPU per
            spot at 1, 0.1 to 0.4 ms at 0.05): less where a plan has many of them, none at 0.

    Raises:
        ValueError: lengths that do not match, numbers that are none, spots at the same place, an unknown
        order.
    """
    points, energy, depth = checked_spots(positions_m, energy_mj, depth_um)
    timing, heat = timing or HeadTiming(), heat or HeatModel()
    chosen = _names(only, candidates, len(points), effort)
    if ANNEALED in chosen and len(points) > MOST_ANNEALED:
        raise ValueError(
            f"{len(points)} spots are too many to anneal, {MOST_ANNEALED} at most: ask for 'sweeps_12',"
            " or for each station by itself"
        )
    if omega_limit is not None and not omega_limit > 0:
        raise ValueError(f"omega_limit must be positive, got {omega_limit!r}")
    if not 0.0 <= effort <= 1.0:
        raise ValueError(f"effort is a share, 0 to 1, got {effort!r}")
    if len(points) < 2:
        return FiringOrder(np.arange(len(points)), np.zeros(len(points)), chosen[0], 0.0, 0.0, ())
    uv = flatten(points)
    found = gaps(uv)
    pitch = _pitch_m(uv, found)
    pairs = cKDTree(uv).query_pairs(NEIGHBOUR_PITCHES * pitch, output_type="ndarray")
    head = Head(uv, energy, depth, found, pitch, pairs, timing, heat, effort)
    orders = {name: head.order(name) for name in chosen}
    rest = heat.revisit_s
    times = {
        name: head.times(orders[name], 0.0 if name == "raster" and only is None else rest) for name in chosen
    }
    if ANNEALED in chosen:
        times[ANNEALED] = head.times(orders[ANNEALED], rest, head.to_spare_s(times[ANNEALED]))
    if only is not None and omega_limit is None:
        return FiringOrder(orders[only], times[only], only, 0.0, 0.0, ())
    most = int(np.clip(PROBES_TIMES_SPOTS // len(uv), *PROBES))
    probes = sample(found.middle, most)
    rated = {name: head.rate(orders[name], times[name], probes) for name in chosen}
    compared = tuple((name, *rated[name], float(times[name][-1])) for name in chosen)
    name = _best(compared, {name: head.travel_m(orders[name]) for name in chosen}, head.reference())
    omega, rise = rated[name]
    at = times[name]
    if omega_limit is not None and omega > omega_limit:
        at, (omega, rise) = head.stretched(orders[name], probes, omega_limit)
    return FiringOrder(orders[name], at, name, omega, rise, compared)


def flatten(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(N, 2)` coordinates [m] in the plane of the two widest principal axes, signs fixed, to 1 nm."""
    centred = points_m - points_m.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, [2, 1]]
    axes = axes * np.where(axes[np.argmax(np.abs(axes), axis=0), [0, 1]] < 0, -1.0, 1.0)
    return np.round(centred @ axes, 9)


def _best(
    compared: tuple[tuple[str, float, float, float], ...],
    travel_m: dict[str, float],
    reference: tuple[float, float],
) -> str:
    """Return the order with the least Omega of those that are no hotter than raster, short and quick enough;
    each condition is dropped where none is left."""
    rows = list(compared)
    raster = next((row for row in rows if row[0] == "raster"), None)
    if len(rows) > 1:
        rows = [row for row in rows if row is not raster]
    for good in (
        [row for row in rows if row[3] <= max(TIME_ALLOWANCE * reference[1], reference[1] + TIME_SPARE_S)],
        [row for row in rows if travel_m[row[0]] <= TRAVEL_ALLOWANCE * reference[0]],
        [row for row in rows if raster is None or row[2] <= raster[2]],
    ):
        rows = [row for row in rows if row in good] or rows
    # three digits: no choice by the noise of a sum
    return min(rows, key=lambda row: (float(f"{row[1]:.3g}"), row[3]))[0]


def _names(only: str | None, candidates: Sequence[str] | None, count: int, effort: float) -> tuple[str, ...]:
    if only is not None:
        wanted: tuple[str, ...] = (only,)
    elif candidates is not None:
        wanted = tuple(candidates)
    else:
        wanted = CANDIDATES if count <= MANY else CANDIDATES_OF_MANY
        wanted = CANDIDATES_OF_FEW if count <= FEW and effort > 0.0 else wanted
    for name in wanted:
        if name not in NAMES:
            raise ValueError(f"unknown order {name!r}; valid: {', '.join(NAMES)}")
    if not wanted:
        raise ValueError(f"no order to choose from; valid: {', '.join(NAMES)}")
    return wanted


def _pitch_m(uv: NDArray[np.float64], found: Gaps) -> float:
    """Return the mean hexagonal pitch [m]: a gap is half a spot's share of the plane, sqrt(3)/4 pitch^2."""
    if len(found.corners) == 0:
        return float(np.median(cKDTree(uv).query(uv, k=2)[0][:, 1]))
    area = np.median(found.area_m2)
    return float(np.sqrt(4.0 * area / np.sqrt(3.0)))
