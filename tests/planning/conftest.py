"""Synthetic captured-like skin: curved, radius 70 mm, 1 mm triangles, 0.1 mm smooth noise, lesions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from openmtz.geometry import SkinSurface
from openmtz.hooks import PluginManager, load_plugins

sys.path.insert(0, str(Path(__file__).parent))
CENTER = np.array([0.50, 0.0, 0.05])
SCARS = ((-4.0, 2.0, 3.2, 0.5), (4.5, -3.0, 1.6, 0.9), (1.0, 6.0, 0.7, 0.8), (-3.0, -6.0, 3.6, 0.4))
"""x, y, radius [mm], depth [mm]: two rolling, a boxcar, an icepick."""
STRIAE = ((-5.0, 0.25, 14.0), (0.5, 0.4, 16.0), (6.0, 0.3, 12.0))
"""y at the middle [mm], depth [mm], length [mm]; bands of 2.2 mm along x, slightly bent."""


def make_skin(
    kind: str = "plain",
    *,
    seed: int = 0,
    side_mm: float = 60.0,
    noise_mm: float = 0.1,
    radius_mm: float = 70.0,
) -> SkinSurface:
    """Return a captured-like surface around the usual target point, `kind` plain, scars or striae."""
    steps = int(side_mm) + 1
    line = np.linspace(-side_mm / 2, side_mm / 2, steps)
    x, y = np.meshgrid(line, line, indexing="ij")
    z = np.sqrt(radius_mm**2 - np.minimum(x**2 + 0.6 * y**2, 0.9 * radius_mm**2)) - radius_mm
    rng = np.random.default_rng(seed)
    if noise_mm:
        noise = gaussian_filter(rng.normal(size=z.shape), 1.0)
        z = z + noise_mm * 0.5 * noise / noise.std()
    if kind == "scars":
        for cx, cy, radius, depth in SCARS:
            away = np.hypot(x - cx, y - cy) / radius
            sharp = 2.0 if radius > 2 else 6.0
            z = z - depth * np.exp(-(away**sharp))
    if kind == "striae":
        for middle, depth, length in STRIAE:
            across = (y - middle - 0.01 * x**2) / 1.1
            z = z - depth * np.exp(-(across**2)) * (np.abs(x) < length / 2)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3) * 1e-3 + CENTER
    index = np.arange(steps * steps).reshape(steps, steps)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return SkinSurface.from_arrays(vertices, faces, voxel_m=0.001)


@pytest.fixture(scope="session")
def manager() -> PluginManager:
    """All installed plugins."""
    return load_plugins()


@pytest.fixture(scope="session")
def skin() -> dict[str, SkinSurface]:
    """Surfaces by kind."""
    return {kind: make_skin(kind, seed=3) for kind in ("plain", "scars", "striae")}


def spacing(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(N,)` [m] to the nearest other spot."""
    from scipy.spatial import cKDTree

    return cKDTree(positions).query(positions, k=2)[0][:, 1]
