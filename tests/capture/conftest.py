"""A phantom seen by the simulated camera: frames with known truth, rendered once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from openmtz.capture import CaptureSettings, scan_views
from openmtz.simulation.camera.camera import DepthCamera
from openmtz.simulation.camera.mesh_scene import MeshScene
from openmtz.simulation.patient.patients import Patient
from openmtz.simulation.patient.phantoms import make_phantom


@dataclass
class Scan:
    patient: Patient
    frames: list[tuple[np.ndarray, np.ndarray]]
    settings: CaptureSettings


@pytest.fixture(scope="session")
def scan() -> Scan:
    """Six views, five frames each, from 0.30 m, of a cheek with synthetic scars."""
    patient = make_phantom("cheek", "atrophic_scar", seed=3)
    scene, camera = MeshScene(patient.mesh), DepthCamera(seed=7)
    frames = [
        (camera.render(view, scene, k, n), view)
        for k, view in enumerate(scan_views(patient.target_m, patient.approach, 0.30, 0.3, 6))
        for n in range(5)
    ]
    center = tuple(float(value) for value in patient.target_m)
    return Scan(patient, frames, CaptureSettings(center=center, radius_m=0.03))  # type: ignore[arg-type]
