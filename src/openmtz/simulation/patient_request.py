"""The patient asked for, as JSON: a phantom, a mesh or recorded depth frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from openmtz.simulation.patients import Patient

Region = tuple[float, float, float, float]


class PatientRequestError(ValueError):
    """The patient cannot be made; the text names cause and fix."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    region: Region | None = None


class PhantomRequest(_Request):
    """A parametric phantom. `region` does not apply."""

    kind: Literal["phantom"] = "phantom"
    phantom: Literal["cheek", "forearm", "abdomen"] = "cheek"
    lesions: Literal["atrophic_scar", "striae", "none"] = "atrophic_scar"


class MeshRequest(_Request):
    """A mesh file; `scale` metres per unit; `region` x, y, z, radius [m] in the scaled mesh's frame."""

    kind: Literal["mesh"]
    path: Path
    scale: float = 1.0


class DepthRequest(_Request):
    """A folder of depth frames; `intrinsics` fx, fy, cx, cy [px]; `depth_unit` metres per count."""

    kind: Literal["depth"]
    path: Path
    intrinsics: tuple[float, float, float, float] | None = None
    depth_unit: float = 0.001


_ADAPTER: TypeAdapter[PhantomRequest | MeshRequest | DepthRequest] = TypeAdapter(
    Annotated[PhantomRequest | MeshRequest | DepthRequest, Field(discriminator="kind")]
)


def build_patient(text: str, seed: int) -> Patient:
    """Make the patient that a JSON object asks for; empty text: a cheek with synthetic scars.

    Raises:
        PatientRequestError: not such an object, or a source that gives no patient.
    """
    from openmtz.simulation.patient_sources import PatientError, patient_from_depth, patient_from_mesh
    from openmtz.simulation.phantoms import make_phantom

    try:
        request = _ADAPTER.validate_python(json.loads(text) if text.strip() else {"kind": "phantom"})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise PatientRequestError(f"patient: {place}: {first['msg']}") from error
    except ValueError as error:
        raise PatientRequestError(f"patient: not JSON: {error}") from error
    try:
        if isinstance(request, PhantomRequest):
            return make_phantom(request.phantom, request.lesions, seed)
        if isinstance(request, MeshRequest):
            return patient_from_mesh(request.path, request.scale, region=request.region)
        return patient_from_depth(request.path, request.intrinsics, request.depth_unit, region=request.region)
    except PatientError as error:
        raise PatientRequestError(str(error)) from error
