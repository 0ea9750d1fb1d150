"""Numbers written as text -> arrays, at the speed of a compiled parser, with nothing skipped in silence."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import BrokenFileError


def parse_numbers(text: bytes) -> NDArray[np.float64]:
    """Return the whitespace-separated numbers of `text` `(N,)`; `nan` and `inf` are numbers.

    Raises:
        BrokenFileError: something that is no number, with the place named by what stands there.
    """
    if not text.strip():
        return np.zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, np.float64, sep=" ")  # type: ignore[call-overload,no-any-return]
        except (DeprecationWarning, ValueError):
            pass
    for word in text.split():
        try:
            float(word)
        except ValueError:
            shown = word[:20].decode("ascii", "replace")
            comma = " (decimal comma: write a point)" if b"," in word else ""
            raise BrokenFileError(f"{shown!r} stands where a number should{comma}") from None
    return np.array([float(word) for word in text.split()])
