"""A patient that contradicts itself is refused."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.geometry import TriangleMesh
from openmtz.simulation.arm.heightfield import height_field
from openmtz.simulation.patient import Patient

MESH = TriangleMesh(np.array([[0.5, 0, 0.05], [0.6, 0, 0.05], [0.5, 0.1, 0.02]]), np.array([[0, 1, 2]]))


def test_a_healthy_patient_has_no_lesions_and_faces_up() -> None:
    patient = Patient.healthy(MESH, "triangle", approach=(0, 0, 2))
    assert not patient.lesion_mask.any() and patient.approach == pytest.approx((0, 0, 1))
    assert patient.target_m == pytest.approx((0.5, 0, 0.05))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"lesion_mask": np.zeros(2, bool)}, "lesion_mask"),
        ({"lesion_depth_m": np.array([0.0, 0.0, np.nan])}, "finite"),
        ({"lesion_depth_m": np.array([0.0, 0.0, -1.0])}, "negative"),
        ({"approach": (0, 0, 0)}, "approach"),
        ({"target_m": (0, np.inf, 0)}, "finite"),
        ({"region_radius_m": 0.0}, "region_radius_m"),
    ],
)
def test_contradictions_are_refused(changes: dict, text: str) -> None:
    good = {"mesh": MESH, "lesion_mask": np.zeros(3, bool), "lesion_depth_m": np.zeros(3)}
    with pytest.raises(ValueError, match=text):
        Patient(**(good | changes))


def test_the_height_field_follows_the_skin_from_above() -> None:
    field = height_field(MESH, floor_m=-0.35)
    rows, columns = field.heights.shape
    x = np.linspace(-1, 1, columns) * field.half_m[0] + field.center_m[0]
    y = np.linspace(-1, 1, rows) * field.half_m[1] + field.center_m[1]
    inside = ((x[None, :] - 0.5) + y[:, None] < 0.09) & (x[None, :] > 0.505) & (y[:, None] > 0.005)
    surface = 0.05 - 0.3 * y[:, None] + 0 * x[None, :]
    assert inside.sum() > 50
    assert np.abs(field.heights + field.bottom_m - surface)[inside].max() < 0.3 * 0.005
    far = (x[None, :] - 0.5) + y[:, None] > 0.12
    assert (field.heights[far] == 0).all() and field.bottom_m == -0.35
