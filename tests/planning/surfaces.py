"""Analytic skins: flat, cylinder, sphere, saddle, as captured-like surfaces; and an indication that is
even."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import Assessment, Indication, PluginManager, Prescription, hookimpl

CENTER = np.array([0.5, 0.0, 0.05])
KINDS = ("flat", "cylinder", "sphere", "saddle")


def grid_surface(kind: str, side_m: float = 0.05, step_m: float = 0.001) -> SkinSurface:
    """Return a square of skin around `CENTER`, radius of curvature 40 mm where there is one."""
    steps = round(side_m / step_m) + 1
    line = np.linspace(-side_m / 2, side_m / 2, steps)
    x, y = np.meshgrid(line, line, indexing="ij")
    height = {
        "flat": 0.0 * x,
        "cylinder": np.sqrt(0.04**2 - x**2) - 0.04,
        "sphere": np.sqrt(0.04**2 - np.minimum(x**2 + y**2, 0.0012)) - 0.04,
        "saddle": (x**2 - y**2) / 0.08,
    }[kind]
    vertices = np.stack([x, y, height], axis=-1).reshape(-1, 3) + CENTER
    return SkinSurface.from_arrays(vertices, grid_faces(steps), voxel_m=step_m)


def grid_faces(steps: int) -> NDArray[np.int64]:
    """Return the triangles of a square grid, upwards."""
    index = np.arange(steps * steps).reshape(steps, steps)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


class Even:
    """The same density and energy everywhere."""

    def __init__(self, density_per_cm2: float = 442.0, energy_mj: float = 15.0) -> None:
        self.density, self.energy = density_per_cm2, energy_mj

    @hookimpl
    def indications(self) -> list[Indication]:
        return [Indication("even", "even", "the same everywhere")]

    @hookimpl
    def assess(self, area: NDArray[np.bool_]) -> Assessment:
        return Assessment(np.zeros(len(area)), np.zeros(len(area)))

    @hookimpl
    def prescribe(self, region: NDArray[np.bool_]) -> Prescription:
        return Prescription(
            np.where(region, self.density, 0.0),
            np.full(len(region), self.energy),
            "co2_120um_low_energy",
            "test",
        )


def even_manager(density_per_cm2: float = 442.0, energy_mj: float = 15.0) -> PluginManager:
    """Return a manager with `Even` alone."""
    manager = PluginManager()
    manager.register("even", Even(density_per_cm2, energy_mj), "1")
    return manager
