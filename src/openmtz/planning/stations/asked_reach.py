"""Asks the arm about poses: so many times and no more, and remembers which ones it refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from openmtz.geometry import make_pose

MAX_REACH_TESTS = 180
REACH_TESTS_PER_CM2 = 8.0
"""Poses the arm may refuse before planning gives up on what is left: so many, and so many more for every
cm2 to cover and three for every station found. Engineering default: 2 ms each."""
_TURNS_RAD = (0.0, np.pi / 2, -np.pi / 2, np.pi)

Reachable = Callable[[NDArray[np.float64]], "bool | str | None"]
"""Takes a world pose `(4, 4)` of scan_head. True, None or an empty text: in reach; False or a text: not, and
why, as `openmtz.robot.StationCheck(...).reason`. An object that also has `reason(pose) -> str`, such as the
`StationCheck` itself, is asked for the text once at the end, which is quicker."""


class Reach:
    """Asks the arm about poses, until it has refused too many, and remembers which ones it refused."""

    def __init__(self, reachable: Reachable | None) -> None:
        self._ask, self._failures, self.allowance, self.detail = reachable, 0, float(MAX_REACH_TESTS), ""
        self.refused: list[NDArray[np.float64]] = []
        self._axes = np.zeros(3)

    @property
    def asks(self) -> bool:
        """True if there is an arm to ask."""
        return self._ask is not None

    @property
    def exhausted(self) -> bool:
        """True once the arm has refused too much."""
        return self._failures >= self.allowance

    def took(self, pose: NDArray[np.float64]) -> None:
        """Remember a pose that the arm can take."""
        self.allowance += 3.0
        self._axes += pose[:3, 2]

    def toward(self) -> NDArray[np.float64]:
        """Return the unit axis `(3,)` to tilt refused poses towards: the mean axis of the stations that the
        arm can take, or straight down while there are none."""
        axis = self._axes if self._axes.any() else np.array([0.0, 0.0, -1.0])
        return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-12), np.float64)

    def refuse(self, pose: NDArray[np.float64]) -> None:
        """Remember a pose that the arm cannot take however it is turned or tilted, and the reason it gave."""
        self.refused.append(pose)
        if not self.detail and (reason := getattr(self._ask, "reason", None)) is not None:
            self.detail = str(reason(pose))

    def as_it_is(self, pose: NDArray[np.float64]) -> bool:
        """Return True if the arm takes the pose as it is, unturned. A refusal does not count."""
        if self._ask is None:
            return True
        answer = self._ask(pose)
        return answer is None or answer is True or answer == ""

    def turn_until_reached(self, pose: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the pose, turned about the beam where the arm takes it only so; None if it never does."""
        if self._ask is None:
            return pose
        for turn in _TURNS_RAD:
            rotation = pose[:3, :3] @ Rotation.from_euler("z", turn).as_matrix()
            turned = make_pose(rotation, pose[:3, 3])
            answer = self._ask(turned)
            if answer is None or answer is True or answer == "":
                return turned
            self._failures += 1
            if isinstance(answer, str):
                self.detail = answer
        return None
