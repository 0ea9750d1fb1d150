"""Canonical bytes of a plan: the same plan has the same bytes on every machine.

Layout, little-endian: magic `OMTZPLAN1\\n`; u32 length and UTF-8 canonical JSON of the header
(sorted keys, no spaces); u32 N; u32 S; then the spot arrays in the order of `SPOT_FIELDS`; then the
station poses as int64 of 1e-9 units `(S, 7)`.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from openmtz.plan.plan import _DTYPES, SPOT_FIELDS, PlanError, TreatmentPlan

MAGIC = b"OMTZPLAN1\n"
MAX_SPOTS = 5_000_000
"""More than any treatment: 350 cm2 at 1768/cm2 in four passes is 2.5 million."""


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


def plan_from_bytes(data: bytes) -> TreatmentPlan:
    """Read canonical bytes back.

    Raises:
        PlanError: not a plan, another version, truncated, or trailing bytes.
    """
    if not data.startswith(MAGIC):
        raise PlanError("these bytes are not an OpenMTZ plan (wrong magic)")
    try:
        at = len(MAGIC)
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        header = json.loads(data[at : at + length].decode())
        at += length
        count, stations = struct.unpack_from("<II", data, at)
        at += 8
        if count > MAX_SPOTS:
            raise PlanError(f"{count} spots are more than any plan has (limit {MAX_SPOTS})")
        arrays: dict[str, Any] = {}
        for name in SPOT_FIELDS:
            dtype, columns = _DTYPES[name]
            wire = np.dtype(dtype).newbyteorder("<")
            array = np.frombuffer(data, wire, count * columns, at)
            at += array.nbytes
            arrays[name] = array.reshape(count, columns) if columns > 1 else array
        poses = np.frombuffer(data, "<i8", stations * 7, at).reshape(stations, 7)
        at += poses.nbytes
    except PlanError:
        raise
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise PlanError(f"the plan is truncated or damaged: {error}") from error
    if at != len(data):
        raise PlanError(f"{len(data) - at} bytes follow the end of the plan")
    if not isinstance(header, dict):
        raise PlanError("the plan's header is not a JSON object")
    return TreatmentPlan(header=header, station_pose=poses / 1e9, **arrays)
