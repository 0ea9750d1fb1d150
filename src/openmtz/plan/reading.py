"""Canonical bytes back to a plan; whatever does not fit exactly is refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from openmtz.plan.codec import MAGIC
from openmtz.plan.layout import SPOT_DTYPES, SPOT_FIELDS, PlanError
from openmtz.plan.plan import TreatmentPlan

MAX_SPOTS = 5_000_000
"""More than any treatment: 350 cm2 at 1768/cm2 in four passes is 2.5 million."""


def _no_constant(name: str) -> float:
    raise ValueError(f"the header holds {name}")


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
        header = json.loads(data[at : at + length].decode(), parse_constant=_no_constant)
        at += length
        count, stations = struct.unpack_from("<II", data, at)
        at += 8
        if count > MAX_SPOTS:
            raise PlanError(f"{count} spots are more than any plan has (limit {MAX_SPOTS})")
        arrays: dict[str, Any] = {}
        for name in SPOT_FIELDS:
            dtype, columns = SPOT_DTYPES[name]
            wire = np.dtype(dtype).newbyteorder("<")
            array = np.frombuffer(data, wire, count * columns, at)
            at += array.nbytes
            arrays[name] = array.reshape(count, columns) if columns > 1 else array
        poses = np.frombuffer(data, "<i8", stations * 7, at).reshape(stations, 7)
        at += poses.nbytes
    except PlanError:
        raise
    except (struct.error, ValueError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(f"the plan is truncated or damaged: {error}") from error
    if at != len(data):
        raise PlanError(f"{len(data) - at} bytes follow the end of the plan")
    if not isinstance(header, dict):
        raise PlanError("the plan's header is not a JSON object")
    return TreatmentPlan(header=header, station_pose=poses / 1e9, **arrays)
