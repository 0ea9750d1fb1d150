"""Defects of a mesh are counted and named."""

from __future__ import annotations

import numpy as np
import pytest
from placement_surfaces import SURFACES

from openmtz.planning.skin.surface_defects import surface_defects

VERTICES, FACES = SURFACES["flat"]()
SHEET = len(VERTICES)


def found(vertices: np.ndarray, faces: np.ndarray) -> dict[str, int]:
    return {defect.code: defect.count for defect in surface_defects(vertices, faces)}


@pytest.mark.parametrize("name", ["flat", "sphere", "torus", "two triangles"])
def test_a_sound_mesh_has_none(name):
    assert found(*SURFACES[name]()) == {}


def test_each_defect_is_counted():
    turned = FACES.copy()
    turned[[5, 300, 301]] = turned[[5, 300, 301]][:, ::-1]
    assert found(VERTICES, turned) == {"flipped": 3}
    assert found(VERTICES, np.vstack([FACES, FACES[[7]]])) == {"doubled": 1, "non-manifold": 3}
    assert found(VERTICES, np.vstack([FACES, [[0, 0, 1]]]))["no-area"] == 1
    two = np.vstack([FACES, FACES + SHEET])
    assert found(np.vstack([VERTICES, VERTICES + 0.1]), two) == {"island": 1}
    middle = np.linalg.norm(VERTICES[FACES].mean(axis=1)[:, :2] - 0.01, axis=1)
    assert found(VERTICES, FACES[middle > 0.003]) == {"hole": 1}
    fin = np.vstack([VERTICES, [[0.0095, 0.0095, 0.01]]])
    corner = FACES[210]
    assert found(fin, np.vstack([FACES, [[corner[0], corner[1], SHEET]]]))["non-manifold"] == 1
    thin = VERTICES * [1.0, 0.01, 1.0]
    assert found(thin, FACES) == {"sliver": len(FACES)}


def test_every_defect_says_what_to_do():
    for defect in surface_defects(VERTICES, np.vstack([FACES, FACES[[7]], [[0, 0, 1]]])):
        assert len(defect.text) > 20 and defect.fix


def test_a_mesh_turned_inside_out_as_a_whole_is_no_defect():
    assert found(VERTICES, FACES[:, ::-1]) == {}
