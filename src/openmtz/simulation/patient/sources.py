"""Patients from real data: any mesh, or recorded depth frames. The region is chosen where none is given.

Regions are given in the source's own frame in metres: a mesh's own axes after scaling, or the camera's
optical frame of the frame used (x right, y down, z forward).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.depth_folder import DepthFrame, load_depth_folder
from openmtz.simulation.patient.depth_mesh import denoise, depth_to_mesh, fill_small_holes, nearest_part
from openmtz.simulation.patient.errors import PatientError
from openmtz.simulation.patient.frame_fusion import merge_into, register
from openmtz.simulation.patient.lesions import carve_lesions, lesions_title
from openmtz.simulation.patient.patients import PATIENT_TARGET_M, Patient
from openmtz.simulation.patient.place_in_cell import place_points
from openmtz.simulation.patient.refine import refine_near, smooth_near
from openmtz.simulation.patient.region_choice import RegionChoice, choose_region, region_at
from openmtz.surfaces import SurfaceError, load_skin, parse_outward

__all__ = ["PatientError", "look_at_recording", "patient_from_depth", "patient_from_mesh"]

Array = NDArray[np.float64]
Region = tuple[float, float, float, float]
PART_SIZE_M = (0.03, 2.5)
"""What a human part can measure across [m] [M]; outside, the focal length or the unit is wrong."""
COARSEST_PIXEL_M = 0.003
"""Pixels that lie further apart on the skin do not show its shape where spots lie 1 mm apart [m] [M]."""
FURTHEST_PART_M = 2.5
"""Nobody is scanned for treatment from further away [m] [M]."""
KEEP_RADIUS_M = 0.25
"""Skin further from the target than this is left out of the world: it only gets in the arm's way [m]."""
COARSE_EDGE_M = 0.004
"""Longer edges of a mesh file are split everywhere, the region's further still [m]."""
TOWARDS_CAMERA = (0.0, 0.0, -1.0)


def patient_from_mesh(
    path: str | Path,
    scale_m_per_unit: float = 1.0,
    region: Region | None = None,
    lesions: str | None = None,
    seed: int = 0,
    region_radius_m: float = 0.011,
    towards_viewer: Sequence[float] = (0.0, 0.0, 1.0),
    outward: str | None = None,
) -> Patient:
    """Return the mesh of a GLB, glTF, OBJ, PLY or STL file as a patient.

    Args:
        scale_m_per_unit: metres per unit of the file.
        region: x, y, z, radius [m] in the file's axes after scaling; None: chosen.
        lesions: synthetic lesions to carve in, labelled as such; None or "none": the skin as it is.
        towards_viewer: the side to treat when no region is given; +z is the front in glTF.
        outward: what the user says of the outside, see `openmtz.surfaces.parse_outward`.

    Raises:
        PatientError: file, mesh, scale or region that cannot be used.
    """
    try:
        skin = load_skin(path, scale_m_per_unit, parse_outward(outward))
    except SurfaceError as error:
        raise PatientError(error.cause, error.fix) from error
    mesh = skin.mesh
    area = float(mesh.face_areas().sum())
    # Coarse facets hide where the skin is smooth; at most some 200,000 faces come of this.
    mesh = refine_near(mesh, (0.0, 0.0, 0.0), np.inf, max(COARSE_EDGE_M, float(np.sqrt(area / 1e5))))
    choice = _region(mesh, region, towards_viewer, region_radius_m)
    patient = _place(mesh, choice, f"{Path(path).stem} mesh", lesions, seed)
    return replace(patient, notes=tuple(note.text for note in skin.notes))


def patient_from_depth(
    path: str | Path,
    intrinsics: Sequence[float] | None,
    depth_unit_m: float,
    region: Region | None = None,
    lesions: str | None = None,
    seed: int = 0,
    region_radius_m: float = 0.011,
    frame: str | None = None,
) -> Patient:
    """Return the body part nearest to the camera in recorded depth frames as a patient.

    The best frame is taken; others are merged into it where they show the same rigid shape (a hand
    that moved its fingers does not), which lowers the noise.

    Args:
        path: folder of depth frames, or one file; intrinsics; depth_unit_m: as `load_depth_folder`.
        region: x, y, z, radius [m] in the optical frame of the frame used; None: chosen.
        frame: name (without suffix) of the frame to use; None: the best.

    Raises:
        PatientError: frames, intrinsics, unit or region that cannot be used.
    """
    frames, notes = load_depth_folder(path, intrinsics, depth_unit_m)
    if frame is not None:
        chosen = [index for index, candidate in enumerate(frames) if candidate.name == frame]
        if not chosen:
            raise PatientError(f"there is no frame {frame!r}", f"the first is {frames[0].name!r}")
        best = chosen[0]
    else:
        best = _best_frame(frames, region_radius_m)
    mesh, merged = _mesh_of(frames, best)
    choice = _region(mesh, region, TOWARDS_CAMERA, region_radius_m)
    more = f" + {merged} merged" if merged else ""
    source = Path(path).name if Path(path).is_dir() else Path(path).parent.name
    patient = _place(mesh, choice, f"{source}, depth frame {frames[best].name}{more}", lesions, seed)
    return replace(patient, notes=(*notes, _measured(mesh)))


def look_at_recording(
    path: str | Path, intrinsics: Sequence[float] | None, depth_unit_m: float
) -> tuple[str, ...]:
    """Return what is to be told of recorded depth frames before they become a patient: `Patient.notes` of
    `patient_from_depth` but for the size.

    Raises:
        PatientError: frames, intrinsics or unit that cannot be used.
    """
    return load_depth_folder(path, intrinsics, depth_unit_m).notes


def _region(
    mesh: TriangleMesh, region: Region | None, towards_viewer: Sequence[float], radius_m: float
) -> RegionChoice:
    if region is None:
        return choose_region(mesh, towards_viewer, radius_m)
    if len(region) != 4:
        raise PatientError(f"a region of {len(region)} numbers", "give x,y,z,radius_m in metres")
    return region_at(mesh, region[:3], float(region[3]))


def _best_frame(frames: list[DepthFrame], radius_m: float, most: int = 6) -> int:
    """Return the index of the frame whose best region scores highest; `most` of them are looked at."""
    looked = sorted({int(k) for k in np.linspace(0, len(frames) - 1, min(most, len(frames)))})
    scores: dict[int, float] = {}
    problem: PatientError | None = None
    for index in looked:
        try:
            mesh = _plain_mesh(frames[index])
            scores[index] = choose_region(mesh, TOWARDS_CAMERA, radius_m, candidates=120).score
        except PatientError as error:
            problem = error
    if not scores:
        assert problem is not None
        raise problem
    return max(scores, key=lambda index: (scores[index], -index))


def _plain_mesh(frame: DepthFrame) -> TriangleMesh:
    part = nearest_part(frame.depth, frame.intrinsics)
    _check_part(frame, part)
    depth, part = fill_small_holes(frame.depth, part)
    return depth_to_mesh(denoise(depth, part, iterations=1), part, frame.intrinsics)


def _mesh_of(frames: list[DepthFrame], best: int, neighbours: int = 3) -> tuple[TriangleMesh, int]:
    """Return the mesh of frame `best` with its neighbours merged in where they fit, and how many did."""
    frame = frames[best]
    part = nearest_part(frame.depth, frame.intrinsics)
    _check_part(frame, part)
    depth, part = fill_small_holes(frame.depth, part)
    reference = depth_to_mesh(denoise(depth, part, iterations=1), part, frame.intrinsics)
    clouds = []
    for index in range(max(0, best - neighbours), min(len(frames), best + neighbours + 1)):
        if index == best:
            continue
        try:
            other = _plain_mesh(frames[index])
        except PatientError:
            continue
        points = other.vertices[:: max(1, len(other.vertices) // 4000)]
        answer = register(points, reference)
        if answer.fits:
            clouds.append(other.vertices @ answer.pose[:3, :3].T + answer.pose[:3, 3])
    if clouds:
        depth = merge_into(depth, part, frame.intrinsics, clouds)
    return depth_to_mesh(denoise(depth, part), part, frame.intrinsics), len(clouds)


def _check_part(frame: DepthFrame, part: NDArray[np.bool_]) -> None:
    """Check that the nearest part can be somebody's skin, seen well enough to plan on.

    Raises:
        PatientError: too large, small, far or coarse, or of one single count.
    """
    k = frame.intrinsics
    depth = frame.depth
    points = (k.directions() * depth[..., None])[part]
    low, high = np.percentile(points, [1, 99], axis=0)
    size = float(np.max((high - low)[:2]))
    if not PART_SIZE_M[0] <= size <= PART_SIZE_M[1]:
        raise PatientError(
            f"with these intrinsics the body part in frame {frame.name} measures {size * 1e3:.1f} mm across",
            f"{PART_SIZE_M[0] * 1e3:.0f} mm to {PART_SIZE_M[1]:g} m is human: check fx,fy "
            f"(now {k.fx:g}, {k.fy:g} px) and the depth unit",
        )
    if np.ptp(depth[part]) == 0.0:
        raise PatientError(
            f"the nearest part in frame {frame.name} has the same count {frame.counts[part][0]:g} everywhere",
            "skin is never flat to the count: a sensor's mark for nothing, or the end of its range",
        )
    away = float(np.median(depth[part]))
    pixel = away / min(k.fx, k.fy)
    if away > FURTHEST_PART_M or pixel > COARSEST_PIXEL_M:
        raise PatientError(
            f"the body part in frame {frame.name} lies {away:.2f} m away, {size * 1e3:.0f} mm across, with"
            f" {pixel * 1e3:.1f} mm between pixels: {FURTHEST_PART_M:g} m and {COARSEST_PIXEL_M * 1e3:g} mm"
            " at most",
            f"check the depth unit (now {frame.unit_m:g} m), or record from nearer",
        )


def _measured(mesh: TriangleMesh) -> str:
    """Say what a wrong unit or camera would get wrong, for whoever knows the patient."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    across, down = (high - low)[:2] * 1e3
    return f"the body part measures {across:.0f} x {down:.0f} mm and lies {low[2]:.2f} m from the camera"


def _place(mesh: TriangleMesh, choice: RegionChoice, name: str, lesions: str | None, seed: int) -> Patient:
    """Move the region to the patient target with its mean normal +z, turned clear of the robot."""
    kind = lesions or "none"
    reach = choice.radius_m + 0.012
    fine = refine_near(mesh, choice.center, reach, 0.0006 if kind != "none" else 0.0015)
    if len(fine.vertices) > len(mesh.vertices):
        fine = smooth_near(fine, choice.center, reach)
        choice = region_at(fine, choice.center, choice.radius_m)
    near = np.linalg.norm(fine.vertices - choice.center, axis=1) < KEEP_RADIUS_M
    fine = fine.submesh(near[fine.faces].all(axis=1))[0]
    target = np.asarray(PATIENT_TARGET_M, np.float64)
    placed = TriangleMesh(place_points(fine.vertices, choice.center, choice.normal), fine.faces)
    up = np.array([0.0, 0.0, 1.0])
    rng = np.random.default_rng([seed, 0x51C4])
    carved = carve_lesions(placed, target, up, choice.radius_m, kind, rng)
    return Patient(
        mesh=carved.mesh,
        lesion_mask=carved.mask,
        lesion_depth_m=carved.depth_m,
        lesion_label=carved.label,
        name=name if kind == "none" else f"{name}, {lesions_title(kind)}, seed {seed}",
        synthetic_lesions=kind != "none",
        target_m=target,
        approach=up,
        region_radius_m=choice.radius_m,
    )
