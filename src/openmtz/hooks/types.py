"""What passes through the hooks: plain data, arrays with one row per vertex of the surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from openmtz.plan import Finding

Site = Literal[
    "face", "forehead", "temple", "cheek", "neck", "arm", "forearm", "hand",
    "chest", "back", "abdomen", "buttock", "thigh", "leg", "other",
]  # fmt: skip


class PatientFacts(BaseModel):
    """What the operator states about the patient. Nothing is guessed from images.

    A fact that is not given stays `None`: plugins then take the most cautious value and say so.

    Attributes:
        site: body site; the neck has its own hard limits. fitzpatrick: skin type 1 to 6.
        agent: substance applied after the laser (drug delivery), e.g. `methotrexate`, `plla`.
        striae_stage: `rubrae` (red, early) or `alba` (white, late).
        test_spot_ok: a test spot was set and has healed without pigmentation or scar.
        days_since_last_session: days since this site was last treated; below the host envelope's
            `session_interval_days` the plan is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Site | None = None
    fitzpatrick: int | None = Field(default=None, ge=1, le=6)
    agent: str | None = Field(default=None, max_length=64, pattern=r"^[a-z0-9_]+$")
    striae_stage: Literal["rubrae", "alba"] | None = None
    test_spot_ok: bool = False
    days_since_last_session: int | None = Field(default=None, ge=0)


@dataclass(frozen=True)
class Region:
    """The skin to treat: what lies within `radius_m` of `center_m` `(3,)` [m, world] and is connected to it.

    Raises:
        ValueError: not finite, or a radius outside 1 mm to 0.25 m.
    """

    center_m: tuple[float, float, float]
    radius_m: float

    def __post_init__(self) -> None:
        center = np.asarray(self.center_m, np.float64)
        if center.shape != (3,) or not np.isfinite(center).all():
            raise ValueError(f"a region's centre must be three finite numbers [m], got {self.center_m!r}")
        object.__setattr__(self, "center_m", tuple(float(v) for v in center))
        if not (np.isfinite(self.radius_m) and 0.001 <= self.radius_m <= 0.25):
            raise ValueError(f"a region's radius must be 0.001 to 0.25 m, got {self.radius_m!r}")


@dataclass(frozen=True)
class Indication:
    """Something a plugin can plan for. `name` is what the user types; `goal` what the plan is for."""

    name: str
    title: str
    summary: str
    goal: Literal["structural_repair", "therapeutic_delivery", "both"] = "structural_repair"
    agents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a plugin sees on the skin.

    Attributes:
        severity: `(V,)` 0 (healthy, or outside the area examined) to 1.
        deficit_depth_m: `(V,)` [m] how far the skin lies below its smooth course, >= 0.
        findings: for a person to read.
        lesions: number of separate lesions found.
    """

    severity: NDArray[np.float64]
    deficit_depth_m: NDArray[np.float64]
    findings: tuple[Finding, ...] = ()
    lesions: int = 0


@dataclass(frozen=True, eq=False)
class Prescription:
    """What a plugin wants delivered.

    Attributes:
        density_per_cm2: `(V,)` spots per cm2 of skin surface, of one pass; 0 where nothing is wanted.
        energy_mj: `(V,)` [mJ] pulse energy, within the profile's limits where density > 0.
        profile: name of a handpiece profile.
        rationale: why, with sources. definition: what a "percent" in the rationale means.
        passes: times the area is treated. findings: for a person to read.
    """

    density_per_cm2: NDArray[np.float64]
    energy_mj: NDArray[np.float64]
    profile: str
    rationale: str
    definition: str = "percent = nominal beam area (spot_um) times spots per cm2 of skin surface"
    passes: int = 1
    findings: tuple[Finding, ...] = field(default=())


LESION_TYPES = ("none", "icepick", "boxcar", "rolling", "stria", "other")
"""What the labels of a phantom's ground truth mean, by index."""


@dataclass(frozen=True, eq=False)
class PhantomSkin:
    """A phantom as built: skin of known shape, with the truth about its lesions.

    The frame is the phantom's own; the simulation moves the target to where patients lie, the approach
    upwards, turned clear of the robot.

    Attributes:
        vertices: `(V, 3)` [m]. faces: `(F, 3)` int, counter-clockwise seen from outside.
        lesion_mask: `(V,)` bool. lesion_depth_m: `(V,)` >= 0 [m], how far the skin lies below where it
            would be healthy. lesion_label: `(V,)` int, index into `LESION_TYPES`.
        target_m: `(3,)` [m] centre of the region to treat, on the skin.
        approach: `(3,)` out of the skin there.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    lesion_mask: NDArray[np.bool_]
    lesion_depth_m: NDArray[np.float64]
    lesion_label: NDArray[np.int8]
    target_m: tuple[float, float, float]
    approach: tuple[float, float, float]


@dataclass(frozen=True)
class Phantom:
    """A synthetic patient a plugin offers. `name` is what the user types.

    Attributes:
        sites: body sites it stands for; the first is taken where the operator states none.
        lesions: lesions it can carry, the first by default; several scar types may be asked for at once
            as `icepick+rolling`, with shares as `icepick:0.7+rolling:0.3`.
        build: `build(lesions, seed, region_radius_m)`; the same arguments give the same bits.
            `region_radius_m` [m]: of the disc around the target that holds the lesions.
    """

    name: str
    title: str
    summary: str
    sites: tuple[Site, ...]
    lesions: tuple[str, ...]
    build: Callable[[str, int, float], PhantomSkin] = field(repr=False)
