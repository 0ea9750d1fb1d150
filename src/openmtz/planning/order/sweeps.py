"""Cool sweeps: every sweep passes over the whole station and fires some of the spots; which, the heat
decides.

A mid-gap gets hot when the heat of one of its corners arrives on top of the heat of the others and of the
ground that warms up while the station is fired. So neighbours go into different sweeps, and the tightest
gaps, which a single spot heats most, into the early ones, while the ground is cool (docs/firing_order.md).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import erf

from openmtz.planning.order import sweep_kernels as kernels
from openmtz.planning.order.baselines import sweep as serpentine
from openmtz.planning.order.lattice import lattice_phase, orders_in_time
from openmtz.tissue import ERF, Gaps, HeatModel

WEIGHT_PER_K = 0.7
"""Cost of a gap: exp(0.7 rise), as Omega itself grows near 54 C: Ea/R/T^2 = 75,000 K / (327 K)^2 per K
[D]."""
ROW = 1.3
"""Height of a sweep's rows in pitches of the sweep: between 1.1, where its spots stand even, and 1.73, the
best for spots at random (engineering default, measured: shortest tour)."""
ROUNDS, TRIES, HOT = 4, 12, 0.3
"""Rounds of swaps, partners tried per spot, share of the spots that are tried (engineering defaults: 50,000
spots in a second; more of each gains less than 0.5 K)."""
MANY, ROUNDS_OF_MANY, TRIES_OF_MANY = 20_000, 2, 6
"""Above so many spots fewer of each, to stay within a second (0.1 K at the 99th percentile, measured); and
only spots of the same sweep are looked at one by one: a sweep takes 3 s or more, after which 1 s of
conduction, L^2/4a [D], has made the heat of the others even."""
WITHIN = 500
"""Partners are drawn from so many spots before and after, about 2 blocks of 16 x 16 pitches (engineering
default)."""

JUDGED, IN_ROWS = 4_000, 0.9
"""Gaps in which the orders in time of the sub-lattices are compared; above `MANY` spots those of which so
large a share stands in rows are shared out by sub-lattices without comparing (engineering defaults)."""


def sweeps_order(
    uv_m: NDArray[np.float64], energy_mj: NDArray[np.float64], depth_um: NDArray[np.float64], gaps: Gaps,
    pitch_m: float, duration_s: float, heat: HeatModel, sweeps: int,
) -> NDArray[np.int64]:  # fmt: skip
    """Return rows `(N,)` in firing order: `sweeps` sweeps over spots `(N, 2)` [m], `duration_s` for all of
    them."""
    count = len(uv_m)
    if count < 2 * sweeps or len(gaps.corners) == 0:
        return serpentine(uv_m, pitch_m)
    near = _neighbours_together(uv_m, pitch_m)
    uv = uv_m[near]
    source, length = heat.source_k_m2(energy_mj, depth_um)[near], depth_um[near] * 1e-6
    gaps = _relabelled(gaps, near)
    passed = serpentine(uv, ROW * pitch_m * math.sqrt(sweeps))
    lag = duration_s / sweeps
    phase = np.zeros(count)
    phase[passed] = np.arange(count) / count * lag
    spots = np.concatenate([gaps.corners, gaps.across()], axis=1)
    back = sweeps if count <= MANY else 1
    fired = kernels.Fired(uv, source, length, phase, lag)
    tissue = kernels.Tissue(heat.diffusivity_m2_s, heat.beam_m2, ERF)
    tab = kernels.gap_tables(gaps.middle, spots, fired, back, tissue)
    density = 2.0 / (math.sqrt(3.0) * pitch_m**2)
    ground = ground_k(density, source, length, spots.shape[1], back, sweeps, lag, heat)
    load = _load(uv, source, gaps.middle, 2.0 * math.sqrt(heat.diffusivity_m2_s * duration_s), density)
    alone = tab[:, [0, 1, 2], [0, 1, 2], 0].astype(np.float64)
    ref = float(np.median(alone.max(axis=1)) + ground[-1])
    first, members = kernels.gaps_of_spots(count, spots)
    model = kernels.Costs(first, members, spots, tab, ground, load, WEIGHT_PER_K, ref)
    tight = _worst_of_spots(count, gaps, alone)
    sweep = _by_lattice(uv, gaps, sweeps, model)
    if count <= MANY or not _stand_in_rows(count, gaps):
        greedy = kernels.assign_sweeps(np.argsort(-tight, kind="stable"), sweeps, model)
        costs = [kernels.gap_costs(one, model).sum() for one in (greedy, sweep)]
        sweep = greedy if costs[0] <= costs[1] else sweep
    rounds, tries = (ROUNDS, TRIES) if count <= MANY else (ROUNDS_OF_MANY, TRIES_OF_MANY)
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        cost = kernels.gap_costs(sweep, model)
        worst = _worst_of_spots(count, gaps, np.repeat(cost[:, None], 3, axis=1))
        hot = np.flatnonzero(worst >= np.quantile(worst, 1.0 - HOT))
        others = (hot[:, None] + rng.integers(-WITHIN, WITHIN, (len(hot), tries))) % count
        if not kernels.swap_sweeps(sweep, hot, others, model):
            break
    return near[passed[np.argsort(sweep[passed], kind="stable")]]


def _by_lattice(
    uv_m: NDArray[np.float64], gaps: Gaps, sweeps: int, model: kernels.Costs
) -> NDArray[np.int64]:
    """Return the sweep `(N,)` of each spot by the sub-lattice it stands on; of the orders in time the one
    that costs least in some of the gaps."""
    phase = lattice_phase(uv_m, gaps, sweeps)
    some = slice(0, len(model.spots), max(len(model.spots) // JUDGED, 1))
    part = model._replace(
        spots=np.ascontiguousarray(model.spots[some]),
        tab=np.ascontiguousarray(model.tab[some]),
        load=model.load[some],
    )
    orders = orders_in_time(sweeps)
    costs = [kernels.gap_costs(order[phase], part).sum() for order in orders]
    return orders[int(np.argmin(costs))][phase]


def _stand_in_rows(count: int, gaps: Gaps) -> bool:
    """Return whether nine spots of ten have six gaps around them."""
    around = np.bincount(gaps.corners.ravel(), minlength=count)
    return float((around == 6).mean()) >= IN_ROWS


def _neighbours_together(uv_m: NDArray[np.float64], pitch_m: float) -> NDArray[np.int64]:
    """Return rows `(N,)` by blocks of 16 pitches: what is near in the plane is near in memory, and partners
    for swaps are found within the neighbourhood, so that every sweep stays even there."""
    block = np.floor((uv_m - uv_m.min(axis=0)) / (16.0 * pitch_m)).astype(np.int64)
    return np.lexsort((uv_m[:, 0], uv_m[:, 1], block[:, 0], block[:, 1]))


def _relabelled(gaps: Gaps, near: NDArray[np.int64]) -> Gaps:
    new = np.empty(len(near), np.int64)
    new[near] = np.arange(len(near))
    corners = new[gaps.corners]
    by_corner = np.argsort(corners.min(axis=1), kind="stable")
    return Gaps(corners[by_corner], gaps.middle[by_corner], gaps.area_m2[by_corner])


def _worst_of_spots(count: int, gaps: Gaps, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(N,)` the largest of the values `(M, 3)` that each spot has at the gaps it is a corner of, 0
    without."""
    worst = np.zeros(count)
    np.maximum.at(worst, gaps.corners.ravel(), values.ravel())
    return worst


def ground_k(
    density_per_m2: float, source_k_m2: NDArray[np.float64], length_m: NDArray[np.float64], inner: int,
    back: int, sweeps: int, lag_s: float, heat: HeatModel,
) -> NDArray[np.float64]:  # fmt: skip
    """Return `(K,)` [K]: how warm a gap has become, when sweep k passes it, by all spots but its `inner`
    nearest of the last `back` sweeps.

    Spots spread evenly beyond R, with n pi R^2 = inner: pi n q'a/(pi k) erf(L/sqrt(s)) exp(-R^2/s), one K-th
    of them in each sweep. The sweep before passed here one `lag_s` ago, and the heat of the present one is
    outrun by the head.
    """
    number = np.arange(sweeps)
    ring2 = np.where(number < back, inner / (math.pi * density_per_m2), 0.0)
    age = np.maximum(number, 1e-9) * lag_s
    s = 4.0 * heat.diffusivity_m2_s * age + heat.beam_m2
    left = erf(float(np.median(length_m)) / np.sqrt(s)) * np.exp(-ring2 / s)
    left[0] = 0.0
    whole = math.pi * density_per_m2 * float(np.median(source_k_m2))
    return np.asarray(whole * np.cumsum(left) / sweeps)


def _load(
    uv_m: NDArray[np.float64],
    source: NDArray[np.float64],
    middle: NDArray[np.float64],
    reach_m: float,
    density: float,
) -> NDArray[np.float64]:
    """Return `(M,)` the heat put into the surroundings of each gap, 1 inside an even field: the border stays
    cool, dense parts get warm. A box of side 2 `reach_m` in cells of a quarter of it."""
    size = max(reach_m / 2.0, 1.0 / math.sqrt(density))
    low = uv_m.min(axis=0) - 3.0 * size
    shape = tuple(int(n) for n in np.ceil((uv_m.max(axis=0) + 3.0 * size - low) / size).astype(int) + 1)
    put = np.zeros(shape)
    cell = np.floor((uv_m - low) / size).astype(np.int64)
    np.add.at(put, (cell[:, 0], cell[:, 1]), source)
    mean = uniform_filter(put, 5, mode="constant") / (density * size**2 * float(np.median(source)))
    at = np.floor((middle - low) / size).astype(np.int64)
    return np.asarray(mean[at[:, 0], at[:, 1]])
