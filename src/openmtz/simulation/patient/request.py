"""The patient asked for, as JSON: a phantom, a mesh, a point cloud or depth frames, and its motion."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from openmtz.hooks import PluginError
from openmtz.simulation.patient.lesions import wanted_lesions
from openmtz.simulation.patient.motion import PatientMotion
from openmtz.simulation.patient.motion_request import motion_from_parts, motion_from_text
from openmtz.simulation.patient.patients import Patient
from openmtz.surfaces import parse_outward

Region = tuple[float, float, float, float]


class PatientRequestError(ValueError):
    """The patient cannot be made; the text names cause and fix."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    region: Region | None = None
    region_radius: float = Field(default=0.011, ge=0.002, le=0.15, allow_inf_nan=False)
    motion: str | list[Any] = "none"

    @field_validator("motion", mode="before")
    @classmethod
    def _possible(cls, value: Any) -> Any:
        _motion(value, 0)
        return value


class PhantomRequest(_Request):
    """A parametric phantom of any plugin (`cheek`, `forearm`, `abdomen`, `face`, ...). `region` does not
    apply. `lesions`: what the phantom offers, several as `icepick+rolling`; null: the phantom's first.
    `region_radius` [m] of the disc that holds them. `motion`: `breathing`, `tremor`, `pulse`, `drift`,
    `sudden_move`, joined by `+`, or a list of parts (docs/simulation_patients.md)."""

    kind: Literal["phantom"] = "phantom"
    phantom: str = "cheek"
    lesions: str | None = None


class _RealRequest(_Request):
    path: Path
    lesions: str = "none"

    @field_validator("lesions")
    @classmethod
    def _known(cls, value: str) -> str:
        wanted_lesions(value)
        return value


class MeshRequest(_RealRequest):
    """A mesh file or a PLY point cloud; `scale` metres per unit; `region` x, y, z, radius [m] in the
    scaled file's frame; `lesions` synthetic ones to carve in, `motion` as for a phantom; `outward` the
    direction x,y,z out of the skin where the file does not tell its outside
    (`openmtz.surfaces.parse_outward`)."""

    kind: Literal["mesh"]
    scale: float = 1.0
    outward: str | None = None

    @field_validator("outward")
    @classmethod
    def _direction(cls, value: str | None) -> str | None:
        parse_outward(value)
        return value


class DepthRequest(_RealRequest):
    """A folder of depth frames; `intrinsics` fx, fy, cx, cy [px], and width, height [px] of images cut out
    of larger ones; `depth_unit` metres per count; `region` x, y, z, radius [m] in the camera's frame;
    `lesions`, `motion` as for a mesh."""

    kind: Literal["depth"]
    intrinsics: Annotated[list[float], Field(min_length=4, max_length=6)] | None = None
    depth_unit: float = 0.001


_ADAPTER: TypeAdapter[PhantomRequest | MeshRequest | DepthRequest] = TypeAdapter(
    Annotated[PhantomRequest | MeshRequest | DepthRequest, Field(discriminator="kind")]
)


def build_patient(text: str, seed: int) -> Patient:
    """Make the patient that a JSON object asks for; empty text: a cheek with synthetic scars.

    Raises:
        PatientRequestError: not such an object, or a source that gives no patient.
    """
    from openmtz.simulation.patient.phantoms import make_phantom
    from openmtz.simulation.patient.sources import PatientError, patient_from_depth, patient_from_mesh

    try:
        request = _ADAPTER.validate_python(json.loads(text) if text.strip() else {"kind": "phantom"})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise PatientRequestError(
            f"patient: {place}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise PatientRequestError(f"patient: not JSON: {error}") from error
    radius = request.region_radius
    try:
        if isinstance(request, PhantomRequest):
            patient = make_phantom(request.phantom, request.lesions, seed, radius)
        elif isinstance(request, MeshRequest):
            patient = patient_from_mesh(
                request.path,
                request.scale,
                request.region,
                request.lesions,
                seed,
                radius,
                outward=request.outward,
            )
        else:
            patient = patient_from_depth(
                request.path,
                request.intrinsics,
                request.depth_unit,
                request.region,
                request.lesions,
                seed,
                radius,
            )
    except PatientError as error:
        raise PatientRequestError(str(error)) from error
    except (ValueError, PluginError) as error:
        raise PatientRequestError(f"patient: {error}") from error
    return replace(patient, motion=_motion(request.motion, seed))


def _motion(value: Any, seed: int) -> PatientMotion:
    return motion_from_text(value, seed) if isinstance(value, str) else motion_from_parts(value, seed)
