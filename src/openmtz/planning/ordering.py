"""Firing order within a station: candidates compared by the heat they leave between the zones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from openmtz.planning import _order_kernels as kernels
from openmtz.planning.head_timing import HeadTiming
from openmtz.planning.order_baselines import BASELINES, boustrophedon
from openmtz.planning.order_input import checked_spots
from openmtz.planning.order_sweeps import MANY, sweeps_order
from openmtz.tissue.heat import HeatModel, MidGapHeat, mid_gap_heat
from openmtz.tissue.mid_gaps import Gaps, gaps, sample

SWEEPS = {"sweeps_6": 6, "sweeps_8": 8, "sweeps_12": 12}
"""More sweeps than 12 travel more than 4 times as far as boustrophedon; on few spots, or a narrow strip of
them, 8 may too, as the way back to the first row counts: then 6 do not."""
HOPPING = "hopping"
"""Boustrophedon that skips spots and comes back to them while their neighbours rest: the order for stations
so small that they are fired before heat moves."""
CANDIDATES = ("raster", HOPPING, *SWEEPS)
"""Compared unless told otherwise. Raster, at the head's own pace, is the measure and is not chosen: made to
rest between neighbours it would take four times as long."""
CANDIDATES_OF_MANY = ("sweeps_12",)
"""Above so many spots a station takes half a minute and neighbours' heat is long gone: one candidate, so that
50,000 spots are ordered within a second."""
NAMES = (HOPPING, *SWEEPS, *BASELINES)
"""All orders that may be asked for by name."""
TIME_ALLOWANCE = 1.10
TRAVEL_ALLOWANCE = 4.0
"""An order may take this many times as long, and travel as far, as boustrophedon without any wait."""
TIME_SPARE_S = 0.03
"""So much longer is never too long: a hundredth of what the arm takes to the next station (engineering
default). 10 % of a station of 50 spots are less than one rest between neighbours."""
PROBES = (40, 600)
PROBES_TIMES_SPOTS = 500_000
"""Mid-gaps looked at per candidate: all of a small patch, fewer of many spots (engineering default)."""
NEIGHBOUR_PITCHES = 1.3
AHEAD = 12
"""Spots of a sweep that may be put off together until their neighbours have rested (engineering default:
twice the five shots that 9 ms take)."""
LONGEST_WAIT_S = 120.0
"""Waiting longer for heat to leave is no order any more: 30-120 s is the conservative wait [D/M]."""


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
        effort: 0 to 1, share of the careful search that stations of up to 600 spots get (0.2 ms of CPU per
            spot at 1, 0.02 at 0): less where a plan has many of them.

    Raises:
        ValueError: lengths that do not match, numbers that are none, spots at the same place, an unknown
        order.
    """
    points, energy, depth = checked_spots(positions_m, energy_mj, depth_um)
    timing, heat = timing or HeadTiming(), heat or HeatModel()
    chosen = _names(only, candidates, len(points))
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
    head = _Head(uv, energy, depth, found, pitch, pairs, timing, heat, effort)
    orders = {name: head.order(name) for name in chosen}
    rest = heat.revisit_s
    times = {
        name: head.times(orders[name], 0.0 if name == "raster" and only is None else rest) for name in chosen
    }
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


class _Head(NamedTuple):
    """The spots of a station in its plane and what fires them."""

    uv: NDArray[np.float64]
    energy: NDArray[np.float64]
    depth: NDArray[np.float64]
    gaps: Gaps
    pitch: float
    pairs: NDArray[np.int64]
    timing: HeadTiming
    heat: HeatModel
    effort: float

    def order(self, name: str) -> NDArray[np.int64]:
        if name in BASELINES:
            return BASELINES[name](self.uv, self.pitch)
        sweeps = SWEEPS.get(name, 1)
        hop = self.pitch * sweeps**0.5 * self.timing.slew_us_per_rad / self.timing.throw_m
        step = float(self.timing.pulse_s(self.energy).mean()) + (self.timing.settle_us + hop) * 1e-6
        if name == HOPPING:
            order = boustrophedon(self.uv, self.pitch)
        else:
            order = sweeps_order(
                self.uv,
                self.energy,
                self.depth,
                self.gaps,
                self.pitch,
                step * len(self.uv),
                self.heat,
                sweeps,
                self.effort,
            )
        both = np.concatenate([self.pairs, self.pairs[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        first = np.searchsorted(both[:, 0], np.arange(len(self.uv) + 1))
        rest = int(np.ceil(min(self.heat.revisit_s / step, AHEAD - 1)))
        return np.asarray(kernels.let_rest(order, first, np.ascontiguousarray(both[:, 1]), rest, AHEAD))

    def times(self, order: NDArray[np.int64], rest_s: float, pause_s: float = 0.0) -> NDArray[np.float64]:
        """Return the earliest start `(N,)` [s] of each spot in firing order: jumps, pulses, neighbours'
        rest."""
        count = len(order)
        rank = np.empty(count, np.int64)
        rank[order] = np.arange(count)
        first, second = np.sort(rank[self.pairs], axis=1).T
        by_second = np.argsort(second, kind="stable")
        bounds = np.searchsorted(second[by_second], np.arange(count + 1))
        return np.asarray(
            kernels.earliest(
                self.timing.jump_s(self.uv[order]), self.timing.pulse_s(self.energy[order]), bounds,
                np.ascontiguousarray(first[by_second]), rest_s, np.full(count, pause_s),
            )
        )  # fmt: skip

    def travel_m(self, order: NDArray[np.int64]) -> float:
        return float(np.linalg.norm(np.diff(self.uv[order], axis=0), axis=1).sum())

    def reference(self) -> tuple[float, float]:
        """Return travel [m] and time to the last shot [s] of boustrophedon without any wait."""
        order = boustrophedon(self.uv, self.pitch)
        pulses = self.timing.pulse_s(self.energy[order])[:-1]
        return self.travel_m(order), float(self.timing.jump_s(self.uv[order]).sum() + pulses.sum())

    def rate(
        self, order: NDArray[np.int64], times: NDArray[np.float64], probes: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Return (95th percentile of Omega, 99th percentile of the peak rise [K]) over the probes."""
        return rank_values(self.field(order, times, probes))

    def field(
        self, order: NDArray[np.int64], times: NDArray[np.float64], probes: NDArray[np.float64]
    ) -> MidGapHeat:
        fired_at = np.empty(len(order))
        fired_at[order] = times
        return mid_gap_heat(self.uv, fired_at, self.energy, self.depth, probes, self.heat)

    def stretched(
        self, order: NDArray[np.int64], probes: NDArray[np.float64], limit: float
    ) -> tuple[NDArray[np.float64], tuple[float, float]]:
        """Return the least evenly stretched times that keep Omega at `limit`, halving the wait 8 times."""
        low, high = 0.0, LONGEST_WAIT_S / len(order)
        best = self.times(order, self.heat.revisit_s, high)
        rated = self.rate(order, best, probes)
        if rated[0] > limit:
            return best, rated
        for _ in range(8):
            middle = 0.5 * (low + high)
            times = self.times(order, self.heat.revisit_s, middle)
            values = self.rate(order, times, probes)
            if values[0] > limit:
                low = middle
            else:
                high, best, rated = middle, times, values
        return best, rated


def rank_values(field: MidGapHeat) -> tuple[float, float]:
    """Return (95th percentile of Omega, 99th percentile of the peak rise [K]); 0 without mid-gaps."""
    return (float(np.percentile(field.omega, 95)) if len(field.omega) else 0.0), field.p99_k


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


def _names(only: str | None, candidates: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if only is not None:
        wanted: tuple[str, ...] = (only,)
    elif candidates is not None:
        wanted = tuple(candidates)
    else:
        wanted = CANDIDATES if count <= MANY else CANDIDATES_OF_MANY
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
