"""Flat arrays of messages and numpy arrays, without loops."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CODES = {
    "float32": "f",
    "float64": "d",
    "int32": "i",
    "uint32": "I",
    "uint16": "H",
    "uint8": "B",
    "uint64": "Q",
}


def typed_array(values: Any, dtype: str) -> array[Any]:
    """Return an `array.array` of a numpy array, flattened: what rclpy takes without a loop."""
    data = np.ascontiguousarray(values, dtype=dtype)
    out: array[Any] = array(_CODES[dtype])
    out.frombytes(data.tobytes())
    return out


def rows(name: str, values: Any, dtype: Any, width: int) -> NDArray[Any]:
    """Return `(n, width)` of a flat array.

    Raises:
        ValueError: no whole number of rows.
    """
    array = np.asarray(values, dtype)
    if array.size % width:
        raise ValueError(f"{name} holds {array.size} numbers, no whole number of rows of {width}")
    return array.reshape(-1, width)
