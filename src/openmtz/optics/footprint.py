"""What arrives on tilted, defocused skin: an ellipse, and less fluence than straight and in focus."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz.optics.profile import HandpieceProfile


def footprint_um(
    profile: HandpieceProfile, defocus_m: ArrayLike, incidence_rad: ArrayLike
) -> NDArray[np.float64]:
    """Return `(N, 2)` 1/e2 diameters [um] of the spot on the skin: along the tilt d/cos, across it d.

    `defocus_m` `(N,)` [m] along the beam, `incidence_rad` `(N,)` between beam and skin's normal (domain
    facts, section 6 [D]). The beam's divergence within one footprint is left out: at 30 degrees the two ends
    of a 120 um spot differ by 70 um along the beam, 1 % of its diameter.

    Raises:
        ValueError: an incidence of 90 degrees or more has no footprint.
    """
    angle = np.asarray(incidence_rad, np.float64)
    if not (np.isfinite(angle).all() and (np.abs(angle) < np.pi / 2).all()):
        raise ValueError("incidence must be finite and below 90 degrees: beyond it the beam misses the skin")
    across = np.broadcast_to(profile.spot_diameter_um(defocus_m), np.broadcast(defocus_m, angle).shape)
    return np.stack([across / np.cos(angle), across], axis=-1)


def delivered_share(
    profile: HandpieceProfile, defocus_m: ArrayLike, incidence_rad: ArrayLike
) -> NDArray[np.float64]:
    """Return `(N,)` peak fluence on the skin as a share of what the same pulse has in focus at right angles:
    cos(incidence) x (spot in focus / spot here)^2; 0 where the beam comes from behind."""
    narrow = (profile.spot_um / profile.spot_diameter_um(defocus_m)) ** 2
    return np.asarray(narrow * np.maximum(np.cos(incidence_rad), 0.0), np.float64)
