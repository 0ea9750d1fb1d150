"""Simulated annealing of a firing order: for few spots, which are fired before their heat leaves.

The hottest gaps of a small station are those whose last heat comes when all spots have been fired: no gap is
cooler than the mean of the station by much, and what is left to win is that all of them are equally warm.
That no rule gives; swaps of single spots do (docs/firing_order.md).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.planning.order import annealing_kernels as kernels
from openmtz.tissue import ERF, Gaps, HeatModel

MOVES_PER_SPOT, MOST_MOVES = 3_000, 1_000_000
"""Swaps tried, 0.3 to 0.9 us of CPU each at 5 to 20 % (engineering default: a third of a second for 256 spots
at 10 %)."""
HOT, COLD = 1.0, 0.01
"""Temperatures at begin and end, in costs (engineering default, like all of these chosen on 20 squares of 256
spots and confirmed on others, docs/firing_order.md)."""
ROUNDS, LEAST_ROUNDS, MOVES_PER_ROUND = 40, 4, 5_000
"""Between rounds the threshold rises; every eighth sums all heat anew, that of spots beyond `NEAR` above
all."""
FROM, TO = 88.0, 97.0
"""Percentiles of the peaks above which they cost, first and last round: the mean of the worst is what the
99th percentile follows smoothly, and Omega with it."""
PER_SHARE_OF_PEAK = 25.0
"""Cost 1 is 4 % of the 99th percentile: 1 K at 10 % density."""
STEP, AFTER = 0.2, 1.2
"""Steps at which gaps are looked at, and how long after the last shot, in times that a corner's heat needs to
the middle of a gap: r^2/4a with r = pitch/sqrt(3), 55, 110 and 220 ms at 20, 10 and 5 % [D]; it stays about
as long."""
NEAR, NEAR_PITCHES = 2.5, 2.5
"""A swap changes the gaps within sqrt(2.5) diffusion lengths of the whole time, or 2.5 pitches; farther ones
between rounds (engineering defaults; more costs more and gains nothing, measured)."""
FAR = 8.0
"""Spots farther than sqrt(8) diffusion lengths add exp(-8) of what they would here."""
BINS_PER_E = 90.0
"""Rises are tabled at squared distances 1.1 % apart."""
PARTNERS = 40
DRAWS = (0.7, 5, 0.2, 20)
"""Of the swaps 70 % take a corner of the hottest of 5 gaps, the others any spot; 80 % swap it with one of
its 40 nearest, 20 % with one fired up to 20 places before or after (engineering defaults)."""


class Station(NamedTuple):
    """Spots of a station: `uv_m` `(N, 2)` [m], `source_k_m2` [K m2] and `length_m` [m] `(N,)`, `gaps`
    and `pitch_m`; `neighbours` (first `(N + 1,)`, members): spots that must rest between each other."""

    uv_m: NDArray[np.float64]
    source_k_m2: NDArray[np.float64]
    length_m: NDArray[np.float64]
    gaps: Gaps
    pitch_m: float
    neighbours: tuple[NDArray[np.int64], NDArray[np.int64]]


def annealed(
    start: NDArray[np.int64],
    station: Station,
    duration_s: float,
    travel_m: float,
    heat: HeatModel,
    moves: int,
) -> NDArray[np.int64]:
    """Return rows `(N,)` in firing order: `start` `(N,)` after `moves` swaps, or `start` itself where neither
    the 95th nor the 99th percentile of the peaks in the gaps got lower without the other getting higher.

    `duration_s` [s] from the first shot to the last, spots fired evenly; swaps never lead beyond `travel_m`
    [m]. All spots have the median length here, and their own energy. The same input gives the same order.
    """
    count, gaps = len(start), station.gaps
    if count < 4 or len(gaps.corners) == 0 or moves < LEAST_ROUNDS:
        return start
    place_s = duration_s / (count - 1)
    arrival_s = station.pitch_m**2 / (12.0 * heat.diffusivity_m2_s)
    phases = max(1, round(STEP * arrival_s / place_s))
    steps = math.ceil((duration_s + AFTER * arrival_s) / (phases * place_s)) + 1
    s = 4.0 * heat.diffusivity_m2_s * (duration_s + AFTER * arrival_s)
    near, far = min(NEAR * s, (NEAR_PITCHES * station.pitch_m) ** 2), FAR * s
    r2 = ((gaps.middle[:, None] - station.uv_m[None]) ** 2).sum(axis=2)
    lowest = math.log(max(float(r2.min()), 1e-12))
    bins = np.rint((np.log(np.maximum(r2, 1e-12)) - lowest) * BINS_PER_E).astype(np.int64)
    bins[r2 > far] = -1
    source = float(np.median(station.source_k_m2))
    table = kernels.rise_table(
        np.exp(lowest + np.arange(bins.max() + 1) / BINS_PER_E), phases, steps, place_s, source,
        float(np.median(station.length_m)), heat.diffusivity_m2_s, heat.beam_m2, ERF,
    )  # fmt: skip
    highest = table.max(axis=(1, 2))
    share = (station.source_k_m2 / source).astype(np.float32)
    affected = _gaps_near(r2, near, bins)
    beside = cKDTree(station.uv_m).query(station.uv_m, k=min(PARTNERS + 1, count))[1][:, 1:].astype(np.int64)
    rested = (*station.neighbours, math.ceil(heat.revisit_s / place_s))
    order, place = start.copy(), np.empty(count, np.int64)
    place[order] = np.arange(count)
    rise, peak = np.zeros(len(gaps.corners) * steps, np.float32), np.zeros(len(gaps.corners), np.float32)
    flat, state = table.ravel(), np.array([88172645463325252], np.uint64)  # seed of Marsaglia 2003

    def heated() -> NDArray[np.float32]:
        kernels.heat_up(rise, peak, place, share, bins, flat, phases, steps)
        return peak

    way = float(np.linalg.norm(np.diff(station.uv_m[order], axis=0), axis=1).sum())
    before = np.percentile(heated(), [95.0, 99.0])
    per_k = PER_SHARE_OF_PEAK / float(before[1])
    moves = min(moves, MOST_MOVES)
    rounds = int(np.clip(moves // MOVES_PER_ROUND, LEAST_ROUNDS, ROUNDS))
    temperatures = np.geomspace(HOT, COLD, rounds + 1)
    for number, percentile in enumerate(np.linspace(FROM, TO, rounds)):
        if number % 8 == 7:
            heated()
        threshold = float(np.percentile(peak, percentile))
        way = kernels.anneal(
            state, moves // rounds, temperatures[number], temperatures[number + 1], order, place, rise, peak,
            flat, phases, steps, share, highest, affected, gaps.corners, beside, rested, station.uv_m, way,
            travel_m, threshold, per_k, DRAWS,
        )  # fmt: skip
    after = np.percentile(heated(), [95.0, 99.0])
    return order if (after <= before).all() and (after < before).any() else start


def _gaps_near(
    r2: NDArray[np.float64], near_m2: float, bins: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (first `(N + 1,)`, members, bins) of the gaps within `near_m2` [m2] of each spot, nearest first:
    they are the first to forbid a swap. `r2` [m2] and `bins` `(M, N)`."""
    gap, spot = np.nonzero(r2 < near_m2)
    by_spot = np.lexsort((r2[gap, spot], spot))
    gap, spot = gap[by_spot], spot[by_spot]
    return np.searchsorted(spot, np.arange(r2.shape[1] + 1)), gap, bins[gap, spot]
