"""Firing order: a permutation, neighbours apart in time, cooler than raster, never slower than asked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from openmtz.planning import HeadTiming, firing_order, place_spots
from openmtz.planning.order.ordering import CANDIDATES
from openmtz.tissue import HeatModel

SQUARE = (np.array([[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]]) * 1e-3, np.array([[0, 1, 2], [0, 2, 3]]))


@pytest.fixture(scope="module")
def spots():
    positions = place_spots(*SQUARE, 884.0, seed=2).positions
    return positions, np.full(len(positions), 20.0), np.full(len(positions), 630.0)


def test_permutation_with_increasing_times(spots):
    result = firing_order(*spots)
    assert sorted(result.order) == list(range(len(spots[0])))
    assert result.not_before_s[0] == 0.0
    assert (np.diff(result.not_before_s) >= 0.8e-3 + 1.0e-3).all()


def test_neighbours_rest_between_shots(spots):
    result = firing_order(*spots)
    at = np.empty(len(spots[0]))
    at[result.order] = result.not_before_s
    pitch = np.median(cKDTree(spots[0]).query(spots[0], k=2)[0][:, 1])
    pairs = cKDTree(spots[0]).query_pairs(1.2 * pitch, output_type="ndarray")
    assert np.abs(at[pairs[:, 0]] - at[pairs[:, 1]]).min() >= HeatModel().revisit_s - 1e-9


def test_chosen_order_is_the_best_of_those_quick_enough(spots):
    result = firing_order(*spots)
    rows = {name: (omega, seconds) for name, omega, _, seconds in result.compared}
    assert set(rows) == set(CANDIDATES)
    quickest = min(seconds for _, seconds in rows.values())
    assert rows[result.name][1] <= 1.1 * quickest
    assert rows[result.name][0] < rows["raster"][0]


def test_deterministic_and_fixed_on_request(spots):
    assert np.array_equal(firing_order(*spots).order, firing_order(*spots).order)
    assert firing_order(*spots, only="raster").name == "raster"


def test_times_follow_the_head(spots):
    slow = firing_order(*spots, HeadTiming(settle_us=5000.0), only="random").not_before_s[-1]
    quick = firing_order(*spots, HeadTiming(settle_us=400.0), only="random").not_before_s[-1]
    assert slow > 1.5 * quick


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_spots(count):
    result = firing_order(np.eye(3)[:count] * 1e-3, np.full(count, 20.0), np.full(count, 600.0))
    assert sorted(result.order) == list(range(count))


def test_bad_input_is_named(spots):
    with pytest.raises(ValueError, match="must be"):
        firing_order(spots[0], [1.0], spots[2])
    with pytest.raises(ValueError, match="interleaved_2"):
        firing_order(*spots, only="spiral")
