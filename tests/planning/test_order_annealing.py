"""Annealing: cooler than what it starts from, within its limits, the same every time, on any set of spots."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.planning import HeadTiming, firing_order, place_spots
from openmtz.planning.order import annealing_kernels
from openmtz.planning.order.annealing import Station, annealed
from openmtz.planning.order.baselines import BASELINES, boustrophedon
from openmtz.planning.order.head_orders import ANNEALED, TIME_ALLOWANCE, TRAVEL_ALLOWANCE
from openmtz.planning.order.ordering import FEW, flatten
from openmtz.tissue import ERF, HeatModel
from openmtz.tissue.heat import mid_gap_heat, temperature_rise
from openmtz.tissue.mid_gaps import gaps

HEAT, TIMING = HeatModel(), HeadTiming()


def square(side_mm: float, density: float, seed: int):
    """Return spots on a flat square with 20 mJ and 630 um each."""
    side = side_mm * 1e-3
    corners = np.array([[0, 0, 0], [side, 0, 0], [side, side, 0], [0, side, 0]])
    points = place_spots(corners, np.array([[0, 1, 2], [0, 2, 3]]), density, seed=seed).positions
    return points, np.full(len(points), 20.0), np.full(len(points), 630.0)


def strip(seed: int):
    points, energy, depth = square(9.0, 884.0, seed)
    kept = points[:, 1] < 2.5e-3
    return points[kept], energy[kept], depth[kept]


def disc(seed: int):
    points, energy, depth = square(7.0, 884.0, seed)
    kept = np.hypot(*(points - points.mean(axis=0))[:, :2].T) < 2.8e-3
    return points[kept], energy[kept], depth[kept]


def uneven(seed: int):
    """Return spots whose energies and depths differ from one to the next."""
    points, energy, depth = square(4.5, 884.0, seed)
    factor = np.random.default_rng(seed).uniform(0.7, 1.3, len(points))
    return points, energy * factor, depth * factor


SETS = {
    "square": lambda: square(5.0, 884.0, 11),
    "dense": lambda: square(3.8, 1768.0, 12),
    "sparse": lambda: square(7.0, 442.0, 13),
    "strip": lambda: strip(14),
    "disc": lambda: disc(15),
    "uneven": lambda: uneven(16),
}


def rated(spots, order, times):
    """Return (Omega p95, p99 rise [K]) at all mid-gaps."""
    uv = flatten(spots[0])
    at = np.empty(len(order))
    at[order] = times
    field = mid_gap_heat(uv, at, *spots[1:], gaps(uv).middle)
    return float(np.percentile(field.omega, 95)), field.p99_k


def way_m(uv, order):
    return float(np.linalg.norm(np.diff(uv[order], axis=0), axis=1).sum())


@pytest.mark.parametrize("name", SETS)
def test_cooler_than_sweeps_and_all_usual_orders_within_the_limits(name):
    """Below sweeps in both measures and below every baseline, however long that takes."""
    spots = SETS[name]()
    uv = flatten(spots[0])
    assert 100 < len(uv) <= FEW
    got = firing_order(*spots, only=ANNEALED)
    assert sorted(got.order) == list(range(len(uv))) and (np.diff(got.not_before_s) > 0).all()
    omega, rise = rated(spots, got.order, got.not_before_s)
    start = firing_order(*spots, only=ANNEALED, effort=0.0)
    before = rated(spots, start.order, start.not_before_s)
    print(f"{name}, {len(uv)}: Omega {omega:.3g} of {before[0]:.3g}, p99 {rise:.2f} of {before[1]:.2f} K")
    assert omega < before[0] and rise < before[1]
    pitch = float(np.sqrt(4.0 * np.median(gaps(uv).area_m2) / np.sqrt(3.0)))
    for make in BASELINES.values():
        order = make(uv, pitch)
        pulse = TIMING.pulse_s(spots[1][order])
        usual = rated(spots, order, np.cumsum(TIMING.jump_s(uv[order])) + np.cumsum(pulse) - pulse)
        assert omega < usual[0] and rise < usual[1]
    order = boustrophedon(uv, pitch)
    seconds = TIMING.jump_s(uv[order]).sum() + TIMING.pulse_s(spots[1][order])[:-1].sum()
    assert way_m(uv, got.order) <= TRAVEL_ALLOWANCE * way_m(uv, order)
    assert got.not_before_s[-1] <= TIME_ALLOWANCE * seconds


def test_chosen_for_few_spots_and_for_no_others():
    few, many = square(5.0, 884.0, 1), square(9.0, 884.0, 1)
    assert len(few[0]) <= FEW < len(many[0])
    assert firing_order(*few).name == ANNEALED
    assert ANNEALED not in {name for name, *_ in firing_order(*many).compared}
    assert ANNEALED not in {name for name, *_ in firing_order(*few, effort=0.0).compared}


def test_same_input_same_order_and_more_moves_are_cooler():
    spots = square(4.0, 884.0, 3)
    twice = [firing_order(*spots, only=ANNEALED, effort=0.2) for _ in range(2)]
    assert np.array_equal(twice[0].order, twice[1].order)
    assert np.array_equal(twice[0].not_before_s, twice[1].not_before_s)
    rises = [
        rated(spots, got.order, got.not_before_s)[1]
        for got in (firing_order(*spots, only=ANNEALED, effort=effort) for effort in (0.0, 0.02, 1.0))
    ]
    assert rises[2] < rises[1] < rises[0]


def test_the_rises_annealed_on_are_those_of_the_heat_model():
    """Summed from tables of distance and age, they agree with the whole sum within 0.2 K."""
    uv = flatten(square(3.0, 884.0, 5)[0])
    middle = gaps(uv).middle
    phases, steps, place_s = 5, 40, 0.002
    r2 = ((middle[:, None] - uv[None]) ** 2).sum(axis=2)
    lowest, per_e = np.log(r2.min()), 90.0
    bins = np.rint((np.log(r2) - lowest) * per_e).astype(np.int64)
    table = annealing_kernels.rise_table(
        np.exp(lowest + np.arange(bins.max() + 1) / per_e), phases, steps, place_s,
        float(HEAT.source_k_m2(20.0, 630.0)), 630e-6, HEAT.diffusivity_m2_s, HEAT.beam_m2, ERF,
    )  # fmt: skip
    place = np.random.default_rng(0).permutation(len(uv))
    rise, peak = np.zeros(len(middle) * steps, np.float32), np.zeros(len(middle), np.float32)
    share = np.ones(len(uv), np.float32)
    annealing_kernels.heat_up(rise, peak, place, share, bins, table.ravel(), phases, steps)
    times = np.arange(steps) * phases * place_s
    energy, depth = np.full(len(uv), 20.0), np.full(len(uv), 630.0)
    whole = temperature_rise(uv, place * place_s + 1e-9, energy, depth, middle, times, HEAT)
    assert np.abs(rise.reshape(len(middle), steps) - whole).max() < 0.2
    assert np.array_equal(peak, rise.reshape(len(middle), steps).max(axis=1))


def test_a_way_already_too_long_never_grows():
    """Random order, far beyond the limit of travel: each swap must shorten it."""
    spots = square(4.0, 884.0, 6)
    uv = flatten(spots[0])
    start = np.random.default_rng(1).permutation(len(uv))
    none = (np.zeros(len(uv) + 1, np.int64), np.zeros(0, np.int64))
    station = Station(uv, HEAT.source_k_m2(*spots[1:]), spots[2] * 1e-6, gaps(uv), 3.6e-4, none)
    order = annealed(start, station, 0.3, 0.25 * way_m(uv, start), HEAT, 100_000)
    assert sorted(order) == list(range(len(uv))) and not np.array_equal(order, start)
    assert way_m(uv, order) < way_m(uv, start)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 8, 20])
def test_so_few_spots_that_nothing_is_to_be_won(count):
    points = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]] * 5, float)[:count]
    points += np.repeat(np.arange(5), 4)[:count, None] * [2.0, 0.0, 0.0]
    spots = points * 4e-4, np.full(count, 20.0), np.full(count, 630.0)
    for only in (None, ANNEALED):
        assert sorted(firing_order(*spots, only=only).order) == list(range(count))


def test_spots_in_a_line():
    line = np.arange(40)[:, None] * [4e-4, 0.0, 0.0]
    result = firing_order(line, np.full(40, 20.0), np.full(40, 630.0), only=ANNEALED)
    assert sorted(result.order) == list(range(40))


def test_all_spots_at_one_place_are_refused_by_name():
    with pytest.raises(ValueError, match="same place"):
        firing_order(np.zeros((30, 3)), np.full(30, 20.0), np.full(30, 630.0), only=ANNEALED)


def test_too_many_spots_to_anneal_are_refused_with_a_way_out():
    x, y = np.meshgrid(np.arange(60) * 4e-4, np.arange(60) * 4e-4)
    points = np.column_stack([x.ravel(), y.ravel(), np.zeros(3600)])
    with pytest.raises(ValueError, match=r"3600 spots are too many to anneal, .*sweeps_12"):
        firing_order(points, np.full(3600, 20.0), np.full(3600, 630.0), only=ANNEALED)
