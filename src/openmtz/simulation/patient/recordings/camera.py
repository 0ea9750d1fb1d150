"""Whose intrinsics hold for a frame: those given, or those in its file, and whether they can be its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics, misfit
from openmtz.simulation.patient.errors import PatientError

SAME = 0.01
"""Intrinsics of one camera agree within this: of the focal length, and of the image for its middle [M]."""
OWN_SIZE = "give fx,fy,cx,cy,width,height if they truly are of images of this size (a part cut out of one)"


def camera_of(
    name: str,
    shape: tuple[int, ...],
    intrinsics: Sequence[float] | None,
    matrix: NDArray[np.float64] | None,
) -> CameraIntrinsics:
    """Return the camera of the frame `name` of `shape` (H, W).

    Args:
        intrinsics: fx, fy, cx, cy [px], and the width and height [px] they are of, where these were stated:
            then the principal point may lie anywhere in it. None: those of the file.
        matrix: `(3, 3)` K of the file, None where it has none.

    Raises:
        PatientError: neither, both and they differ, or none that such an image can have.
    """
    height, width = shape
    try:
        own = None if matrix is None else CameraIntrinsics.from_matrix(matrix, width, height)
        given = None if intrinsics is None else _given(name, intrinsics, width, height)
    except PatientError:
        raise
    except ValueError as error:
        raise PatientError(
            f"wrong intrinsics for {name}: {error}", "take fx,fy,cx,cy from the camera's calibration"
        ) from error
    camera = given or own
    if camera is None:
        raise PatientError(
            f"{name} carries no camera matrix K", "give the intrinsics as fx,fy,cx,cy in pixels"
        )
    if own is not None and given is not None and not _same(own, given):
        raise PatientError(
            f"the intrinsics given ({_text(given)}) contradict K in {name} ({_text(own)})",
            "leave the intrinsics out to take those of the file",
        )
    wrong = "" if intrinsics is not None and len(intrinsics) == 6 else misfit(camera)
    if wrong:
        raise PatientError(
            f"wrong intrinsics for {name}: {wrong}", f"take those of this very stream, or {OWN_SIZE}"
        )
    return camera


def check_one_camera(cameras: list[tuple[str, CameraIntrinsics]]) -> None:
    """Check that all frames (name, camera) are of one size and one camera.

    Raises:
        PatientError: naming a frame of each.
    """
    sizes: dict[tuple[int, int], list[str]] = {}
    for name, camera in cameras:
        sizes.setdefault((camera.width, camera.height), []).append(name)
    if len(sizes) > 1:
        told = ", ".join(f"{len(n)} of {w}x{h} pixels ({n[0]})" for (w, h), n in sizes.items())
        raise PatientError(
            f"frames of mixed size: {told}", "one recording has one size: move the others out of the folder"
        )
    first, reference = cameras[0]
    for name, camera in cameras:
        if not _same(reference, camera):
            raise PatientError(
                f"frames of two cameras: K is {_text(reference)} in {first} and {_text(camera)} in {name}",
                "move the frames of one of them out of the folder",
            )


def _given(name: str, intrinsics: Sequence[float], width: int, height: int) -> CameraIntrinsics:
    numbers = [float(value) for value in intrinsics]
    if len(numbers) not in (4, 6):
        raise PatientError(
            f"{len(numbers)} intrinsics were given", "give four numbers fx,fy,cx,cy, or six with width,height"
        )
    if len(numbers) == 6 and numbers[4:] != [width, height]:
        raise PatientError(
            f"the intrinsics are of images of {numbers[4]:g}x{numbers[5]:g} pixels,"
            f" {name} has {width}x{height}",
            "take those of this very stream",
        )
    return CameraIntrinsics(width, height, *numbers[:4])


def _same(a: CameraIntrinsics, b: CameraIntrinsics) -> bool:
    focal = max(abs(a.fx / b.fx - 1.0), abs(a.fy / b.fy - 1.0))
    middle = max(abs(a.cx - b.cx) / a.width, abs(a.cy - b.cy) / a.height)
    return max(focal, middle) <= SAME


def _text(k: CameraIntrinsics) -> str:
    return f"fx {k.fx:.1f}, fy {k.fy:.1f}, cx {k.cx:.1f}, cy {k.cy:.1f}"
