"""What would bring an unreachable pose into reach: turn the head about its beam, or move the patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.robot.collision import CellCollision
from openmtz.robot.description import SCAN_HEAD_FRAME
from openmtz.robot.kinematics import ArmKinematics

Array = NDArray[np.float64]

ROLLS_RAD = np.deg2rad([15, -15, 30, -30, 45, -45, 60, -60, 90, -90, 120, -120, 150, -150, 180])
"""Turns about the beam tried, small ones first."""
RINGS_M = (0.02, 0.05, 0.10, 0.15, 0.20, 0.30, 0.40)
"""Shifts of the patient tried, near ones first, in eight directions [m]. Both are engineering defaults."""
BACK_M = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08)
"""Raises of the standoff tried, where collision is what is in the way [m]. Engineering default."""
MOST_CHECKS = 12
"""Of the candidates that kinematics allows so many are looked at for collision."""


def free_posture(
    kinematics: ArmKinematics, collision: CellCollision | None, pose: Array, frame: str
) -> Array | None:
    """Return the posture `(6,)` nearest to HOME that keeps the station's margin at a pose, or None."""
    for branch in kinematics.branches(pose, frame):
        if collision is None or collision.free(branch.q, collision.station_margin_m):
            return branch.q
    return None


def what_helps(
    kinematics: ArmKinematics,
    collision: CellCollision | None,
    pose: Array,
    frame: str = SCAN_HEAD_FRAME,
    *,
    may_roll: bool = True,
) -> str:
    """Return which small change brings `pose` `(4, 4)` into reach, as text; or that none tried does.

    Turning about the beam first (`may_roll`: where the optics allow it), then a greater standoff, then
    moving the patient, with the pose on it.
    """
    found = []
    if may_roll:
        roll = _roll_that_helps(kinematics, collision, pose, frame)
        if roll is not None:
            found.append(f"turn {frame} about its axis by {np.rad2deg(roll):.0f} deg")
    if collision is not None:
        for back in BACK_M:
            raised = pose.copy()
            raised[:3, 3] -= pose[:3, 2] * back
            if free_posture(kinematics, collision, raised, frame) is not None:
                found.append(f"raise the standoff by {back * 1e3:.0f} mm")
                break
    shift = _shift_that_helps(kinematics, collision, pose, frame)
    if shift is not None:
        found.append(f"move the patient by {shift[0] * 100:+.0f} cm in x and {shift[1] * 100:+.0f} cm in y")
    if found:
        return "what would help: " + ", or ".join(found)
    return (
        "no turn about its axis, standoff or shift of the patient up to 40 cm helps: mount the arm elsewhere"
    )


def _roll_that_helps(
    kinematics: ArmKinematics, collision: CellCollision | None, pose: Array, frame: str
) -> float | None:
    rolled = np.repeat(pose[None], len(ROLLS_RAD), axis=0)
    for k, roll in enumerate(ROLLS_RAD):
        c, s = np.cos(roll), np.sin(roll)
        rolled[k, :3, :2] = pose[:3, :2] @ np.array([[c, -s], [s, c]])
    for k in np.flatnonzero(kinematics.solve_many(rolled, frame))[:MOST_CHECKS]:
        if free_posture(kinematics, collision, rolled[k], frame) is not None:
            return float(ROLLS_RAD[k])
    return None


def _shift_that_helps(
    kinematics: ArmKinematics, collision: CellCollision | None, pose: Array, frame: str
) -> Array | None:
    angles = np.arange(8) * np.pi / 4
    shifts = np.array([[r * np.cos(a), r * np.sin(a), 0.0] for r in RINGS_M for a in angles])
    moved = np.repeat(pose[None], len(shifts), axis=0)
    moved[:, :3, 3] += shifts
    try:
        for k in np.flatnonzero(kinematics.solve_many(moved, frame))[:MOST_CHECKS]:
            if collision is not None:
                collision.shift_patient(shifts[k])
            if free_posture(kinematics, collision, moved[k], frame) is not None:
                return np.array(shifts[k])
        return None
    finally:
        if collision is not None:
            collision.shift_patient(np.zeros(3))
