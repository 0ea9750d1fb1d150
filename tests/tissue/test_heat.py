"""Heat between the zones: the formula, the published tables, and what the quick sum leaves out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openmtz.tissue.heat import HeatModel, mid_gap_heat, reach_m, temperature_rise
from openmtz.tissue.mid_gaps import gaps, sample

PUBLISHED = HeatModel(eta=0.3, conductivity_w_mk=0.37)
"""The upper end of 0.29-0.37 [V]: the conductivity at which all twelve deterministic figures below agree."""
TABLE = {
    (884, 0.0033): (22.5, 27.9, 29.3),
    (884, 0.030): (23.2, 18.4, 22.4),
    (884, 0.100): (19.0, 11.8, 16.1),
    (1768, 0.0033): (45.8, 58.0, 59.6),
    (1768, 0.030): (46.9, 33.7, 49.1),
    (1768, 0.100): (34.6, 20.7, 26.9),
}
"""Domain facts, section 3: peak mid-gap rise [K], 16 x 16 spots, 20 mJ, 0.63 mm: raster, interleave 4 x 4,
random."""


def grid(side: int, density: float):
    """Return spots `(N, 2)` of a square grid and the mid-gaps between them [m], row by row."""
    pitch = 1.0 / math.sqrt(density * 1e4)
    line = np.arange(side) * pitch
    spots = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    middle = line[:-1] + pitch / 2
    return spots, np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)


def interleave(side: int, k: int):
    index = np.arange(side * side).reshape(side, side)
    return np.concatenate([index[p::k, q::k].ravel() for p in range(k) for q in range(k)])


def fire(order, interval_s: float):
    at = np.empty(len(order))
    at[order] = np.arange(len(order)) * interval_s
    return at


def heat_of(side: int, density: float, order, interval_s: float, probes=None, model: HeatModel = PUBLISHED):
    spots, middle = grid(side, density)
    count = len(spots)
    return mid_gap_heat(
        spots, fire(order, interval_s), np.full(count, 20.0), np.full(count, 630.0),
        middle if probes is None else probes, model,
    )  # fmt: skip


@pytest.mark.parametrize(("density", "interval_s"), TABLE)
def test_published_table(density, interval_s):
    """Raster and interleave within 4.5 %: the conductivity is known to two digits (1 %), and a sum on an even
    grid of 400 times, as the published one may be, misses 2.3 % of the sharpest peak (20 %, 100 ms).
    Random depends on the draw: the published one lies within what 12 draws give, widened by 10 %."""
    raster, inter, drawn = TABLE[density, interval_s]
    ours = [
        heat_of(16, density, order, interval_s).peak_k.max() for order in (np.arange(256), interleave(16, 4))
    ]
    draws = [
        heat_of(16, density, np.random.default_rng(seed).permutation(256), interval_s).peak_k.max()
        for seed in range(12)
    ]
    print(
        f"{density}/cm2 {interval_s * 1e3:g} ms: raster {ours[0]:.1f}/{raster} K,"
        f" interleave {ours[1]:.1f}/{inter} K, random {min(draws):.1f}-{max(draws):.1f}/{drawn} K"
    )
    assert ours == pytest.approx([raster, inter], rel=0.045)
    assert 0.9 * min(draws) <= drawn <= 1.1 * max(draws)


def test_raster_is_worst_on_a_large_field():
    """Finding 3: 20 mm at 500 Hz, 884/cm2: Omega 0.30 raster, 0.004-0.02 interleaved, 0.003-0.005 random;
    peaks 24.6 / 20.7 / 18.8 K. Median of the inner mid-gaps; a factor of 2 in Omega is 1 K, or 4 % of the
    rise."""
    side = 60
    _, middle = grid(side, 884)
    inner = middle[(np.abs(middle - middle.mean(axis=0)) < 0.004).all(axis=1)]
    orders = {
        "raster": np.arange(side**2),
        **{f"interleaved {k}": interleave(side, k) for k in (3, 4, 5)},
        "random": np.random.default_rng(0).permutation(side**2),
    }
    omega, peak = {}, {}
    for name, order in orders.items():
        field = heat_of(side, 884, order, 0.002, inner)
        omega[name], peak[name] = float(np.median(field.omega)), float(np.median(field.peak_k))
        print(f"{name}: Omega {omega[name]:.2g}, median peak {peak[name]:.1f} K")
    assert 0.15 <= omega["raster"] <= 0.6
    assert all(0.002 <= omega[f"interleaved {k}"] <= 0.04 for k in (3, 4, 5))
    assert 0.0015 <= omega["random"] <= 0.01
    assert peak["raster"] == pytest.approx(24.6, rel=0.1)


def test_one_spot_by_hand():
    """At r = 0.2 mm, 0.1 s after 20 mJ in 0.63 mm: q'/(4 pi k t) exp(-r2/4at) erf(L/sqrt(4at)), beam added to
    4at."""
    model = HeatModel()
    s = 4 * 1e-7 * 0.1 + (60e-6) ** 2 / 2
    line = 0.3 * 20e-3 / 0.63e-3
    erf = math.erf(0.63e-3 / math.sqrt(s))
    expected = line * 1e-7 / (math.pi * 0.36 * s) * math.exp(-(0.2e-3**2) / s) * erf
    probe, times = [[0.0, 0.2e-3]], [0.99, 1.1]
    got = temperature_rise([[0.0, 0.0]], [1.0], [20.0], [630.0], probe, times, model)
    assert got[0] == pytest.approx([0.0, expected], rel=1e-9)


def test_heat_is_conserved_in_a_deep_line():
    """The heat per depth over the plane is q': a line much deeper than heat has come, summed on a fine
    grid."""
    line = np.linspace(-0.003, 0.003, 241)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    rise = temperature_rise([[0.0, 0.0]], [0.0], [20.0], [5000.0], plane, [0.5])
    model = HeatModel()
    per_depth = rise.sum() * (line[1] - line[0]) ** 2 * model.conductivity_w_mk / model.diffusivity_m2_s
    assert per_depth == pytest.approx(0.3 * 20e-3 / 5e-3, rel=1e-3)


@pytest.mark.parametrize("name", ["raster", "random"])
def test_quick_sum_against_the_whole_sum(name):
    rng = np.random.default_rng(5)
    spots, middle = grid(30, 884)
    spots = spots + rng.normal(0, 40e-6, spots.shape)
    count = len(spots)
    at = fire(np.arange(count) if name == "raster" else rng.permutation(count), 0.004)
    energy, depth = rng.uniform(10, 25, count), rng.uniform(400, 800, count)
    probes = sample(gaps(spots).middle, 80)
    quick = mid_gap_heat(spots, at, energy, depth, probes)
    times = np.linspace(0.0, at.max() + 3.2, 3400)
    whole = temperature_rise(spots, at, energy, depth, probes, times)
    model = HeatModel()
    rate = np.exp(math.log(model.frequency_per_s) - model.activation_k / (whole + 34.0 + 273.15))
    omega = np.trapezoid(rate, times, axis=1)
    error = quick.peak_k - whole.max(axis=1)
    print(f"{name}: peak off by {np.abs(error).max():.3f} K, bound of what is left out {quick.far_k:.3f} K")
    assert np.abs(error).max() <= quick.far_k + 0.02 * whole.max()
    assert quick.omega == pytest.approx(omega, rel=0.12)
    assert quick.omega.mean() == pytest.approx(omega.mean(), rel=0.05)
    assert len(middle) > 0


def test_bound_holds_for_what_is_left_out():
    """The rise by the spots beyond the reach, at any time, stays below the bound: checked in the worst
    place."""
    spots, _ = grid(90, 884)
    count = len(spots)
    at = fire(np.random.default_rng(1).permutation(count), 0.002)
    span = float(at.max()) + 2.0
    model = HeatModel()
    reach, bound = reach_m(spots, np.full(count, 20.0), span, model, 0.25)
    middle = spots.mean(axis=0, keepdims=True)
    far = np.linalg.norm(spots - middle, axis=1) > reach
    assert 100 < far.sum() < count
    rise = temperature_rise(
        spots[far],
        at[far],
        np.full(far.sum(), 20.0),
        np.full(far.sum(), 630.0),
        middle,
        np.linspace(0, span, 60),
    )
    print(f"beyond {reach * 1e3:.1f} mm: {rise.max():.3f} K, bound {bound:.3f} K")
    assert 0.0 < rise.max() <= bound <= 0.2501


def test_nothing_to_heat_and_nothing_to_look_at():
    none = mid_gap_heat(np.zeros((0, 2)), [], [], [], [[0.0, 0.0]])
    assert none.p99_k == 0.0 and none.omega_mean == 0.0
    assert len(mid_gap_heat([[0.0, 0.0]], [0.0], [20.0], [630.0], np.zeros((0, 2))).peak_k) == 0


def test_bad_input_is_named():
    good = ([[0.0, 0.0], [1e-3, 0.0]], [0.0, 1.0], [20.0, 20.0], [630.0, 630.0], [[0.0, 1e-3]])
    with pytest.raises(ValueError, match=r"energy_mj must be \(2,\)"):
        mid_gap_heat(*good[:2], [20.0], *good[3:])
    with pytest.raises(ValueError, match=r"depth_um\[1\] is 0"):
        mid_gap_heat(*good[:3], [630.0, 0.0], good[4])
    with pytest.raises(ValueError, match=r"uv_m\[1\]"):
        mid_gap_heat([[0.0, 0.0], [np.nan, 0.0]], *good[1:])
    with pytest.raises(ValueError, match="probes"):
        mid_gap_heat(*good[:4], [[np.inf, 0.0]])
    with pytest.raises(ValueError, match="eta is a fraction"):
        HeatModel(eta=30.0)
    with pytest.raises(ValueError, match="diffusivity_m2_s"):
        HeatModel(diffusivity_m2_s=0.0)


def test_gaps_are_between_three_spots():
    spots, _ = grid(12, 884)
    found = gaps(spots + np.random.default_rng(0).normal(0, 30e-6, spots.shape))
    assert len(found.corners) == pytest.approx(2 * 11 * 11, rel=0.1)
    across = found.across()
    inside = (across >= 0).all(axis=1)
    assert inside.mean() > 0.6
    joined = np.sort(np.concatenate([found.corners, across], axis=1)[inside], axis=1)
    assert (np.diff(joined, axis=1) > 0).all(axis=1).mean() > 0.99  # six different spots
    assert len(gaps([[0, 0], [1e-3, 0], [2e-3, 0], [3e-3, 0]]).corners) == 0
    assert len(gaps(np.zeros((0, 2))).corners) == 0
