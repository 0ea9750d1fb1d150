"""Energy correction: the intended depth is reached where it can be, else the spot is refused with a cause."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from openmtz.optics import delivered_share
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.planning.dose.energy import LEAST_DEPTH_SHARE, energy_correction
from openmtz.planning.refusals import Cause


def test_upright_in_focus_nothing_changes():
    meant = np.array([5.0, 12.34, 20.0, 30.0])
    got = energy_correction(PROFILE, meant, 0.0, 0.0)
    assert np.array_equal(got.energy_mj, meant)
    assert np.allclose(got.depth_um, PROFILE.depth_of_energy_um(meant))
    assert (got.cause == "").all()


@given(st.floats(5.0, 30.0), st.floats(-0.0004, 0.0004), st.floats(0.0, np.deg2rad(30.0)))
def test_the_intended_depth_is_reached_or_the_cause_said(meant, defocus, incidence):
    got = energy_correction(PROFILE, meant, defocus, incidence)
    energy, depth, intended = float(got.energy_mj[0]), float(got.depth_um[0]), float(got.intended_um[0])
    assert meant - 0.01 <= energy <= PROFILE.energy_max_mj
    share = float(delivered_share(PROFILE, defocus, incidence))
    assert depth == pytest.approx(float(PROFILE.depth_of_energy_um(energy * share)) * np.cos(incidence))
    if energy < PROFILE.energy_max_mj:
        assert depth == pytest.approx(intended, abs=1.0)
    elif depth < LEAST_DEPTH_SHARE * intended - 0.5:
        assert got.cause[0] == Cause.ENERGY_ABOVE.value
    else:
        assert got.cause[0] == ""


def test_tilt_and_defocus_cost_energy_by_hand():
    tilt, defocus = np.deg2rad(20.0), 0.0003
    got = energy_correction(PROFILE, 15.0, defocus, tilt)
    depth = float(PROFILE.depth_of_energy_um(15.0)) / np.cos(tilt)
    straight = np.interp(depth, PROFILE.depth_um, PROFILE.depth_energy_mj)
    wider = 1.0 + (defocus / PROFILE.rayleigh_m) ** 2
    assert float(got.energy_mj[0]) == pytest.approx(straight * wider / np.cos(tilt), abs=0.006)


def test_limits_refuse_with_cause():
    assert energy_correction(PROFILE, 3.0, 0.0, 0.0).cause[0] == Cause.ENERGY_BELOW.value
    steep = energy_correction(PROFILE, 30.0, 0.0004, np.deg2rad(30.0))
    assert steep.energy_mj[0] == PROFILE.energy_max_mj and steep.cause[0] == Cause.ENERGY_ABOVE.value
    capped = energy_correction(PROFILE, 14.0, 0.0, np.deg2rad(20.0), most_mj=15.0)
    assert capped.energy_mj[0] == 15.0 and capped.depth_um[0] < capped.intended_um[0]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_energies_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="finite and positive"):
        energy_correction(PROFILE, [20.0, bad], 0.0, 0.0)
