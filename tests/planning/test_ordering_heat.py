"""What the firing order is for: less heat between the zones than any usual order, at the head's own pace."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.planning import Group, HeadTiming, firing_order, group_pauses, place_passes, place_spots
from openmtz.planning.order.baselines import BASELINES
from openmtz.planning.order.ordering import NAMES, flatten
from openmtz.tissue import HeatModel
from openmtz.tissue.heat import mid_gap_heat
from openmtz.tissue.mid_gaps import gaps, sample


def square(side_mm: float, density: float, seed: int = 0):
    """Return spots on a flat square with 20 mJ and 630 um each."""
    return dosed(place_spots(*flat(side_mm), density, seed=seed).positions)


def dosed(points):
    return points, np.full(len(points), 20.0), np.full(len(points), 630.0)


def flat(side_mm: float):
    """Return vertices `(25, 3)` [m] and faces of a square."""
    line = np.linspace(0.0, side_mm * 1e-3, 5)
    x, y = np.meshgrid(line, line, indexing="ij")
    vertices = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    index = np.arange(25).reshape(5, 5)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return vertices, faces


def rated(spots, order, times, probes):
    """Return (Omega p95, p99 rise [K]) at the probes, and the travel [m]."""
    uv = flatten(spots[0])
    at = np.empty(len(order))
    at[order] = times
    field = mid_gap_heat(uv, at, spots[1], spots[2], probes)
    way = np.linalg.norm(np.diff(uv[order], axis=0), axis=1).sum()
    return float(np.percentile(field.omega, 95)), field.p99_k, float(way)


@pytest.mark.parametrize(("density", "side_mm"), [(884.0, 16.0), (1768.0, 12.0)])
def test_a_tenth_cooler_than_the_best_of_the_usual_orders(density, side_mm):
    """Damage and p99 rise at least 10 % below every baseline, at most 4 times its travel, 10 % more time."""
    spots = square(side_mm, density)
    uv, timing = flatten(spots[0]), HeadTiming()
    probes = sample(gaps(uv).middle, 800)
    pitch = float(np.sqrt(2.0 / (np.sqrt(3.0) * density * 1e4)))
    usual = {}
    for name, make in BASELINES.items():
        order = make(uv, pitch)
        pulse = timing.pulse_s(spots[1])
        times = np.cumsum(timing.jump_s(uv[order])) + np.cumsum(pulse) - pulse
        usual[name] = (*rated(spots, order, times, probes), times[-1])
    ours = firing_order(*spots)
    omega, rise, way = rated(spots, ours.order, ours.not_before_s, probes)
    best_omega, best_rise = (min(row[k] for row in usual.values()) for k in (0, 1))
    print(
        f"{density:g}/cm2: Omega {omega:.3g} of {best_omega:.3g},"
        f" p99 {rise:.1f} of {best_rise:.1f} K, {ours.name}"
    )
    assert omega <= 0.9 * best_omega
    assert rise <= 0.9 * best_rise
    assert way <= 4.0 * usual["boustrophedon"][2]
    assert ours.not_before_s[-1] <= 1.10 * usual["boustrophedon"][3]


@pytest.mark.parametrize("side_mm", [5.8, 8.0, 20.0])
def test_never_worse_than_raster_where_spots_are_sparse(side_mm):
    spots = square(side_mm, 442.0, seed=1)
    uv, timing = flatten(spots[0]), HeadTiming()
    probes = gaps(uv).middle
    order = BASELINES["raster"](uv, float(np.sqrt(2.0 / (np.sqrt(3.0) * 442e4))))
    pulse = timing.pulse_s(spots[1])
    raster = rated(spots, order, np.cumsum(timing.jump_s(uv[order])) + np.cumsum(pulse) - pulse, probes)
    ours = firing_order(*spots)
    omega, rise, _ = rated(spots, ours.order, ours.not_before_s, probes)
    print(
        f"{len(uv)} spots: Omega {omega:.3g} of {raster[0]:.3g},"
        f" p99 {rise:.2f} of {raster[1]:.2f} K, {ours.name}"
    )
    assert omega <= raster[0] and rise <= raster[1]


@pytest.mark.parametrize(("wide_mm", "long_mm"), [(2.0, 15.0), (3.0, 15.0), (2.5, 20.0), (4.0, 12.0)])
def test_narrow_stations_are_not_left_to_hopping(wide_mm, long_mm):
    """A strip between two stations: sweeps leave less than half of hopping's damage, within its travel."""
    points, energy, depth = square(20.0, 884.0)
    away = np.abs(points - points.mean(axis=0))
    rows = (away[:, 0] < 0.5e-3 * long_mm) & (away[:, 1] < 0.5e-3 * wide_mm)
    result = firing_order(points[rows], energy[rows], depth[rows])
    compared = {name: omega for name, omega, _, _ in result.compared}
    assert result.omega <= 0.6 * compared["hopping"], result.compared
    uv = flatten(points[rows])
    pitch = float(np.sqrt(2.0 / (np.sqrt(3.0) * 884e4)))
    way = [
        np.linalg.norm(np.diff(uv[order], axis=0), axis=1).sum()
        for order in (result.order, BASELINES["boustrophedon"](uv, pitch))
    ]
    assert way[0] <= 4.1 * way[1]


@pytest.mark.parametrize("side_mm", [6.0, 7.0])
def test_less_effort_costs_little(side_mm):
    """A plan of many small stations spends less on each: still cooler than raster, and a permutation."""
    spots = square(side_mm, 884.0)
    probes = gaps(flatten(spots[0])).middle
    raster = firing_order(*spots, only="raster")
    pulse = HeadTiming().pulse_s(spots[1])
    times = np.cumsum(HeadTiming().jump_s(flatten(spots[0])[raster.order])) + np.cumsum(pulse) - pulse
    base = rated(spots, raster.order, times, probes)[0]
    got = {}
    for effort in (1.0, 0.5, 0.05, 0.0):
        result = firing_order(*spots, only="annealed", effort=effort)
        assert sorted(result.order) == list(range(len(spots[0])))
        got[effort] = rated(spots, result.order, result.not_before_s, probes)[0]
    assert got[1.0] < 0.5 * base and got[0.5] < 0.5 * base, (got, base)
    assert got[0.05] < 0.6 * base and got[0.0] < 0.9 * base, (got, base)


@pytest.mark.parametrize("effort", [-0.1, 1.5, float("nan")])
def test_effort_is_a_share(effort):
    with pytest.raises(ValueError, match="effort"):
        firing_order(*square(3.0, 884.0), effort=effort)


@pytest.mark.parametrize("name", NAMES)
def test_every_order_by_name_is_a_permutation_with_rest(name):
    spots = square(6.0, 884.0)
    result = firing_order(*spots, only=name)
    assert sorted(result.order) == list(range(len(spots[0])))
    assert (np.diff(result.not_before_s) > 0).all() and result.name == name


def test_interleaved_and_bayer_keep_neighbours_apart():
    spots = square(8.0, 884.0)
    uv = flatten(spots[0])
    pitch = float(np.sqrt(2.0 / (np.sqrt(3.0) * 884e4)))
    hop = {
        name: np.median(np.linalg.norm(np.diff(uv[make(uv, pitch)], axis=0), axis=1)) / pitch
        for name, make in BASELINES.items()
    }
    assert hop["boustrophedon"] < 1.3 and hop["tour_2opt"] < 1.15
    assert hop["interleaved_2"] > 1.5 and hop["interleaved_4"] > 3.0 and hop["bayer"] > 6.0


def test_two_opt_shortens_the_tour():
    spots = square(10.0, 884.0)
    uv = flatten(spots[0])
    way = {
        name: np.linalg.norm(np.diff(uv[BASELINES[name](uv, 3.6e-4)], axis=0), axis=1).sum()
        for name in ("boustrophedon", "tour_2opt")
    }
    assert way["tour_2opt"] < 0.98 * way["boustrophedon"]


def test_a_limit_on_omega_stretches_the_times_and_no_more_than_needed():
    spots = square(6.0, 884.0)
    free = firing_order(*spots)
    limit = free.omega / 20.0
    slow = firing_order(*spots, omega_limit=limit)
    assert slow.omega <= limit < free.omega
    assert slow.not_before_s[-1] > 1.5 * free.not_before_s[-1]
    assert np.array_equal(slow.order, free.order) and (np.diff(slow.not_before_s) > 0).all()
    tight = firing_order(*spots, omega_limit=limit * 1.5)
    assert tight.not_before_s[-1] < slow.not_before_s[-1]
    same = firing_order(*spots, omega_limit=2.0 * free.omega)
    assert np.array_equal(same.not_before_s, free.not_before_s)


def test_a_limit_that_no_wait_reaches_is_said():
    spots = square(3.0, 1768.0)
    result = firing_order(*spots, omega_limit=1e-9)
    assert result.omega > 1e-9
    assert 100.0 < result.not_before_s[-1] < 125.0


def test_upper_eta_is_hotter():
    spots = square(6.0, 884.0)
    low, high = (firing_order(*spots, heat=HeatModel(eta=eta)).rise_k for eta in (0.3, 0.5))
    assert high == pytest.approx(low * 5 / 3, rel=0.15)


def test_order_does_not_depend_on_where_the_skin_lies():
    """The same patch, moved and turned, is fired with the same heat, though the plane's axes differ."""
    spots = square(8.0, 884.0)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    moved = spots[0] @ turn.T + [0.5, -0.2, 0.3]
    here, there = firing_order(*spots), firing_order(moved, *spots[1:])
    assert there.rise_k == pytest.approx(here.rise_k, rel=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, e, d: (np.where(np.arange(len(p))[:, None] == 5, np.nan, p), e, d), r"positions\[5\]"),
        (lambda p, e, d: (p, np.where(np.arange(len(p)) == 7, 0.0, e), d), r"energy_mj\[7\]"),
        (lambda p, e, d: (p, e, np.where(np.arange(len(p)) == 2, np.inf, d)), r"depth_um\[2\]"),
        (lambda p, e, d: (p * 1000.0, e, d), "positions are in metres"),
        (
            lambda p, e, d: (np.where(np.arange(len(p))[:, None] == 9, p[4], p), e, d),
            "4 and 9 .* same place",
        ),
        (lambda p, e, d: (p[:, :2], e, d), r"\(N, 3\)"),
    ],
)
def test_bad_spots_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        firing_order(*change(*square(5.0, 884.0)))


def test_bad_numbers_are_named():
    spots = square(3.0, 884.0)
    with pytest.raises(ValueError, match="omega_limit"):
        firing_order(*spots, omega_limit=0.0)
    with pytest.raises(ValueError, match="no order"):
        firing_order(*spots, candidates=())
    with pytest.raises(ValueError, match="power_w"):
        HeadTiming(power_w=0.0)


def test_spots_in_a_line_and_two_spots():
    line = np.column_stack([np.arange(30) * 4e-4, np.zeros(30), np.zeros(30)])
    result = firing_order(line, np.full(30, 20.0), np.full(30, 630.0))
    assert sorted(result.order) == list(range(30))
    assert len(firing_order(line[:2], [20.0, 20.0], [630.0, 630.0]).order) == 2
    assert len(firing_order(np.zeros((0, 3)), [], []).order) == 0


def grouped(spots, shift_m):
    order = firing_order(*spots, only="sweeps_8")
    at = np.empty(len(order.order))
    at[order.order] = order.not_before_s
    return Group(spots[0] + [shift_m, 0.0, 0.0], at, spots[1], spots[2])


def test_pause_between_passes_is_as_long_as_it_must_be():
    """A second pass over the same skin waits; a group 20 mm away does not."""
    both = place_passes(*flat(5.0), 442.0, 2)
    passes = [dosed(both.spots.positions[both.pass_index == number]) for number in (0, 1)]
    first, second, away = grouped(passes[0], 0.0), grouped(passes[1], 0.0), grouped(passes[0], 0.025)
    alone = group_pauses([first], omega_limit=1.0)
    assert alone.wait_s.tolist() == [0.0] and alone.within.all()
    at_once = group_pauses([first, second], omega_limit=1e3)
    limit = at_once.omega[1] / 5.0
    asked = group_pauses([first, second], omega_limit=limit)
    assert asked.wait_s[1] > 0.1 and asked.omega[1] <= limit and asked.within.all()
    longer = group_pauses([first, second], omega_limit=limit / 2.0)
    assert longer.wait_s[1] > asked.wait_s[1]
    between = group_pauses([first, away, second], omega_limit=limit, least_s=0.5)
    assert between.wait_s[1] == 0.5 and between.omega[1] == 0.0
    assert between.omega[2] <= limit and 0.5 <= between.wait_s[2] < asked.wait_s[1]


def test_pause_that_cannot_help_says_so():
    spots = square(4.0, 1768.0)
    result = group_pauses([grouped(spots, 0.0), grouped(spots, 1.2e-4)], omega_limit=1e-12)
    assert not result.within[1] and result.wait_s[1] <= 120.0 and result.omega[1] > 1e-12


def test_bad_groups_are_named():
    spots = square(3.0, 442.0)
    good = grouped(spots, 0.0)
    with pytest.raises(ValueError, match="group 1: energy_mj"):
        group_pauses([good, good._replace(energy_mj=good.energy_mj * np.nan)], omega_limit=1.0)
    with pytest.raises(ValueError, match="group 0: positions"):
        group_pauses([good._replace(depth_um=good.depth_um[:3])], omega_limit=1.0)
    with pytest.raises(ValueError, match="omega_limit"):
        group_pauses([good], omega_limit=-1.0)
    with pytest.raises(ValueError, match="least_s"):
        group_pauses([good], omega_limit=1.0, least_s=np.nan)
