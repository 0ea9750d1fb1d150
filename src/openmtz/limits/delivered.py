"""How shots may meet the true skin: rules for what was delivered, beside those for what is planned.

A plan is held to tilt and focus spot by spot, by the skin as it was captured: normals averaged over about a
millimetre (`incidence_scale_mm` in the plan's header). The true skin is steeper and deeper in places than any
capture at that scale shows, the walls and floors of narrow scars above all. So a delivery is judged by the
share of its shots beyond the same limits: more than a clean run has means that something was wrong, with the
aim, the focus or the patient's place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.limits.absolute import LIMITS
from openmtz.optics import HandpieceProfile, ProfileError

STEEP_SHARE = 0.25
"""Share of the shots that may meet the true skin beyond the incidence limit: the clean scar phantom has 13 %.
Engineering default."""
DEFOCUS_SHARE = 0.10
"""Share of the shots that may meet the true skin out of focus: the clean scar phantom has 2 %. Engineering
default."""


class MetSkin(NamedTuple):
    """How `known` shots met the true skin, held against one rule: `beyond` of them lay over `limit` (in
    `unit`, written right behind a number), the worst at `worst`; up to `share` of them may."""

    name: str
    limit: float
    unit: str
    known: int
    beyond: int
    worst: float
    share: float

    @property
    def ok(self) -> bool:
        """No more than the stated share lies beyond the limit."""
        return self.beyond <= self.share * self.known

    @property
    def text(self) -> str:
        """The rule and what was found, for a person."""
        part = self.beyond / max(self.known, 1)
        return (
            f"{self.beyond} of {self.known} shots ({part:.1%}) met the true skin at over {self.limit:.2g}"
            f"{self.unit} {self.name}, at most {self.worst:.2g}{self.unit}; up to {self.share:.0%} may: the"
            " plan keeps to the limit on the skin as captured, whose walls the true skin exceeds in places"
        )


def delivered_tilt(incidence_rad: NDArray[np.float64]) -> MetSkin:
    """Hold angles `(N,)` [rad] of the true skin to the beam, NaN where not known, against the rule."""
    limit = LIMITS["incidence_deg"].value
    return _held("of tilt", np.rad2deg(np.abs(incidence_rad)), limit, "°", STEEP_SHARE)


def delivered_focus(defocus_m: NDArray[np.float64], header_profile: object) -> MetSkin:
    """Hold distances `(N,)` [m] of the true skin from the focus, NaN where not known, against the rule; the
    depth of focus is that of the profile in a plan's header."""
    try:
        depth = HandpieceProfile.from_header(header_profile).depth_of_focus_m  # type: ignore[arg-type]
    except (ProfileError, TypeError, ValueError):
        depth = math.inf  # no profile, no rule: the plan check refuses such a plan
    limit = depth * 1e3 * LIMITS["defocus_factor"].value
    return _held("out of focus", np.abs(defocus_m) * 1e3, limit, " mm", DEFOCUS_SHARE)


def _held(name: str, values: NDArray[np.float64], limit: float, unit: str, share: float) -> MetSkin:
    known = values[np.isfinite(values)]
    worst = float(known.max(initial=0.0))
    return MetSkin(name, limit, unit, len(known), int((known > limit).sum()), worst, share)
