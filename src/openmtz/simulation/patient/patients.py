"""The simulated patient: a skin mesh in the world, with what is truly wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.hooks import LESION_TYPES
from openmtz.simulation.patient.motion import PatientMotion
from openmtz.simulation.patient.place_in_cell import PATIENT_TARGET_M

__all__ = ["PATIENT_TARGET_M", "Patient"]


@dataclass(frozen=True, eq=False)
class Patient:
    """Ground truth of one patient: only the simulation and its checks may look at this.

    Attributes:
        mesh: skin in `world` [m], `V` vertices, faces counter-clockwise seen from outside.
        lesion_mask: `(V,)` bool, vertex belongs to a lesion.
        lesion_depth_m: `(V,)` float64 >= 0, how far the skin lies below where it would be healthy [m].
        lesion_label: `(V,)` int8, index into `openmtz.hooks.LESION_TYPES` (0: none); where it is not
            given, the mask's vertices are `other`.
        name: for reports, such as `cheek, synthetic atrophic scars`.
        synthetic_lesions: True where the lesions were carved by a program, False where they are
            real or there are none known.
        target_m: `(3,)` centre of the region scanned, `world` [m].
        approach: `(3,)` unit vector out of the skin at the target: the camera comes from there.
        region_radius_m: radius of the region to treat around the target [m], None: planning decides.
        site: body site, where the source says so.
        motion: how the skin moves; `mesh` is the skin at rest.
        notes: what was left out of the source or assumed of it, a sentence each, to be told to the user.

    Raises:
        ValueError: lengths that do not match, values not finite, negative depth or radius.
    """

    mesh: TriangleMesh
    lesion_mask: NDArray[np.bool_]
    lesion_depth_m: NDArray[np.float64]
    name: str = "patient"
    synthetic_lesions: bool = False
    target_m: NDArray[np.float64] | tuple[float, float, float] = PATIENT_TARGET_M
    approach: NDArray[np.float64] | tuple[float, float, float] = (0.0, 0.0, 1.0)
    region_radius_m: float | None = None
    motion: PatientMotion = field(default_factory=PatientMotion)
    lesion_label: NDArray[np.int8] | None = None
    site: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.mesh.vertices)
        mask = np.asarray(self.lesion_mask, np.bool_)
        depth = np.asarray(self.lesion_depth_m, np.float64)
        other = np.where(mask, LESION_TYPES.index("other"), 0)
        label = np.asarray(other if self.lesion_label is None else self.lesion_label, np.int8)
        for name, values in (("lesion_mask", mask), ("lesion_depth_m", depth), ("lesion_label", label)):
            if values.shape != (count,):
                raise ValueError(f"{name} must have shape ({count},), one per vertex, got {values.shape}")
        if not (np.isfinite(depth).all() and (depth >= 0).all()):
            raise ValueError("lesion_depth_m must be finite and not negative")
        if label.min() < 0 or label.max() >= len(LESION_TYPES):
            raise ValueError(f"lesion_label must be 0 to {len(LESION_TYPES) - 1}")
        target = np.asarray(self.target_m, np.float64)
        approach = np.asarray(self.approach, np.float64)
        if target.shape != (3,) or approach.shape != (3,) or not np.isfinite([target, approach]).all():
            raise ValueError("target_m and approach must be three finite numbers each")
        length = float(np.linalg.norm(approach))
        if length < 1e-9:
            raise ValueError("approach must have a direction")
        radius = self.region_radius_m
        if radius is not None and not (np.isfinite(radius) and radius > 0):
            raise ValueError(f"region_radius_m must be positive or None, got {radius!r}")
        object.__setattr__(self, "lesion_mask", mask)
        object.__setattr__(self, "lesion_depth_m", depth)
        object.__setattr__(self, "lesion_label", label)
        object.__setattr__(self, "target_m", target)
        object.__setattr__(self, "approach", approach / length)

    @classmethod
    def healthy(cls, mesh: TriangleMesh, name: str = "patient", **more: object) -> Patient:
        """Return a patient without lesions."""
        count = len(mesh.vertices)
        return cls(mesh, np.zeros(count, bool), np.zeros(count), name, **more)  # type: ignore[arg-type]
