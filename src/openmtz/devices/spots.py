"""Spot records: what the scan head is told of one spot, 14 bytes, and the digest permits are bound to."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RECORD_BYTES = 14
RECORD_DTYPE = np.dtype(
    [("counts", "<i2", (2,)), ("energy_uj", "<u4"), ("pulse_us", "<u2"), ("not_before_us", "<u4")]
)
"""Little-endian, packed: x_counts i16, y_counts i16, energy_uj u32, pulse_us u16, not_before_us u32."""

RECORD_STRUCT = struct.Struct("<hhIHI")
"""The same layout for one record at a time."""


class SpotRecords(NamedTuple):
    """`counts` `(N, 2)` int16 galvo counts x, y; the others `(N,)`: [uJ], [us], [us]."""

    counts: NDArray[np.int16]
    energy_uj: NDArray[np.uint32]
    pulse_us: NDArray[np.uint16]
    not_before_us: NDArray[np.uint32]


def _fits(name: str, values: ArrayLike, dtype: type, shape: tuple[int, ...]) -> NDArray[np.integer]:
    array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {array.dtype}: rounding is the caller's decision")
    limits = np.iinfo(dtype)
    if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
        raise ValueError(
            f"{name} does not fit its field of {limits.min}..{limits.max}: never wrapped silently"
        )
    return array


def encode_records(
    counts: ArrayLike, energy_uj: ArrayLike, pulse_us: ArrayLike, not_before_us: ArrayLike
) -> bytes:
    """Return `N` records as `14 N` bytes.

    Raises:
        ValueError: shapes that do not match, numbers that are no integers or do not fit their field.
    """
    number = len(np.asarray(counts))
    records = np.zeros(number, RECORD_DTYPE)
    records["counts"] = _fits("counts", counts, np.int16, (number, 2))
    records["energy_uj"] = _fits("energy_uj", energy_uj, np.uint32, (number,))
    records["pulse_us"] = _fits("pulse_us", pulse_us, np.uint16, (number,))
    records["not_before_us"] = _fits("not_before_us", not_before_us, np.uint32, (number,))
    return records.tobytes()


def decode_records(data: bytes) -> SpotRecords:
    """Return the records of `14 N` bytes.

    Raises:
        ValueError: a length that is no multiple of 14.
    """
    if len(data) % RECORD_BYTES:
        raise ValueError(f"{len(data)} bytes are no whole number of {RECORD_BYTES}-byte spot records")
    records = np.frombuffer(data, RECORD_DTYPE)
    return SpotRecords(
        np.ascontiguousarray(records["counts"], np.int16),
        np.ascontiguousarray(records["energy_uj"], np.uint32),
        np.ascontiguousarray(records["pulse_us"], np.uint16),
        np.ascontiguousarray(records["not_before_us"], np.uint32),
    )


def running_digest(records: bytes, before: int = 0) -> NDArray[np.uint32]:
    """Return `(N,)` uint32: `digest[i] = crc32(record i, digest[i - 1])`, `digest[-1] = before`.

    `digest[i]` so names everything from the first spot of the selection up to spot i, with one number.

    Raises:
        ValueError: a length that is no multiple of 14.
    """
    if len(records) % RECORD_BYTES:
        raise ValueError(f"{len(records)} bytes are no whole number of {RECORD_BYTES}-byte spot records")
    digests = np.empty(len(records) // RECORD_BYTES, np.uint32)
    value = before
    for row in range(len(digests)):
        value = zlib.crc32(records[row * RECORD_BYTES : (row + 1) * RECORD_BYTES], value)
        digests[row] = value
    return digests
