"""Footprint and delivered fluence against a Gaussian beam integrated numerically."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.optics import delivered_share, footprint_um
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE


def test_straight_and_in_focus_is_the_spot():
    assert footprint_um(PROFILE, 0.0, 0.0).tolist() == [120.0, 120.0]
    assert delivered_share(PROFILE, 0.0, 0.0) == pytest.approx(1.0)


@pytest.mark.parametrize("tilt_deg", [0.0, 15.0, 30.0])
@pytest.mark.parametrize("defocus_m", [0.0, 0.0004])
def test_fluence_on_a_tilted_plane(tilt_deg, defocus_m):
    """Energy of a collimated Gaussian beam is conserved on the plane: its ellipse and peak agree with
    ours."""
    tilt = np.deg2rad(tilt_deg)
    width = PROFILE.spot_diameter_um(defocus_m) * 1e-6 / 2
    line = np.linspace(-5 * width, 5 * width, 801)
    u, v = np.meshgrid(line, line, indexing="ij")  # u lies in the plane, along the tilt
    density = 2 / (np.pi * width**2) * np.exp(-2 * ((u * np.cos(tilt)) ** 2 + v**2) / width**2) * np.cos(tilt)
    assert density.sum() * (line[1] - line[0]) ** 2 == pytest.approx(1.0, rel=1e-3)
    along, across = footprint_um(PROFILE, defocus_m, tilt) * 1e-6
    middle = density[:, 400]
    inside = line[middle >= middle.max() * np.exp(-2)]
    assert inside[-1] - inside[0] == pytest.approx(along, rel=0.02)
    assert across == pytest.approx(2 * width)
    straight = 2 / (np.pi * (PROFILE.spot_um * 0.5e-6) ** 2)
    assert density.max() / straight == pytest.approx(float(delivered_share(PROFILE, defocus_m, tilt)))


def test_an_edge_on_beam_has_no_footprint():
    with pytest.raises(ValueError, match="below 90 degrees"):
        footprint_um(PROFILE, 0.0, np.pi / 2)
    assert delivered_share(PROFILE, 0.0, np.pi) == 0.0
