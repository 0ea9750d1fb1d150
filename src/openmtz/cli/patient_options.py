"""What the command line says of the patient, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from openmtz import hooks
from openmtz.cli.errors import UserError
from openmtz.simulation import patient as patients
from openmtz.surfaces import SUFFIXES as MESH_SUFFIXES, SurfaceError, parse_outward

PHANTOM_OF = {"atrophic_scar": "cheek", "striae": "abdomen", "ladd": "forearm"}
LESIONS_OF = {"atrophic_scar": "atrophic_scar", "striae": "striae"}


@dataclass(frozen=True)
class PatientOptions:
    """A phantom, a mesh or recorded depth frames; `as_request` is the simulation's `patient_json`.

    `site`: the body site a phantom stands for, None for other sources. `notes`: what was left out of the
    recording or taken for nothing measured, a sentence each.
    """

    phantom: str = "cheek"
    lesions: str = "none"
    motion: str = "none"
    site: str | None = None
    mesh: Path | None = None
    scale: float = 1.0
    frames: Path | None = None
    intrinsics: tuple[float, ...] | None = None
    depth_unit: float = 0.001
    region: tuple[float, float, float, float] | None = None
    outward: str | None = None
    notes: tuple[str, ...] = ()

    def as_request(self) -> dict[str, Any]:
        """Return the JSON object the simulation node takes."""
        request: dict[str, Any] = {"region": self.region, "lesions": self.lesions, "motion": self.motion}
        if self.mesh is not None:
            request |= {"kind": "mesh", "path": str(self.mesh.resolve()), "scale": self.scale}
            request |= {} if self.outward is None else {"outward": self.outward}
        elif self.frames is not None:
            request |= {
                "kind": "depth",
                "path": str(self.frames.resolve()),
                "intrinsics": self.intrinsics,
                "depth_unit": self.depth_unit,
            }
        else:
            request |= {"kind": "phantom", "phantom": self.phantom}
        return request

    def describe(self) -> str:
        """Say where the patient comes from; lesions a program made are always called synthetic."""
        if self.mesh is not None:
            text = f"mesh {self.mesh.name}, {self.scale:g} m per unit"
        elif self.frames is not None:
            text = f"recorded depth frames (folder {self.frames.name})"
        else:
            text = f"synthetic phantom {self.phantom}"
        if self.lesions != "none":
            text += f" with synthetic lesions ({self.lesions})"
        if self.motion != "none":
            text += f", moving ({self.motion})"
        return "; ".join((text, *self.notes))


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


def phantoms() -> dict[str, hooks.Phantom]:
    """Return the phantoms of all plugins installed, by name."""
    return patients.load_phantoms().phantoms


def parse_phantom(phantom: str, lesions: str | None, motion: str | None) -> PatientOptions:
    """Turn the options of a phantom into a patient; without `lesions` it carries its first kind.

    Raises:
        UserError: an unknown phantom, lesions it does not offer, an unknown motion; the known are listed.
    """
    known = phantoms()
    notes = [str(failure) for failure in patients.load_phantoms().failures]
    if phantom not in known:
        failed = "".join(f"; {note}" for note in notes)
        raise UserError(f"--phantom {phantom}: unknown; there are {', '.join(known)}{failed}")
    wanted = lesions or known[phantom].lesions[0]
    try:
        site = hooks.find_phantom(known, phantom, wanted).sites[0]
    except hooks.UnknownPhantom as error:
        raise UserError(f"--lesions: {error}") from error
    return PatientOptions(phantom=phantom, lesions=wanted, motion=_motion(motion), site=site)


class PatientTexts(NamedTuple):
    """The options that name a patient, as given on the command line; None where one was not given."""

    phantom: str | None = None
    mesh: Path | None = None
    scale: float = 1.0
    frames: Path | None = None
    intrinsics: str | None = None
    depth_unit: float = 0.001
    region: str | None = None
    lesions: str | None = None
    motion: str | None = None
    outward: str | None = None


def parse_patient(indication: str, given: PatientTexts) -> PatientOptions:
    """Turn options into a patient.

    Without `lesions` a phantom carries what suits the indication, a mesh or frames none.

    Raises:
        UserError: options that exclude each other or need each other; missing files; unknown names.
    """
    phantom, mesh, frames, lesions = given.phantom, given.mesh, given.frames, given.lesions
    if given.outward is not None and mesh is None:
        raise UserError("--outward goes with --mesh; phantoms and frames know their outside")
    if sum(x is not None for x in (phantom, mesh, frames)) > 1:
        raise UserError("give one patient only: --phantom, --mesh or --frames")
    area = _region(given.region)
    if mesh is None and frames is None:
        if given.intrinsics:
            raise UserError("--intrinsics goes with --frames")
        if given.region:
            raise UserError(
                "--region goes with --mesh or --frames; a phantom's region lies around its lesions"
            )
        kind = phantom or PHANTOM_OF.get(indication, "cheek")
        known = phantoms()
        usual = LESIONS_OF.get(indication, "none")
        if lesions is None and kind in known and usual in known[kind].lesions:
            lesions = usual
        return parse_phantom(kind, lesions, given.motion)
    more = {"lesions": _lesions(lesions), "motion": _motion(given.motion), "region": area}
    if mesh is not None:
        if not mesh.is_file():
            raise UserError(f"--mesh {mesh}: no such file")
        if mesh.suffix.lower() not in MESH_SUFFIXES:
            raise UserError(f"--mesh {mesh}: unknown kind of file; readable are {', '.join(MESH_SUFFIXES)}")
        if not given.scale > 0:
            raise UserError(f"--scale must be positive (metres per unit of the mesh), got {given.scale:g}")
        return PatientOptions(mesh=mesh, scale=given.scale, outward=_outward(given.outward), **more)  # type: ignore[arg-type]
    assert frames is not None
    if not frames.is_dir():
        raise UserError(f"--frames {frames}: no such folder")
    camera = _camera(given.intrinsics)
    try:
        notes = patients.look_at_recording(frames, camera, given.depth_unit)
    except patients.PatientError as error:
        raise UserError(f"--frames: {error}") from error
    return PatientOptions(
        frames=frames,
        intrinsics=camera,
        depth_unit=given.depth_unit,
        notes=notes,
        **more,  # type: ignore[arg-type]
    )


def _camera(text: str | None) -> tuple[float, ...] | None:
    if not text:
        return None
    count = 6 if text.count(",") == 5 else 4
    return numbers(text, count, "--intrinsics", "fx,fy,cx,cy in pixels (and width,height of their images)")


def _region(text: str | None) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    x, y, z, radius = numbers(text, 4, "--region", "x,y,z,radius in metres")
    if not 0.002 <= radius <= 0.1:
        raise UserError(f"--region: the radius must be 0.002 to 0.1 m, got {radius:g}; the unit is metres")
    return (x, y, z, radius)


def _outward(text: str | None) -> str | None:
    try:
        parse_outward(text)
    except SurfaceError as error:
        raise UserError(f"--outward: {error}") from error
    return text


def _lesions(text: str | None) -> str:
    try:
        patients.wanted_lesions(text or "none")
    except ValueError as error:
        raise UserError(f"--lesions: {error}") from error
    return text or "none"


def _motion(text: str | None) -> str:
    try:
        patients.motion_from_text(text or "none")
    except patients.MotionError as error:
        raise UserError(f"--{error}") from error
    return text or "none"
