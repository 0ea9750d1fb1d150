"""The layout of a plan: its version, and the arrays of its spots in the order of their bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

PLAN_FORMAT_VERSION = 1
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
