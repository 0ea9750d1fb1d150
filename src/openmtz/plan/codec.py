"""Canonical bytes of a plan: the same plan has the same bytes on every machine.

Layout, little-endian: magic `OMTZPLAN1\\n`; u32 length and UTF-8 canonical JSON of the header
(sorted keys, no spaces); u32 N; u32 S; then the spot arrays in the order of `SPOT_FIELDS`; then the
station poses as int64 of 1e-9 units `(S, 7)`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.plan.layout import SPOT_FIELDS, PlanError

MAGIC = b"OMTZPLAN1\n"


def canonical_json(header: dict[str, Any]) -> str:
    """Return the header as JSON with sorted keys and no spaces; NaN is refused."""
    try:
        return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PlanError(f"the plan's header cannot be written as JSON: {error}") from error


def encode(header: Mapping[str, Any], spots: Mapping[str, NDArray[Any]], poses: NDArray[np.float64]) -> bytes:
    """Return the bytes of a header, spot arrays by name (each of `SPOT_FIELDS`) and station poses `(S, 7)`.

    Raises:
        PlanError: the header cannot be written as JSON.
    """
    text = canonical_json(dict(header)).encode()
    parts = [MAGIC, struct.pack("<I", len(text)), text]
    parts.append(struct.pack("<II", len(spots[SPOT_FIELDS[0]]), len(poses)))
    for name in SPOT_FIELDS:
        array = spots[name]
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    parts.append(np.rint(poses * 1e9).astype("<i8").tobytes())
    return b"".join(parts)
