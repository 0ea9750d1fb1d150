"""What may be asked of the planner, checked once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from openmtz.hooks import PatientFacts, Region
from openmtz.planning.skin import (
    MAX_CORNERS,
    Box,
    Capsule,
    DrawnPolygon,
    NoFireVolume,
    PolygonRegion,
    Sphere,
    WholeSkin,
)

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-10.0, le=10.0)]
Length = Annotated[float, Field(allow_inf_nan=False, gt=0.0, le=1.0)]


class RequestError(ValueError):
    """A request that cannot be read; the text names the field and what is valid."""


Point = tuple[Finite, Finite, Finite]


class SphereRequest(BaseModel):
    """A ball, such as an eye: centre and radius [m, world]."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["sphere"]
    center_m: Point
    radius_m: Length

    def as_volume(self) -> NoFireVolume:
        """Return the volume."""
        return Sphere(self.center_m, self.radius_m)


class CapsuleRequest(BaseModel):
    """All that lies within `radius_m` of the line from `start_m` to `end_m` [m, world], such as a lip."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["capsule"]
    start_m: Point
    end_m: Point
    radius_m: Length

    def as_volume(self) -> NoFireVolume:
        """Return the volume."""
        return Capsule(self.start_m, self.end_m, self.radius_m)


class BoxRequest(BaseModel):
    """A box along the world's axes: centre and half sizes [m, world]."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["box"]
    center_m: Point
    half_m: tuple[Length, Length, Length]

    def as_volume(self) -> NoFireVolume:
        """Return the volume."""
        return Box(self.center_m, self.half_m)


class DrawnRequest(BaseModel):
    """A polygon drawn on the skin, corners [m, world] in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["polygon"]
    corners_m: list[Point] = Field(min_length=3, max_length=MAX_CORNERS)

    def as_volume(self) -> NoFireVolume:
        """Return the volume. Raises ValueError: no area, or sides that cross."""
        return DrawnPolygon(tuple(self.corners_m))


NoFire = Annotated[SphereRequest | CapsuleRequest | BoxRequest | DrawnRequest, Field(discriminator="kind")]


class Overrides(BaseModel):
    """What the operator sets against the plugin's prescription. Limits still hold.

    `density_scale`: times the prescribed density. `energy_mj`, `passes`, `profile`: instead of the
    prescribed. `allow_partial`: plan even if more than a fifth of the spots had to be refused, much of the
    region or its worst lesion gets no spots (`limits.left_out`), or parts of the surface are broken.
    `correct_energy`: make up for tilt and defocus (see `energy_correction`). `feather_m`: the density falls
    to nothing over this width at the border. `no_fire`: volumes in which, and within `no_fire_margin_m` of
    which, nothing is planned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    density_scale: float = Field(default=1.0, gt=0.0, le=5.0, allow_inf_nan=False)
    energy_mj: float | None = Field(default=None, gt=0.0, le=500.0, allow_inf_nan=False)
    passes: int | None = Field(default=None, ge=1, le=8)
    profile: str | None = None
    allow_partial: bool = False
    correct_energy: bool = True
    feather_m: float | None = Field(default=None, gt=0.0, le=0.05, allow_inf_nan=False)
    no_fire: list[NoFire] = Field(default_factory=list, max_length=100)
    no_fire_margin_m: float = Field(default=0.001, ge=0.0, le=0.05, allow_inf_nan=False)


class RegionRequest(BaseModel):
    """A region in a request: `center_m` [m, world] and `radius_m` [m], or `polygon_m`, corners [m, world]
    drawn on the skin in order, or `whole`: all captured skin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    center_m: tuple[float, float, float] | None = None
    radius_m: float = Field(default=0.0105, ge=0.001, le=0.25, allow_inf_nan=False)
    polygon_m: list[tuple[float, float, float]] | None = Field(
        default=None, min_length=3, max_length=MAX_CORNERS
    )
    whole: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> RegionRequest:
        if (self.center_m is not None) + (self.polygon_m is not None) + self.whole != 1:
            raise ValueError("give exactly one of center_m (with radius_m), polygon_m, whole")
        return self


class PlanRequest(BaseModel):
    """The JSON object of `PlanTreatment.request_json`: `facts`, `region`, `overrides`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: PatientFacts = PatientFacts()
    region: RegionRequest | None = None
    overrides: Overrides = Overrides()

    def as_region(self) -> Region | PolygonRegion | WholeSkin | None:
        """Return the region asked for, None if the planner is to choose."""
        wanted = self.region
        if wanted is None:
            return None
        if wanted.whole:
            return WholeSkin()
        if wanted.polygon_m is not None:
            return PolygonRegion(tuple(wanted.polygon_m))
        assert wanted.center_m is not None
        return Region(wanted.center_m, wanted.radius_m)


def as_model(model: type[Any], value: Any, what: str) -> Any:
    """Return `value` (a mapping, JSON text, None or an instance) as an instance of `model`; `what` names it
    in the error.

    Raises:
        RequestError: with the field, what it got and what it wants.
    """
    if isinstance(value, model):
        return value
    try:
        if isinstance(value, str):
            return model.model_validate_json(value or "{}")
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            where = ".".join(str(part) for part in item["loc"]) or "the whole"
            lines.append(f"{where}: {item['msg']} (got {item.get('input')!r:.60})")
        valid = ", ".join(model.model_fields)
        raise RequestError(f"{what} cannot be used: {'; '.join(lines)}. Fields: {valid}") from error


def parse_request(request_json: str) -> PlanRequest:
    """Return the request of a JSON text; the empty text asks for nothing in particular."""
    request: PlanRequest = as_model(PlanRequest, request_json, "the request")
    return request
