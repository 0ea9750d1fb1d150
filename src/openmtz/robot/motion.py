"""A motion of the arm: settings, what is asked for, what is under way, how it ended."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.robot.reach import MoveResult
from openmtz.robot.trajectory import Trajectory

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MoverConfig:
    """Tolerance [rad] and times [s] of a motion; the parameters of node `arm` explain them."""

    goal_tolerance_rad: float = 0.0005
    rest_s: float = 0.06
    settle_timeout_s: float = 3.0
    token_wait_s: float = 0.5
    joint_age_s: float = 0.5
    safety_age_s: float = 1.0


@dataclass(frozen=True)
class MoveOutcome:
    """How a motion ended: errors of the tool at rest [m], [rad], NaN where it never began.

    `late`: it stopped or did not begin because joint or safety states came too late; asked for again, it may
    succeed.
    """

    success: bool
    reason: str
    position_error_m: float = float("nan")
    orientation_error_rad: float = float("nan")
    late: bool = False


@dataclass
class Motion:
    """A motion under way: where `tool` is to be, along which trajectory, since when [s]."""

    target: Array
    tool: str
    trajectory: Trajectory
    started: float


@dataclass
class PendingMotion:
    """A motion asked for; `search` and the joints it starts from where its way is being sought."""

    target: Array
    tool: str
    speed: float
    deadline: float
    search: Future[MoveResult] | None = None
    start: Array | None = None
