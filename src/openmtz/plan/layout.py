"""The layout of a plan: its version, and the arrays of its spots in the order of their bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

PLAN_FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)
"""Version 1 knows no waits between firing groups: its reader would fire too early, so it must refuse 2."""
MAX_GROUP_WAIT_S = 300.0
"""Longest wait before a firing group [s]: 30-120 s between passes is conservative (domain facts, section 3
[D/M]); more than twice that is a wrong unit. Engineering default."""
SPOT_DTYPES: dict[str, tuple[Any, int]] = {
    "position_nm": (np.int32, 3),
    "normal_e9": (np.int32, 3),
    "energy_uj": (np.uint32, 1),
    "pulse_us": (np.uint32, 1),
    "depth_um": (np.uint32, 1),
    "not_before_us": (np.uint32, 1),
    "station": (np.uint16, 1),
    "pass_index": (np.uint8, 1),
}


class PlanError(ValueError):
    """A plan that contradicts itself, or bytes that are no plan."""


SPOT_FIELDS = tuple(SPOT_DTYPES)
