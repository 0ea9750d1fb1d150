"""What the command line says of the patient, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openmtz.cli.errors import UserError

PHANTOMS = ("cheek", "forearm", "abdomen")
PHANTOM_OF = {"atrophic_scar": "cheek", "striae": "abdomen", "ladd": "forearm"}
LESIONS_OF = {"atrophic_scar": "atrophic_scar", "striae": "striae"}
LESIONS_ON = {"cheek": "atrophic_scar", "abdomen": "striae", "forearm": "none"}
MESH_SUFFIXES = (".glb", ".obj", ".ply", ".stl")


@dataclass(frozen=True)
class PatientOptions:
    """A phantom, a mesh or recorded depth frames; `as_request` is the simulation's `patient_json`."""

    phantom: str = "cheek"
    lesions: str = "none"
    mesh: Path | None = None
    scale: float = 1.0
    frames: Path | None = None
    intrinsics: tuple[float, float, float, float] | None = None
    depth_unit: float = 0.001
    region: tuple[float, float, float, float] | None = None

    def as_request(self) -> dict[str, Any]:
        """Return the JSON object the simulation node takes."""
        request: dict[str, Any] = {"region": self.region}
        if self.mesh is not None:
            request |= {"kind": "mesh", "path": str(self.mesh.resolve()), "scale": self.scale}
        elif self.frames is not None:
            request |= {
                "kind": "depth",
                "path": str(self.frames.resolve()),
                "intrinsics": self.intrinsics,
                "depth_unit": self.depth_unit,
            }
        else:
            request |= {"kind": "phantom", "phantom": self.phantom, "lesions": self.lesions}
        return request


def numbers(text: str, count: int, option: str, what: str) -> tuple[float, ...]:
    """Parse `a,b,c` into numbers.

    Raises:
        UserError: another count, or not numbers.
    """
    try:
        values = tuple(float(v) for v in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or any(v != v or abs(v) == float("inf") for v in values):
        raise UserError(f"{option} needs {count} numbers {what}, got {text!r}")
    return values


def parse_patient(
    indication: str,
    phantom: str | None,
    mesh: Path | None,
    scale: float,
    frames: Path | None,
    intrinsics: str | None,
    depth_unit: float,
    region: str | None,
) -> PatientOptions:
    """Turn options into a patient.

    Raises:
        UserError: options that exclude each other or need each other; missing files.
    """
    if sum(x is not None for x in (phantom, mesh, frames)) > 1:
        raise UserError("give one patient only: --phantom, --mesh or --frames")
    area = None
    if region:
        x, y, z, radius = numbers(region, 4, "--region", "x,y,z,radius in metres")
        if not 0.002 <= radius <= 0.1:
            raise UserError(
                f"--region: the radius must be 0.002 to 0.1 m, got {radius:g}; the unit is metres"
            )
        area = (x, y, z, radius)
    if mesh is not None:
        if not mesh.is_file():
            raise UserError(f"--mesh {mesh}: no such file")
        if mesh.suffix.lower() not in MESH_SUFFIXES:
            raise UserError(f"--mesh {mesh}: unknown kind of file; readable are {', '.join(MESH_SUFFIXES)}")
        if not scale > 0:
            raise UserError(f"--scale must be positive (metres per unit of the mesh), got {scale:g}")
        return PatientOptions(mesh=mesh, scale=scale, region=area)
    if frames is not None:
        if not frames.is_dir():
            raise UserError(f"--frames {frames}: no such folder")
        camera = None
        if intrinsics:
            fx, fy, cx, cy = numbers(intrinsics, 4, "--intrinsics", "fx,fy,cx,cy in pixels")
            camera = (fx, fy, cx, cy)
        return PatientOptions(frames=frames, intrinsics=camera, depth_unit=depth_unit, region=area)
    if intrinsics:
        raise UserError("--intrinsics goes with --frames")
    if region:
        raise UserError("--region goes with --mesh or --frames; a phantom's region lies around its lesions")
    kind = phantom or PHANTOM_OF.get(indication, "cheek")
    if kind not in PHANTOMS:
        raise UserError(f"--phantom {kind}: unknown; there are {', '.join(PHANTOMS)}")
    return PatientOptions(phantom=kind, lesions=LESIONS_OF.get(indication, "none"))
