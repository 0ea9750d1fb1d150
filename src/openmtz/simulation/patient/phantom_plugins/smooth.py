"""Smooth phantoms: an open patch of skin with two radii of curvature and slow undulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.hooks import PhantomSkin
from openmtz.simulation.patient.lesions import carve_lesions
from openmtz.simulation.patient.phantom_plugins.grid import graded_axis, grid_mesh
from openmtz.simulation.patient.place_in_cell import PATIENT_TARGET_M

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PhantomShape:
    """Radii of curvature along world x and y at the target, and how far the skin goes around it [m].

    `ripple_m`: amplitude of slow random undulations, wavelengths 40 to 90 mm. Radii are plausible for
    an adult, engineering defaults [M]. `stream` keeps the random numbers of one shape from another's.
    """

    radius_x_m: float
    radius_y_m: float
    half_x_m: float
    half_y_m: float
    ripple_m: float
    stream: int


SHAPES: dict[str, PhantomShape] = {
    "cheek": PhantomShape(0.070, 0.080, 0.075, 0.085, 0.0004, 1),
    "forearm": PhantomShape(0.060, 0.60, 0.080, 0.120, 0.0003, 2),
    "abdomen": PhantomShape(0.180, 0.260, 0.110, 0.120, 0.0008, 0),
}


def builder(kind: str) -> Callable[[str, int, float], PhantomSkin]:
    """Return `build` of a phantom in `SHAPES`."""
    return partial(_build, SHAPES[kind])


def _build(shape: PhantomShape, lesions: str, seed: int, region_radius_m: float) -> PhantomSkin:
    """Return the phantom where patients lie, its skin facing +z there."""
    rng = np.random.default_rng([seed, shape.stream, 0x9E37])
    fine = region_radius_m + 0.007
    u = graded_axis(-shape.half_x_m, shape.half_x_m, fine)
    v = graded_axis(-shape.half_y_m, shape.half_y_m, fine)
    mesh = grid_mesh(_curved_points(shape, u, v, rng), len(u), len(v))
    target, up = np.asarray(PATIENT_TARGET_M, np.float64), np.array([0.0, 0.0, 1.0])
    healthy = _place_top(mesh, len(u), len(v), target)
    carved = carve_lesions(healthy, target, up, region_radius_m, lesions, rng)
    return PhantomSkin(
        carved.mesh.vertices,
        carved.mesh.faces,
        carved.mask,
        carved.depth_m,
        carved.label,
        PATIENT_TARGET_M,
        (0.0, 0.0, 1.0),
    )


def _curved_points(shape: PhantomShape, u: Array, v: Array, rng: np.random.Generator) -> Array:
    """Return points `(len(v) * len(u), 3)` of a translation surface over arc lengths u and v [m]."""
    uu, vv = np.meshgrid(u, v)
    a = np.clip(uu / shape.radius_x_m, -1.45, 1.45)
    b = np.clip(vv / shape.radius_y_m, -1.45, 1.45)
    x = shape.radius_x_m * np.sin(a)
    y = shape.radius_y_m * np.sin(b)
    z = -shape.radius_x_m * (1.0 - np.cos(a)) - shape.radius_y_m * (1.0 - np.cos(b))
    z = with_ripple(z, uu, vv, shape.ripple_m, rng)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)


def with_ripple(z: Array, u: Array, v: Array, amplitude_m: float, rng: np.random.Generator) -> Array:
    """Return `z` [m] with slow random undulations over arc lengths `u`, `v` [m], wavelengths 40 to 90 mm."""
    for _ in range(6):
        wave = 2.0 * np.pi / rng.uniform(0.04, 0.09)
        heading, phase = rng.uniform(0.0, 2.0 * np.pi, 2)
        along = u * np.cos(heading) + v * np.sin(heading)
        z = z + amplitude_m / np.sqrt(6.0) * np.sin(wave * along + phase)
    return z


def _place_top(mesh: TriangleMesh, columns: int, rows: int, target: Array) -> TriangleMesh:
    """Turn and move the mesh so that its middle vertex lies at the target with normal +z."""
    middle = (rows // 2) * columns + columns // 2
    normal = mesh.vertex_normals()[middle]
    axis = np.cross(normal, [0.0, 0.0, 1.0])
    kx = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) + kx + kx @ kx / (1.0 + normal[2])
    return TriangleMesh((mesh.vertices - mesh.vertices[middle]) @ turn.T + target, mesh.faces)
