"""The check of all numbers given to tissue models: says what is wrong, in which row, and what is valid."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class TissueError(ValueError):
    """Numbers that no tissue model can work with."""


def columns(**named: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return each argument as float64 `(N,)`, scalars repeated; `N` is the longest.

    Raises:
        TissueError: not numbers, more than one dimension, NaN or infinite, lengths that differ.
    """
    arrays: dict[str, NDArray[np.float64]] = {}
    for name, value in named.items():
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError) as error:
            raise TissueError(f"{name} must be numbers: {error}") from error
        if array.ndim > 1:
            raise TissueError(f"{name} must be one-dimensional, got shape {array.shape}")
        bad = ~np.isfinite(np.atleast_1d(array))
        if bad.any():
            raise TissueError(
                f"{name}: {int(bad.sum())} of {bad.size} are NaN or infinite, the first in row"
                f" {int(np.argmax(bad))}; leave out shots that hit nothing"
            )
        arrays[name] = array
    lengths = {name: len(a) for name, a in arrays.items() if a.ndim == 1}
    count = max(lengths.values(), default=1)
    if any(length != count for length in lengths.values()):
        raise TissueError("lengths differ: " + ", ".join(f"{k} {v}" for k, v in lengths.items()))
    return tuple(np.broadcast_to(a, (count,)).astype(np.float64) for a in arrays.values())
