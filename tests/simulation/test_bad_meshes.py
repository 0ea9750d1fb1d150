"""Meshes and points that are no patient: each named with cause and fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from openmtz.simulation.patient.sources import PatientError, patient_from_mesh


def nan_mesh(path: Path) -> Path:
    text = (
        "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 nan\n0 1 0\n3 0 1 2\n"
    )
    (path / "nan.ply").write_text(text)
    return path / "nan.ply"


def points_only(path: Path) -> Path:
    trimesh.PointCloud(np.random.default_rng(0).normal(size=(50, 3))).export(path / "points.ply")
    return path / "points.ply"


def garbage(path: Path) -> Path:
    (path / "broken.glb").write_bytes(b"glTF" + bytes(40))
    return path / "broken.glb"


def text_file(path: Path) -> Path:
    (path / "notes.txt").write_text("hello")
    return path / "notes.txt"


def ball_in_mm(path: Path) -> Path:
    trimesh.creation.icosphere(subdivisions=3, radius=80.0).export(path / "ball.ply")
    return path / "ball.ply"


def ball_in_m(path: Path) -> Path:
    trimesh.creation.icosphere(subdivisions=3, radius=0.08).export(path / "ball.ply")
    return path / "ball.ply"


def a_line_of_points(path: Path) -> Path:
    line = np.column_stack([np.linspace(0.0, 0.3, 2000), np.zeros(2000), np.zeros(2000)])
    trimesh.PointCloud(line).export(path / "line.ply")
    return path / "line.ply"


def an_empty_file(path: Path) -> Path:
    (path / "empty.ply").write_bytes(b"")
    return path / "empty.ply"


def nothing_in_it(path: Path) -> Path:
    head = "ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\n"
    (path / "none.ply").write_text(head + "end_header\n")
    return path / "none.ply"


def cloud_in_mm(path: Path) -> Path:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=80.0)
    trimesh.PointCloud(ball.vertices).export(path / "cloud.ply")
    return path / "cloud.ply"


def cloud_with_nan(path: Path) -> Path:
    points = np.array(trimesh.creation.icosphere(subdivisions=4, radius=0.08).vertices)
    points[7] = np.nan
    trimesh.PointCloud(points).export(path / "nan_cloud.ply")
    return path / "nan_cloud.ply"


@pytest.mark.parametrize(
    ("setup", "scale", "cause"),
    [
        (nan_mesh, 1.0, "NaN"),
        (points_only, 1.0, "no faces"),
        (a_line_of_points, 1.0, "not on a surface"),
        (an_empty_file, 1.0, "cannot be read|empty"),
        (nothing_in_it, 1.0, "cannot be read|empty"),
        (cloud_in_mm, 1.0, "a scale of 0.001 metres per unit would make it 0.16 m"),
        (cloud_with_nan, 1.0, "1 of .* vertices of nan_cloud.ply are NaN"),
        (garbage, 1.0, "cannot be read as a mesh"),
        (text_file, 1.0, "no supported mesh file"),
        (ball_in_mm, 1.0, "a scale of 0.001 metres per unit would make it 0.16 m"),
        (ball_in_m, 0.001, "a scale of 1 metres per unit"),
        (ball_in_m, -1.0, "positive"),
        (ball_in_m, float("nan"), "positive"),
    ],
)
def test_bad_meshes_are_named(
    tmp_path: Path, setup: Callable[[Path], Path], scale: float, cause: str
) -> None:
    with pytest.raises(PatientError, match=cause) as caught:
        patient_from_mesh(setup(tmp_path), scale)
    assert caught.value.cause and caught.value.fix


def test_a_shape_without_any_smooth_patch_is_refused(tmp_path: Path) -> None:
    spikes = trimesh.creation.icosphere(subdivisions=4, radius=0.08)
    rng = np.random.default_rng(0)
    spikes.vertices *= 1.0 + 0.3 * rng.random(len(spikes.vertices))[:, None]
    spikes.export(tmp_path / "spikes.ply")
    with pytest.raises(PatientError, match="no smooth patch"):
        patient_from_mesh(tmp_path / "spikes.ply", 1.0)
