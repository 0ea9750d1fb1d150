"""The cell as data: where its URDF is, what its joints are called, where the arm waits."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

JOINT_NAMES = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
"""Order of every `(6,)` array of joints [rad] in this package; names of the arm's ROS description."""

SCAN_HEAD_FRAME = "scan_head"
CAMERA_FRAME = "camera_depth_optical_frame"
FLANGE_FRAME = "tool0"
WORLD_FRAME = "world"

URDF_NAME = "openmtz_cell.urdf"

HOME: NDArray[np.float64] = np.array([-0.27, -1.60, 1.54, 0.06 - np.pi / 2, -np.pi / 2, -0.27 - np.pi / 2])
"""The arm waits here [rad]: scan head straight down, its x along world x, 0.37 m above the patient's
usual place, elbow up."""
HOME.setflags(write=False)


class UrdfMissing(FileNotFoundError):
    """The cell's description was not found; the text lists where it was looked for."""


def find_urdf() -> Path:
    """Return the path of the cell's URDF: the source tree first, then `share/openmtz` of each prefix.

    Raises:
        UrdfMissing: it is in none of these places.
    """
    here = Path(__file__).resolve()
    places = [here.parents[3] / "urdf" / URDF_NAME] if len(here.parents) > 3 else []
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p] + [sys.prefix]
    places += [Path(prefix) / "share" / "openmtz" / "urdf" / URDF_NAME for prefix in prefixes]
    for place in places:
        if place.is_file():
            return place
    raise UrdfMissing(
        f"{URDF_NAME} was not found; looked for {', '.join(map(str, places))}. "
        "Reinstall openmtz, or give the path of a URDF."
    )
