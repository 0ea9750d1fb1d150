"""`TreatmentPlan`: every spot as a record on the surface, in integers, in firing order."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.plan.codec import encode
from openmtz.plan.layout import READABLE_VERSIONS, SPOT_DTYPES, SPOT_FIELDS, PlanError
from openmtz.plan.waits import waits_of


@dataclass(frozen=True, eq=False)
class TreatmentPlan:
    """Immutable. `N` spots in firing order; the spots of one station and pass are contiguous.

    Attributes:
        header: JSON-able mapping: `format_version`, `surface_id`, `indication`, `profile` (all
            fields of the handpiece profile), `seed`, `density_definition`, `area_cm2`,
            `plugin_versions`, `host_envelope_version`, `calibration_id`, `group_wait_s`. No time
            stamps and no paths: the same input gives the same hash.
        position_nm: `(N, 3)` int32 [nm] in `world`.
        normal_e9: `(N, 3)` int32, unit outward normal times 1e9.
        energy_uj, pulse_us, depth_um: `(N,)` uint32 [uJ], [us], [um].
        not_before_us: `(N,)` uint32 [us] after the first spot of the same station and pass.
        station: `(N,)` uint16, row of `station_pose`. pass_index: `(N,)` uint8, 0-based.
        station_pose: `(S, 7)` float64, `world` pose of `scan_head`, x y z [m] qx qy qz qw, quantised to 1e-9.

    Raises:
        PlanError: wrong shapes, stations out of range, spots of one station and pass not
            contiguous, normals not of unit length, zero energy or pulse, waits that do not fit the groups.
    """

    header: dict[str, Any]
    position_nm: NDArray[np.int32]
    normal_e9: NDArray[np.int32]
    energy_uj: NDArray[np.uint32]
    pulse_us: NDArray[np.uint32]
    depth_um: NDArray[np.uint32]
    not_before_us: NDArray[np.uint32]
    station: NDArray[np.uint16]
    pass_index: NDArray[np.uint8]
    station_pose: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.position_nm)
        for name, (dtype, columns) in SPOT_DTYPES.items():
            array = np.ascontiguousarray(getattr(self, name), dtype=dtype)
            shape = (count,) if columns == 1 else (count, columns)
            if array.shape != shape:
                raise PlanError(f"{name} must have shape {shape}, got {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        poses = np.ascontiguousarray(self.station_pose, np.float64)
        if poses.ndim != 2 or poses.shape[1] != 7 or not np.isfinite(poses).all():
            raise PlanError(f"station_pose must be finite and (S, 7), got {poses.shape}")
        poses = np.rint(poses * 1e9) / 1e9
        poses.setflags(write=False)
        object.__setattr__(self, "station_pose", poses)
        self._validate(count)

    def _validate(self, count: int) -> None:
        version = self.header.get("format_version")
        if type(version) is not int or version not in READABLE_VERSIONS:
            raise PlanError(
                f"plan format version {version!r}: this software reads versions"
                f" {' and '.join(map(str, READABLE_VERSIONS))}"
            )
        waits_of(self.header, len(self._starts()))
        if count == 0:
            return
        if int(self.station.max()) >= len(self.station_pose):
            raise PlanError(f"a spot names station {int(self.station.max())} of {len(self.station_pose)}")
        if not (self.energy_uj.all() and self.pulse_us.all()):
            raise PlanError("a spot without energy or without pulse length")
        length = np.linalg.norm(self.normal_e9 / 1e9, axis=1)
        if np.abs(length - 1.0).max() > 1e-6:
            raise PlanError("a normal is not of unit length")
        groups = self.groups()
        keys = {(g.station, g.pass_index) for g in groups}
        if len(keys) != len(groups):
            raise PlanError("the spots of one station and pass are not contiguous")

    def __len__(self) -> int:
        return len(self.position_nm)

    def groups(self) -> list[FiringGroup]:
        """Return the runs of spots fired from one station in one pass, in firing order."""
        starts = self._starts()
        waits = waits_of(self.header, len(starts))
        return [
            FiringGroup(int(self.station[a]), int(self.pass_index[a]), a, b, wait)
            for (a, b), wait in zip(itertools.pairwise([*starts, len(self)]), waits, strict=True)
        ]

    def _starts(self) -> list[int]:
        """Return the first spot of every firing group."""
        if len(self) == 0:
            return []
        key = self.station.astype(np.int64) * 256 + self.pass_index
        return [0, *(np.flatnonzero(np.diff(key)) + 1).tolist()]

    @property
    def positions_m(self) -> NDArray[np.float64]:
        """`(N, 3)` [m] in `world`."""
        return self.position_nm.astype(np.float64) * 1e-9

    @property
    def normals(self) -> NDArray[np.float64]:
        """`(N, 3)` unit outward."""
        return self.normal_e9.astype(np.float64) * 1e-9

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the canonical bytes: the identity an approval names."""
        return hashlib.sha256(self.canonical_bytes()).hexdigest()

    def canonical_bytes(self) -> bytes:
        """Return the bytes whose SHA-256 identifies the plan; the same on every machine."""
        spots = {name: getattr(self, name) for name in SPOT_FIELDS}
        return encode(self.header, spots, self.station_pose)


@dataclass(frozen=True)
class FiringGroup:
    """Spots `[first, end)` of the plan, fired from `station` in pass `pass_index`, at the earliest `wait_s`
    [s] after the last shot of the group before."""

    station: int
    pass_index: int
    first: int
    end: int
    wait_s: float = 0.0
