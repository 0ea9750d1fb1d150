"""The arm moves by itself or stops; its joint states do not come, do not change or are wrong."""

from __future__ import annotations

import numpy as np

from openmtz.simulation.faults.acts.act import Act, Parameters
from openmtz.simulation.faults.faults_on import FaultsOn

CREEP_POINTS = 41


def creep(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Turn joint 1 by `rad` within `in_s` along a step of minimum jerk, whoever holds the token.

    What has happened cannot be taken back: the end of the fault moves nothing.

    Raises:
        ValueError: no time to do it in, or the arm cannot.
    """
    if not active:
        return
    angle, seconds = float(given["rad"]), float(given["in_s"])
    if not seconds > 0:
        raise ValueError(f"in_s must be positive [s], got {seconds:g}")
    s = np.linspace(0.0, 1.0, CREEP_POINTS)
    way = 10 * s**3 - 15 * s**4 + 6 * s**5
    speed = (30 * s**2 - 60 * s**3 + 30 * s**4) / seconds
    start = on.rig.arm.joints()
    joint = angle * np.eye(len(start))[0]
    on.rig.arm.follow(s * seconds, start + way[:, None] * joint, speed[:, None] * joint)


def freeze_joints(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Repeat the last joint state while the arm creeps."""
    creep(on, active, given)
    on.rig.joints.frozen = active


def lose_joints(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Publish no joint states."""
    on.rig.joints.lost = active


def misread_joint(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Let the encoder of joint 1 read `rad` too much."""
    on.rig.joints.misread(0, float(given["rad"]) if active else 0.0)


def stop_arm(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Brake to a rest where the arm is."""
    if active:
        on.rig.arm.stop("protective stop")


ARM = {
    "arm_creeps": Act(("arm",), creep),
    "arm_driven": Act(("arm",), creep),
    "joints_lost": Act(("joints",), lose_joints),
    "joints_frozen": Act(("joints", "arm"), freeze_joints),
    "encoder_offset": Act(("joints",), misread_joint),
    "arm_protective_stop": Act(("arm",), stop_arm),
}
