"""Compiles the simulated camera's kernels ahead of time, so that no first demo waits for a compiler.

    python -m openmtz.simulation.camera.warm_up

Kept on disk; `./openmtz` calls it once when it sets up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from openmtz.capture import CameraIntrinsics
from openmtz.simulation.camera.worker import CameraServer
from openmtz.simulation.patient import PatientMotion


def warm_up() -> None:
    """Look once, as the camera's process does, at one triangle.

    Raises:
        RuntimeError: the camera does not answer that it is ready.
    """
    answers: list[Any] = []
    server = CameraServer()
    triangle = (
        np.array([[0.0, 0.0, 0.3], [0.1, 0.0, 0.3], [0.0, 0.1, 0.3]]),
        np.array([[0, 2, 1]], np.int32),
    )
    server.handle(("camera", (CameraIntrinsics(), 0, None)), answers.append)
    server.handle(("scene", ([triangle], PatientMotion.none())), answers.append)
    if [kind for kind, _ in answers] != ["ready"]:
        raise RuntimeError(f"the simulated camera failed: {answers}")


if __name__ == "__main__":
    warm_up()
