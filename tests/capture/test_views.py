"""Scan views look at the centre from the standoff asked for."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.capture import CameraIntrinsics, scan_views


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0.2), (0, -1, 0), (0.3, 0.3, 1)])
def test_every_view_looks_at_the_centre(direction: tuple[float, float, float]) -> None:
    center = np.array([0.5, 0.1, 0.05])
    views = scan_views(center, direction, standoff_m=0.3, tilt_rad=0.3, count=6)
    assert len(views) == 6
    out = np.asarray(direction) / np.linalg.norm(direction)
    for k, view in enumerate(views):
        assert np.allclose(view[:3, :3].T @ view[:3, :3], np.eye(3)) and np.linalg.det(view[:3, :3]) > 0
        away = view[:3, 3] - center
        assert np.linalg.norm(away) == pytest.approx(0.3)
        assert np.allclose(view[:3, 2], -away / 0.3)
        assert np.arccos(np.clip(away @ out / 0.3, -1, 1)) == pytest.approx(0.0 if k == 0 else 0.3, abs=1e-6)


@pytest.mark.parametrize(
    "bad",
    [{"count": 0}, {"standoff_m": 0.0}, {"standoff_m": float("nan")}, {"tilt_rad": 2.0}, {"tilt_rad": -0.1}],
)
def test_views_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        scan_views((0, 0, 0), (0, 0, 1), **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        {"fx": float("nan")},
        {"fx": -1.0},
        {"cx": 480.0},
        {"cy": -2.0},
        {"fx": 10.0, "fy": 10.0},
        {"fx": 6e5, "fy": 6e5},
        {"width": 0},
    ],
)
def test_intrinsics_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        CameraIntrinsics(**bad)  # type: ignore[arg-type]


def test_projection_and_rays_are_inverse() -> None:
    k = CameraIntrinsics(64, 48, 70.0, 75.0, 30.0, 25.0)
    pixels, depth = k.project((k.directions() * 0.7).reshape(-1, 3))
    u, v = np.meshgrid(np.arange(64), np.arange(48))
    assert np.allclose(pixels, np.stack([u, v], -1).reshape(-1, 2)) and np.allclose(depth, 0.7)
    again = CameraIntrinsics.from_matrix(k.matrix().ravel(), 64, 48)
    assert again == k
