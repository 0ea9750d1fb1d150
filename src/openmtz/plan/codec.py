"""Canonical bytes of a plan: the same plan has the same bytes on every machine.

Layout, little-endian: magic `OMTZPLAN1\\n`; u32 length and UTF-8 canonical JSON of the header
(sorted keys, no spaces); u32 N; u32 S; then the spot arrays in the order of `SPOT_FIELDS`; then the
station poses as int64 of 1e-9 units `(S, 7)`.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from openmtz.plan.layout import SPOT_FIELDS, PlanError

if TYPE_CHECKING:
    from openmtz.plan.plan import TreatmentPlan

MAGIC = b"OMTZPLAN1\n"


def canonical_json(header: dict[str, Any]) -> str:
    """Return the header as JSON with sorted keys and no spaces; NaN is refused."""
    try:
        return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PlanError(f"the plan's header cannot be written as JSON: {error}") from error


def canonical_bytes(plan: TreatmentPlan) -> bytes:
    """Return the bytes whose SHA-256 identifies the plan."""
    header = canonical_json(plan.header).encode()
    parts = [MAGIC, struct.pack("<I", len(header)), header]
    parts.append(struct.pack("<II", len(plan), len(plan.station_pose)))
    for name in SPOT_FIELDS:
        array = getattr(plan, name)
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    parts.append(np.rint(plan.station_pose * 1e9).astype("<i8").tobytes())
    return b"".join(parts)
