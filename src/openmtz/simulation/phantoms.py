"""Parametric phantoms: curved skin with synthetic lesions of known depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh
from openmtz.simulation.lesions import LesionKind, carve_lesions
from openmtz.simulation.patients import PATIENT_TARGET_M, Patient

Array = NDArray[np.float64]
PhantomKind = Literal["cheek", "forearm", "abdomen"]


@dataclass(frozen=True)
class PhantomShape:
    """Radii of curvature along world x and y at the target, and how far the skin goes around it [m].

    `ripple_m`: amplitude of slow random undulations, wavelengths 40 to 90 mm. Radii are plausible for
    an adult, engineering defaults [M].
    """

    radius_x_m: float
    radius_y_m: float
    half_x_m: float
    half_y_m: float
    ripple_m: float


SHAPES: dict[str, PhantomShape] = {
    "cheek": PhantomShape(0.070, 0.080, 0.075, 0.085, 0.0004),
    "forearm": PhantomShape(0.060, 0.60, 0.080, 0.120, 0.0003),
    "abdomen": PhantomShape(0.180, 0.260, 0.110, 0.120, 0.0008),
}


def make_phantom(
    kind: PhantomKind = "cheek",
    lesions: LesionKind = "atrophic_scar",
    seed: int = 0,
    region_radius_m: float | None = None,
) -> Patient:
    """Return a phantom at the patient target, its skin facing +z there; same seed, same patient.

    Args:
        region_radius_m: of the disc that holds the lesions and is to be treated [m]; by default
            11 mm (3.8 cm2).

    Raises:
        ValueError: unknown kind or lesions; the text lists the known ones.
    """
    if kind not in SHAPES:
        raise ValueError(f"unknown phantom {kind!r}; known: {', '.join(SHAPES)}")
    shape = SHAPES[kind]
    radius = 0.011 if region_radius_m is None else float(region_radius_m)
    rng = np.random.default_rng([seed, sorted(SHAPES).index(kind), 0x9E37])
    u = graded_axis(shape.half_x_m, fine_half_m=radius + 0.007)
    v = graded_axis(shape.half_y_m, fine_half_m=radius + 0.007)
    mesh = _grid_mesh(_curved_points(shape, u, v, rng), len(u), len(v))
    target = np.asarray(PATIENT_TARGET_M, np.float64)
    healthy = _place_top(mesh, len(u), len(v), target)
    carved, mask, depth = carve_lesions(healthy, target, np.array([0.0, 0.0, 1.0]), radius, lesions, rng)
    label = "healthy" if lesions == "none" else f"synthetic {lesions.replace('_', ' ')} lesions"
    return Patient(
        mesh=carved,
        lesion_mask=mask,
        lesion_depth_m=depth,
        name=f"{kind} phantom, {label}, seed {seed}",
        synthetic_lesions=lesions != "none",
        target_m=target,
        approach=np.array([0.0, 0.0, 1.0]),
        region_radius_m=radius,
    )


def graded_axis(half_m: float, fine_half_m: float, fine_m: float = 0.0005, growth: float = 1.18) -> Array:
    """Return increasing positions from -half to +half [m], `fine_m` apart inside, growing outside."""
    inner = np.arange(0.0, min(fine_half_m, half_m) + 0.5 * fine_m, fine_m)
    outer, step = [], fine_m
    position = float(inner[-1])
    while position < half_m:
        step = min(step * growth, 0.006)
        position += step
        outer.append(position)
    positive = np.concatenate([inner, outer])
    return np.concatenate([-positive[:0:-1], positive])


def _curved_points(shape: PhantomShape, u: Array, v: Array, rng: np.random.Generator) -> Array:
    """Return points `(len(v) * len(u), 3)` of a translation surface over arc lengths u and v [m]."""
    uu, vv = np.meshgrid(u, v)
    a = np.clip(uu / shape.radius_x_m, -1.45, 1.45)
    b = np.clip(vv / shape.radius_y_m, -1.45, 1.45)
    x = shape.radius_x_m * np.sin(a)
    y = shape.radius_y_m * np.sin(b)
    z = -shape.radius_x_m * (1.0 - np.cos(a)) - shape.radius_y_m * (1.0 - np.cos(b))
    for _ in range(6):
        wave = 2.0 * np.pi / rng.uniform(0.04, 0.09)
        heading, phase = rng.uniform(0.0, 2.0 * np.pi, 2)
        along = uu * np.cos(heading) + vv * np.sin(heading)
        z = z + shape.ripple_m / np.sqrt(6.0) * np.sin(wave * along + phase)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)


def _grid_mesh(points: Array, columns: int, rows: int) -> TriangleMesh:
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    return TriangleMesh(points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))


def _place_top(mesh: TriangleMesh, columns: int, rows: int, target: Array) -> TriangleMesh:
    """Turn and move the mesh so that its middle vertex lies at the target with normal +z."""
    middle = (rows // 2) * columns + columns // 2
    normal = mesh.vertex_normals()[middle]
    axis = np.cross(normal, [0.0, 0.0, 1.0])
    kx = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) + kx + kx @ kx / (1.0 + normal[2])
    return TriangleMesh((mesh.vertices - mesh.vertices[middle]) @ turn.T + target, mesh.faces)
