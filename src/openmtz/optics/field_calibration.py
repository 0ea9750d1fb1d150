"""Field calibration of a scan head: which optical angles a pair of counts really gives, and where focus lies.

A 2-D grid look-up (domain facts, section 6 [D]): `angles_rad[i, j]` was measured at `counts_x[i]`,
`counts_y[j]`, in between it is interpolated bilinearly. The inverse is found by Newton's method on the same
interpolation, so that there and back is exact to a count. The identity is the nominal full scale and a flat
focal plane. The calibration's id stands in the plan's header: another calibration is another plan.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openmtz import files
from openmtz.optics.galvo import COUNTS_MAX

FORMAT_VERSION = 1
MOST_MB = 5.0
"""A larger file is no calibration [MB]: a grid of 100 x 100 nodes has 1."""
MAX_DEVIATION = 0.2
"""A head whose angles differ from the nominal by more than this share of full scale is wired or scaled
wrongly, not out of calibration. Pincushion at +-0.25 rad is below 5 %. Engineering default."""
MAX_FOCUS_SHIFT_M = 0.005
"""More field curvature than this is no scan lens. Engineering default."""
NEWTON_STEPS = 12


class CalibrationError(ValueError):
    """A field calibration that cannot be; the text names what is wrong and where."""


@dataclass(frozen=True, eq=False)
class FieldCalibration:
    """Angles and focus over the field. Immutable.

    Attributes:
        counts_x, counts_y: `(I,)`, `(J,)` grid of counts, increasing, within +-32767.
        angles_rad: `(I, J, 2)` optical angles (x, y) [rad] at the grid's counts.
        focus_shift_m: `(I, J)` how far beyond the flat focal plane the focus lies, along the beam [m].
        full_scale_rad: nominal optical angle at 32767 counts [rad].
        name: for people, such as `nominal` or `head 12, 2026-03-02`.

    Raises:
        CalibrationError: shapes that do not match, NaN, a grid that does not increase, angles that do not
            increase along it (a fold in the map has no inverse), or far from nominal.
    """

    counts_x: NDArray[np.float64]
    counts_y: NDArray[np.float64]
    angles_rad: NDArray[np.float64]
    focus_shift_m: NDArray[np.float64]
    full_scale_rad: float
    name: str = "nominal"

    def __post_init__(self) -> None:
        for key in ("counts_x", "counts_y", "angles_rad", "focus_shift_m"):
            value = np.ascontiguousarray(getattr(self, key), np.float64)
            if not np.isfinite(value).all():
                raise CalibrationError(f"calibration {self.name!r}: {key} holds NaN or infinite values")
            value.setflags(write=False)
            object.__setattr__(self, key, value)
        if not (np.isfinite(self.full_scale_rad) and 0.0 < self.full_scale_rad < 1.0):
            raise CalibrationError(
                f"calibration {self.name!r}: full_scale_rad {self.full_scale_rad!r}, need 0 to 1"
            )
        shape = (len(self.counts_x), len(self.counts_y))
        if self.counts_x.ndim != 1 or self.counts_y.ndim != 1 or min(shape) < 2:
            raise CalibrationError(
                f"calibration {self.name!r}: the grid needs two or more counts per axis, got {shape}"
            )
        if self.angles_rad.shape != (*shape, 2) or self.focus_shift_m.shape != shape:
            raise CalibrationError(
                f"calibration {self.name!r}: angles_rad must be {(*shape, 2)} and focus_shift_m {shape},"
                f" got {self.angles_rad.shape} and {self.focus_shift_m.shape}"
            )
        for axis, counts in (("x", self.counts_x), ("y", self.counts_y)):
            if not (np.diff(counts) > 0).all() or np.abs(counts).max() > COUNTS_MAX:
                raise CalibrationError(
                    f"calibration {self.name!r}: counts_{axis} must increase within +-{COUNTS_MAX}"
                )
        self._check_map()

    def _check_map(self) -> None:
        along_x, along_y = np.diff(self.angles_rad[..., 0], axis=0), np.diff(self.angles_rad[..., 1], axis=1)
        for axis, steps in (("x", along_x), ("y", along_y)):
            if (steps <= 0).any():
                i, j = np.argwhere(steps <= 0)[0]
                raise CalibrationError(
                    f"calibration {self.name!r}: the {axis} angle does not increase with the {axis} counts at"
                    f" grid point ({i}, {j}); a folded map has no inverse: measure again, or swap the axes"
                )
        nominal = np.stack(np.meshgrid(self.counts_x, self.counts_y, indexing="ij"), axis=-1)
        off = np.abs(self.angles_rad - nominal / COUNTS_MAX * self.full_scale_rad).max() / self.full_scale_rad
        if off > MAX_DEVIATION:
            raise CalibrationError(
                f"calibration {self.name!r}: angles differ from nominal by {off:.0%} of full scale, at most"
                f" {MAX_DEVIATION:.0%} is a calibration; check units (optical radians) and the order of axes"
            )
        shift = float(np.abs(self.focus_shift_m).max())
        if shift > MAX_FOCUS_SHIFT_M:
            raise CalibrationError(
                f"calibration {self.name!r}: a focus shift of {shift * 1e3:.1f} mm, at most"
                f" {MAX_FOCUS_SHIFT_M * 1e3:g} mm; the unit is metres"
            )

    @classmethod
    def identity(cls, full_scale_rad: float) -> FieldCalibration:
        """Return the nominal head: counts proportional to angles, flat focal plane."""
        ends = np.array([-COUNTS_MAX, COUNTS_MAX], np.float64)
        grid = np.stack(np.meshgrid(ends, ends, indexing="ij"), axis=-1)
        return cls(ends, ends, grid / COUNTS_MAX * full_scale_rad, np.zeros((2, 2)), float(full_scale_rad))

    @cached_property
    def calibration_id(self) -> str:
        """`nominal` for the identity, else the first 16 hex digits of the SHA-256 of its canonical JSON."""
        plain = FieldCalibration.identity(self.full_scale_rad)
        same = self.angles_rad.shape == plain.angles_rad.shape and np.array_equal(
            self.angles_rad, plain.angles_rad
        )
        if same and np.array_equal(self.counts_x, plain.counts_x) and not self.focus_shift_m.any():
            return "nominal"
        text = json.dumps({**self._values(), "name": ""}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def counts_to_angles(self, counts: ArrayLike) -> NDArray[np.float64]:
        """Return optical angles `(N, 2)` [rad] of counts `(N, 2)`; NaN outside the calibrated grid."""
        values, _ = self._interpolate(np.asarray(counts, np.float64))
        return values[..., :2]

    def at_counts(self, counts: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return optical angles `(N, 2)` [rad] and focus shift `(N,)` [m] of counts `(N, 2)`; NaN outside the
        calibrated grid."""
        values, _ = self._interpolate(np.asarray(counts, np.float64))
        return values[..., :2], values[..., 2]

    def focus_shift(self, angles_rad: ArrayLike) -> NDArray[np.float64]:
        """Return `(N,)` [m] how far beyond the flat focal plane focus lies along the beam; NaN off the
        grid."""
        values, _ = self._interpolate(self._invert(np.asarray(angles_rad, np.float64)))
        return values[..., 2]

    def angles_to_counts(self, angles_rad: ArrayLike) -> NDArray[np.int16]:
        """Return counts `(N, 2)` int16 that give optical angles `(N, 2)` [rad], to the nearest count.

        Raises:
            ValueError: an angle outside the calibrated field, or not finite: never clipped silently.
        """
        counts = np.rint(self._invert(np.asarray(angles_rad, np.float64)))
        if not np.isfinite(counts).all():
            bad = int((~np.isfinite(counts)).any(axis=-1).sum())
            raise ValueError(f"{bad} aims lie outside the calibrated field of {self.name!r}")
        return counts.astype(np.int16)

    def in_field(self, angles_rad: ArrayLike) -> NDArray[np.bool_]:
        """Return `(N,)` bool: optical angles `(N, 2)` [rad] the calibrated grid reaches."""
        return np.asarray(
            np.isfinite(self._invert(np.asarray(angles_rad, np.float64))).all(axis=-1), np.bool_
        )

    def _interpolate(self, counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (x angle, y angle, focus shift) `(N, 3)` and their derivatives by counts `(N, 3, 2)`."""
        table = np.concatenate([self.angles_rad, self.focus_shift_m[..., None]], axis=-1)
        cell, part, width = [], [], []
        inside = np.ones(counts.shape[:-1], np.bool_)
        for axis, grid in enumerate((self.counts_x, self.counts_y)):
            value = counts[..., axis]
            inside &= (value >= grid[0] - 0.5) & (value <= grid[-1] + 0.5)
            at = np.clip(np.searchsorted(grid, np.nan_to_num(value), side="right") - 1, 0, len(grid) - 2)
            cell.append(at)
            width.append((grid[at + 1] - grid[at])[..., None])
            part.append(((value - grid[at])[..., None]) / width[-1])
        (i, j), (u, v) = cell, part
        a, b, c, d = table[i, j], table[i + 1, j], table[i, j + 1], table[i + 1, j + 1]
        values = a * (1 - u) * (1 - v) + b * u * (1 - v) + c * (1 - u) * v + d * u * v
        by_x = ((b - a) * (1 - v) + (d - c) * v) / width[0]
        by_y = ((c - a) * (1 - u) + (d - b) * u) / width[1]
        return np.where(inside[..., None], values, np.nan), np.stack([by_x, by_y], axis=-1)

    def _invert(self, angles: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return counts `(N, 2)`, not rounded, of optical angles; NaN where the grid does not reach."""
        low = np.array([self.counts_x[0], self.counts_y[0]])
        high = np.array([self.counts_x[-1], self.counts_y[-1]])
        counts = np.clip(angles / self.full_scale_rad * COUNTS_MAX, low, high)
        step = np.zeros_like(counts)
        for _ in range(NEWTON_STEPS):
            values, slope = self._interpolate(counts)
            miss = angles - values[..., :2]
            a, b, c, d = slope[..., 0, 0], slope[..., 0, 1], slope[..., 1, 0], slope[..., 1, 1]
            det = a * d - b * c
            step = np.stack(
                [(d * miss[..., 0] - b * miss[..., 1]) / det, (a * miss[..., 1] - c * miss[..., 0]) / det], -1
            )
            counts = np.clip(counts + step, low, high)
            if not np.nanmax(np.abs(step), initial=0.0) > 1e-6:
                break
        missed = np.abs(angles - self._interpolate(counts)[0][..., :2]).max(axis=-1)
        reached = missed <= 0.51 / COUNTS_MAX * self.full_scale_rad
        return np.where(reached[..., None], counts, np.nan)

    def _values(self) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "full_scale_rad": self.full_scale_rad,
            "counts_x": self.counts_x.tolist(),
            "counts_y": self.counts_y.tolist(),
            "angles_rad": self.angles_rad.tolist(),
            "focus_shift_m": self.focus_shift_m.tolist(),
        }

    def save(self, path: str | Path) -> None:
        """Write the calibration as JSON, with its id. Raises OSError where that cannot be."""
        values = {**self._values(), "calibration_id": self.calibration_id}
        Path(path).write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> FieldCalibration:
        """Read a calibration file.

        Raises:
            CalibrationError: not such a file, another version, changed since it was saved, or values that
                cannot be. OSError: it cannot be read.
        """
        file = Path(path)
        try:
            values = json.loads(files.read_text(file, MOST_MB))
        except (ValueError, RecursionError) as error:
            raise CalibrationError(f"{file.name} is no calibration file: {error}") from error
        if not isinstance(values, dict) or values.pop("format_version", None) != FORMAT_VERSION:
            raise CalibrationError(f"{file.name}: not a field calibration of version {FORMAT_VERSION}")
        stated = values.pop("calibration_id", None)
        try:
            calibration = cls(**values)
        except (TypeError, ValueError) as error:
            raise CalibrationError(f"{file.name}: {error}") from error
        if stated != calibration.calibration_id:
            raise CalibrationError(
                f"{file.name}: the file names the id {stated!r}, its values have"
                f" {calibration.calibration_id!r}: changed by hand or damaged; calibrate again"
            )
        return calibration
