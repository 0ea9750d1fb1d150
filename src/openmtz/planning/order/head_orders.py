"""The spots of a station and the head that fires them: orders by name, their times, travel and heat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.order import order_kernels as kernels
from openmtz.planning.order.annealing import MOVES_PER_SPOT, Station, annealed
from openmtz.planning.order.baselines import BASELINES, boustrophedon
from openmtz.planning.order.head_timing import HeadTiming
from openmtz.planning.order.sweeps import sweeps_order
from openmtz.tissue import Gaps, HeatModel, MidGapHeat, mid_gap_heat

SWEEPS = {"sweeps_6": 6, "sweeps_8": 8, "sweeps_12": 12}
"""More sweeps than 12 travel more than 4 times as far as boustrophedon; on few spots, or a narrow strip of
them, 8 may too, as the way back to the first row counts: then 6 do not."""
HOPPING = "hopping"
"""Boustrophedon that skips spots and comes back to them while their neighbours rest: the order for stations
so small that they are fired before heat moves."""
ANNEALED = "annealed"
"""Sweeps whose spots change places until the hottest gaps are as cool as can be (`order_annealing`)."""
TIME_ALLOWANCE = 1.10
TRAVEL_ALLOWANCE = 4.0
"""An order may take this many times as long, and travel as far, as boustrophedon without any wait."""
KEPT = (0.97, 0.995)
"""Shares of the allowed travel and time that annealing uses: rows of boustrophedon depend on the pitch they
are made with, by 1 % (measured)."""
AHEAD = 12
"""Spots of a sweep that may be put off together until their neighbours have rested (engineering default:
twice the five shots that 9 ms take)."""
LONGEST_WAIT_S = 120.0
"""Waiting longer for heat to leave is no order any more: 30-120 s is the conservative wait [D/M]."""


class Head(NamedTuple):
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
        """Return rows `(N,)` in firing order, by the name of a baseline, of sweeps, hopping or annealed."""
        if name in BASELINES:
            return BASELINES[name](self.uv, self.pitch)
        if name == ANNEALED:
            return self.annealed()
        sweeps = SWEEPS.get(name, 1)
        hop = self.pitch * sweeps**0.5 * self.timing.slew_us_per_rad / self.timing.throw_m
        step = float(self.timing.pulse_s(self.energy).mean()) + (self.timing.settle_us + hop) * 1e-6
        if name == HOPPING:
            order = boustrophedon(self.uv, self.pitch)
        else:
            order = sweeps_order(
                self.uv, self.energy, self.depth, self.gaps, self.pitch, step * len(self.uv), self.heat,
                sweeps,
            )  # fmt: skip
        rest = int(np.ceil(min(self.heat.revisit_s / step, AHEAD - 1)))
        return np.asarray(kernels.let_rest(order, *self.neighbours(), rest, AHEAD))

    def neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (first `(N + 1,)`, members): the spots that must rest between each other."""
        both = np.concatenate([self.pairs, self.pairs[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        first = np.searchsorted(both[:, 0], np.arange(len(self.uv) + 1))
        return first, np.ascontiguousarray(both[:, 1])

    def annealed(self) -> NDArray[np.int64]:
        """Return the order annealed from the sweeps, or from hopping where sweeps travel too far."""
        most = KEPT[0] * TRAVEL_ALLOWANCE * self.reference()[0]
        for name in ("sweeps_8", "sweeps_6", HOPPING):
            start = self.order(name)
            if self.travel_m(start) <= most:
                break
        times = self.times(start, self.heat.revisit_s)
        station = Station(
            self.uv, self.heat.source_k_m2(self.energy, self.depth), self.depth * 1e-6, self.gaps, self.pitch,
            self.neighbours(),
        )  # fmt: skip
        duration = float(times[-1]) + self.to_spare_s(times) * (len(start) - 1)
        moves = round(MOVES_PER_SPOT * self.effort * len(start))
        return annealed(start, station, duration, most, self.heat, moves)

    def to_spare_s(self, times: NDArray[np.float64]) -> float:
        """Return the pause [s] before each spot that makes the most of the time allowed."""
        most = KEPT[1] * TIME_ALLOWANCE * self.reference()[1]
        return max(most - float(times[-1]), 0.0) / (len(times) - 1)

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
        """Return how far the beam goes in an order `(N,)` [m]."""
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
        """Return the heat at probes `(M, 2)` [m] of an order `(N,)` fired at `times` `(N,)` [s]."""
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
