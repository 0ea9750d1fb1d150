"""Counts that mean "nothing was measured": each sensor has its own, and few files say which.

Zero, negative, NaN and infinite always do, and the largest count of 16 bits. Other marks are found by what
they are: one exact count in very many pixels, where skin and walls spread over neighbouring counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[Any]
KNOWN_MARKS = (
    (1023, 1023), (2047, 2047), (4095, 4095), (8191, 8191), (16383, 16383), (32767, 32767),
    (16001, 16007), (32001, 32007), (64001, 64007), (65500, 65534),
)  # fmt: skip
"""First and last count: all bits set (10 to 15 bits), and error codes of time-of-flight cameras [M]."""
FULL = 65535
FEWEST = 50
SHARE = 0.002
"""Pixels that a count must hold to be a mark, known or not; below, it does no harm."""
KNOWN_TIMES, UNKNOWN_TIMES = 3, 20
"""So many times the pixels of any one count around it (within 5 %): known marks, and unknown ones."""
AROUND = 0.05


def without_marks(counts: Counts) -> tuple[Counts, list[float]]:
    """Return the counts `(H, W)` with 0 where nothing was measured, and the marks found other than 0.

    Where nothing else would remain, an unknown mark stays: a picture of one count is judged later.
    """
    image = np.array(counts)
    if image.dtype.kind == "f":
        image[~np.isfinite(image)] = 0
    image[image < 0] = 0
    found: list[float] = []
    if (image == FULL).any():
        image[image == FULL] = 0
        found.append(FULL)
    values, pixels = _histogram(image)
    mark = _known(values, pixels) | _unknown(values, pixels, image.size)
    if not mark.any() or pixels[~mark].sum() < FEWEST:
        return image, found
    image[np.isin(image, values[mark])] = 0
    return image, found + [float(v) for v in values[mark]]


def _histogram(image: Counts) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the counts above 0 that occur, rising, and in how many pixels each does."""
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        every = np.bincount(image.ravel())
        values = np.flatnonzero(every)
        pixels = every[values]
    else:
        values, pixels = np.unique(image, return_counts=True)
    above = values > 0
    return values[above].astype(np.float64), pixels[above].astype(np.int64)


def _known(values: NDArray[np.float64], pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    mark = np.zeros(len(values), bool)
    for first, last in KNOWN_MARKS:
        inside = (values >= first) & (values <= last)
        if pixels[inside].sum() < FEWEST:
            continue
        around = (values > first - _reach(first)) & (values < last + _reach(last)) & ~inside
        if pixels[inside].max() >= KNOWN_TIMES * pixels[around].max(initial=0):
            mark |= inside
    return mark


def _unknown(values: NDArray[np.float64], pixels: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    mark = np.zeros(len(values), bool)
    for k in np.flatnonzero(pixels >= max(FEWEST, SHARE * size)):
        around = np.abs(values - values[k]) <= _reach(values[k])
        around[k] = False
        mark[k] = pixels[k] >= UNKNOWN_TIMES * pixels[around].max(initial=0)
    return mark


def _reach(value: float) -> float:
    """How far around a count others are looked at: two counts at least, for coarse ones."""
    return max(2.0, AROUND * value) if value > 16 else AROUND * value
