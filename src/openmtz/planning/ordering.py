"""Firing order within a station: candidates compared by the heat they leave between the zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.optics import HandpieceProfile
from openmtz.planning.heat import HeatModel, mid_gaps, rank_values

CANDIDATES = ("raster", "interleaved_2", "interleaved_3", "interleaved_4", "random")
"""Raster and random are baselines; they win only where the heat model says so."""
TIME_ALLOWANCE = 1.10
"""An order may take this much longer than the quickest."""


@dataclass(frozen=True)
class HeadTiming:
    """When the head can fire: jump + settle by optical angle, then the pulse (see `HandpieceProfile`)."""

    settle_us: float = 1000.0
    slew_us_per_rad: float = 10000.0
    throw_m: float = 0.150
    power_w: float = 25.0

    @classmethod
    def of(cls, profile: HandpieceProfile) -> HeadTiming:
        """Return the timing of a profile."""
        return cls(profile.settle_us, profile.slew_us_per_rad, profile.focus_distance_m, profile.power_w)


class FiringOrder(NamedTuple):
    """`order` `(N,)` rows in firing order; `not_before_s` `(N,)` in that order, from the first spot on;
    `name` of `CANDIDATES`; `omega` and `rise_k` of the heat model, `compared` (name, Omega, K, s) of all."""

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
) -> FiringOrder:
    """Choose the order of spots `(N, 3)` [m] with `(N,)` energies [mJ] and depths [um].

    Neighbours (within 1.3 mean pitches) never follow each other faster than `heat.revisit_s`. Among
    orders that take at most 10 % longer than the quickest, the one with the least damage Omega wins.

    Args:
        only: take this one of `CANDIDATES` without comparing.

    Raises:
        ValueError: lengths that do not match, or an unknown order.
    """
    points = np.asarray(positions_m, np.float64).reshape(-1, 3)
    energy = np.asarray(energy_mj, np.float64)
    depth = np.asarray(depth_um, np.float64)
    if energy.shape != (len(points),) or depth.shape != (len(points),):
        raise ValueError(f"energy {energy.shape} and depth {depth.shape} must be ({len(points)},)")
    if only is not None and only not in CANDIDATES:
        raise ValueError(f"unknown order {only!r}; valid: {', '.join(CANDIDATES)}")
    timing, heat = timing or HeadTiming(), heat or HeatModel()
    if len(points) < 2:
        return FiringOrder(np.arange(len(points)), np.zeros(len(points)), only or "raster", 0.0, 0.0, ())
    uv = _flatten(points)
    pitch = float(np.median(cKDTree(uv).query(uv, k=2)[0][:, 1]))
    pairs = cKDTree(uv).query_pairs(1.3 * pitch, output_type="ndarray")
    names = CANDIDATES if only is None else (only,)
    orders = {name: _order(name, uv, pitch) for name in names}
    times = {name: _timeline(uv, energy, orders[name], pairs, timing, heat) for name in names}
    probes = mid_gaps(uv) if only is None else uv[:0]
    compared = []
    for name in names:
        fired_at = np.empty(len(uv))
        fired_at[orders[name]] = times[name]
        omega, rise = rank_values(uv, probes, fired_at, energy, depth, heat)
        compared.append((name, omega, rise, float(times[name][-1])))
    quickest = min(row[3] for row in compared)
    allowed = [row for row in compared if row[3] <= TIME_ALLOWANCE * quickest]
    best = min(allowed, key=lambda row: (float(f"{row[1]:.3g}"), row[3]))
    return FiringOrder(orders[best[0]], times[best[0]], best[0], best[1], best[2], tuple(compared))


def _flatten(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(N, 2)` coordinates in the plane of the two widest principal axes, signs fixed."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, [2, 1]]
    axes = axes * np.where(axes[np.argmax(np.abs(axes), axis=0), [0, 1]] < 0, -1.0, 1.0)
    return np.round(centred @ axes, 9)


def _order(name: str, uv: NDArray[np.float64], pitch: float) -> NDArray[np.int64]:
    if name == "random":
        return np.random.default_rng(0).permutation(len(uv))
    if name == "raster":
        return _serpentine(uv, pitch)
    sides = int(name.rsplit("_", 1)[1])
    fine = np.floor((uv - uv.min(axis=0)) / pitch).astype(np.int64)
    phase = _SPREAD[sides][fine[:, 0] % sides, fine[:, 1] % sides]
    cell = fine // sides
    key = (cell[:, 0] * 100_003 + cell[:, 1]) * 64 + phase
    by_key = np.argsort(key, kind="stable")
    repeat = np.zeros(len(uv), np.int64)  # a second spot in the same small square waits for an extra sweep
    same = np.concatenate([[False], key[by_key][1:] == key[by_key][:-1]])
    repeat[by_key[same]] = 1
    sweep = phase + sides * sides * repeat
    parts = []
    for number in np.unique(sweep):
        rows = np.flatnonzero(sweep == number)
        parts.append(rows[_serpentine(uv[rows], pitch * sides)])
    return np.concatenate(parts)


_SPREAD = {
    2: np.array([[0, 2], [3, 1]]),
    3: np.array([[0, 5, 7], [3, 8, 1], [6, 2, 4]]),
    4: np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]),
}
"""Order of the squares of a k x k block, following ones far apart (2 and 4: Bayer)."""


def _serpentine(uv: NDArray[np.float64], width: float) -> NDArray[np.int64]:
    row = np.floor((uv[:, 1] - uv[:, 1].min()) / width).astype(np.int64)
    along = np.where(row % 2 == 0, uv[:, 0], -uv[:, 0])
    return np.lexsort((along, row))


def _timeline(
    uv: NDArray[np.float64],
    energy_mj: NDArray[np.float64],
    order: NDArray[np.int64],
    pairs: NDArray[np.int64],
    timing: HeadTiming,
    heat: HeatModel,
) -> NDArray[np.float64]:
    """Return the earliest start `(N,)` [s] of each spot in firing order: jumps, pulses, neighbours' rest."""
    count = len(order)
    step = np.linalg.norm(np.diff(uv[order], axis=0), axis=1) / timing.throw_m
    jump = (timing.settle_us + timing.slew_us_per_rad * step) * 1e-6
    pulse = energy_mj[order] * 1e-3 / timing.power_w
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    first, second = np.sort(rank[pairs], axis=1).T if len(pairs) else (np.zeros(0, int), np.zeros(0, int))
    by_second = np.argsort(second, kind="stable")
    first, second = first[by_second], second[by_second]
    bounds = np.searchsorted(second, np.arange(count + 1))
    times = np.zeros(count)
    for k in range(1, count):
        start = times[k - 1] + pulse[k - 1] + jump[k - 1]
        earlier = first[bounds[k] : bounds[k + 1]]
        if len(earlier):
            start = max(start, float(times[earlier].max()) + heat.revisit_s)
        times[k] = start
    return times
