"""Arrhenius sets against the times the literature gives, and the integral."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.tissue.damage import ARRHENIUS_SETS, COLLAGEN, HENRIQUES, Arrhenius, weaver_stoll_rate_per_s

TIMES = [(44.0, 5550.0, 5550.0), (48.0, 42.0, 142.0), (50.0, 20.0, 20.0), (55.0, 0.3, 3.0)]
"""Domain facts, section 3: temperature [C], and the least and the longest time [s] to Omega = 1."""


@pytest.mark.parametrize(("celsius", "low_s", "high_s"), TIMES)
def test_weaver_and_stoll_s_times_to_omega_one_are_those_of_the_literature(celsius, low_s, high_s):
    time_s = float(1.0 / weaver_stoll_rate_per_s(celsius))
    assert 0.8 * low_s <= time_s <= 1.2 * high_s


@pytest.mark.parametrize(("celsius", "factor"), [(44.0, 2.93), (48.0, 6.07), (50.0, 8.68), (55.0, 1.857)])
def test_henriques_times_are_longer_than_weaver_and_stoll_s_by_so_much(celsius, factor):
    """By the constants of domain facts, section 2: none of the literature's times is Henriques'. So Omega by
    his set is the lower one; whoever changes a constant sees it here."""
    ratio = float(HENRIQUES.time_to_one_s(celsius) * weaver_stoll_rate_per_s(celsius))
    assert ratio == pytest.approx(factor, rel=0.01)


def test_rounding_the_activation_energy_makes_times_five_times_too_long():
    rounded = Arrhenius("rounded", 3.1e98, 6.28e5 / 8.314462618, "6.28e5 J/mol")
    assert float(rounded.time_to_one_s(50.0) / HENRIQUES.time_to_one_s(50.0)) == pytest.approx(5.0, rel=0.2)


def test_omega_of_a_constant_temperature_is_time_over_time_to_one():
    times = np.linspace(0.0, 40.0, 11)
    assert HENRIQUES.omega(np.full(11, 50.0), times) == pytest.approx(40.0 / HENRIQUES.time_to_one_s(50.0))
    two = HENRIQUES.omega(np.stack([np.full(11, 50.0), np.full(11, 52.0)]), times)
    assert two.shape == (2,) and two[1] > 3 * two[0]


def test_collagen_outlasts_the_epidermis():
    assert COLLAGEN.time_to_one_s(60.0) > 10 * HENRIQUES.time_to_one_s(60.0)
    assert set(ARRHENIUS_SETS) >= {"henriques", "collagen", "weaver_stoll_44_50", "weaver_stoll_above_50"}


def test_weaver_stoll_knows_its_ranges():
    rate = weaver_stoll_rate_per_s([40.0, 45.0, 50.0, 60.0])
    assert rate[0] == 0.0 and (np.diff(rate) > 0).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="must increase"):
        HENRIQUES.omega([50.0, 50.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="must end in"):
        HENRIQUES.omega([50.0, 50.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="finite"):
        HENRIQUES.omega([50.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="frequency_per_s"):
        Arrhenius("none", 0.0, 1.0, "nowhere")
