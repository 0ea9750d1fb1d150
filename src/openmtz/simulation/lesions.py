"""Synthetic lesions carved into skin: dents of known depth, always labelled as synthetic.

Sizes follow the usual classification of atrophic acne scars (icepick < 2 mm wide and deep, boxcar
1.5-4 mm with steep walls, rolling > 4 mm and shallow; Jacob 2001 [M]) and striae distensae (bands of
a few millimetres width) [M]; depths are those of the contract of issue 2: 0.3-2 mm and 0.2-0.5 mm.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import TriangleMesh, look_along

Array = NDArray[np.float64]
LesionKind = Literal["atrophic_scar", "striae", "none"]
MASK_DEPTH_M = 5e-5
"""A vertex belongs to a lesion where it lies at least this deep [m]."""


def carve_lesions(
    mesh: TriangleMesh,
    center: Array,
    outward: Array,
    radius_m: float,
    kind: LesionKind,
    rng: np.random.Generator,
) -> tuple[TriangleMesh, NDArray[np.bool_], Array]:
    """Return the mesh with lesions in the disc of `radius_m` around `center`, mask `(V,)`, depth `(V,)` [m].

    Depth is measured along the healthy surface's own normal. Only skin within 1.5 radii of the centre
    along `outward` is touched, so that lesions do not appear on the far side of a thin part.

    Raises:
        ValueError: unknown kind; the text lists the known ones.
    """
    if kind not in get_args(LesionKind):
        raise ValueError(f"unknown lesions {kind!r}; known: {', '.join(get_args(LesionKind))}")
    local = (mesh.vertices - center) @ look_along(center, outward)[:3, :3]
    near = (np.hypot(local[:, 0], local[:, 1]) < 1.6 * radius_m) & (np.abs(local[:, 2]) < 1.5 * radius_m)
    depth = np.zeros(len(mesh.vertices))
    if kind == "atrophic_scar":
        depth[near] = _scars(local[near, :2], radius_m, rng)
    elif kind == "striae":
        depth[near] = _striae(local[near, :2], radius_m, rng)
    carved = TriangleMesh(mesh.vertices - depth[:, None] * mesh.vertex_normals(), mesh.faces)
    return carved, depth >= MASK_DEPTH_M, depth


def _scars(xy: Array, radius_m: float, rng: np.random.Generator) -> Array:
    """Return depth `(N,)` [m] at tangent coordinates `(N, 2)`: about 4 scars per cm2, not overlapping."""
    wanted = max(5, round(4.0 * np.pi * (radius_m * 100.0) ** 2))
    placed: list[tuple[float, float, float]] = []
    depth = np.zeros(len(xy))
    for attempt in range(60 * wanted):
        if len(placed) >= wanted:
            break
        share = (len(placed) + 0.5) / wanted  # large ones first, or they find no room
        name = "rolling" if share < 0.35 else "boxcar" if share < 0.75 else "icepick"
        size = {"rolling": (2.0, 3.2), "boxcar": (0.9, 1.8), "icepick": (0.5, 0.9)}[name]
        half = rng.uniform(*size) * 1e-3
        deepest = {"rolling": (0.3, 0.8), "boxcar": (0.4, 1.0), "icepick": (0.9, 2.0)}[name]
        bottom = rng.uniform(*deepest) * 1e-3
        stretch, heading = rng.uniform(0.85, 1.2), rng.uniform(0.0, np.pi)
        reach = (radius_m - half) * np.sqrt(rng.uniform())
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        crowded = any(np.hypot(x - px, y - py) < 0.85 * (half + other) for px, py, other in placed)
        if crowded and attempt < 59 * wanted:
            continue
        placed.append((x, y, half))
        dx, dy = xy[:, 0] - x, xy[:, 1] - y
        along = (dx * np.cos(heading) + dy * np.sin(heading)) * stretch
        across = (-dx * np.sin(heading) + dy * np.cos(heading)) / stretch
        r = np.hypot(along, across) / half
        if name == "rolling":
            form = np.where(r < 1.0, np.cos(0.5 * np.pi * np.minimum(r, 1.0)) ** 2, 0.0)
        elif name == "boxcar":
            wall = 0.35e-3 / half
            form = 1.0 - _smooth_step((r - (1.0 - wall)) / wall)
        else:
            form = np.maximum(1.0 - r, 0.0) ** 0.8
        depth = np.maximum(depth, bottom * form)
    return depth


def _striae(xy: Array, radius_m: float, rng: np.random.Generator) -> Array:
    """Return depth `(N,)` [m]: roughly parallel wavy bands, 2-3.5 mm wide, 0.2-0.5 mm deep."""
    heading = rng.uniform(-0.35, 0.35)
    s = xy[:, 0] * np.cos(heading) + xy[:, 1] * np.sin(heading)
    t = -xy[:, 0] * np.sin(heading) + xy[:, 1] * np.cos(heading)
    count = max(2, round(2.0 * radius_m / 0.0055))
    depth = np.zeros(len(xy))
    for k in range(count):
        middle = (k + 0.5) / count * 2.0 * radius_m - radius_m + rng.uniform(-4e-4, 4e-4)
        chord = np.sqrt(max(radius_m**2 - middle**2, (0.35 * radius_m) ** 2))
        length = chord * rng.uniform(0.8, 1.0)
        half = rng.uniform(1.0, 1.75) * 1e-3
        bottom = rng.uniform(0.25, 0.5) * 1e-3
        wave, phase = rng.uniform(0.015, 0.03), rng.uniform(0.0, 2.0 * np.pi)
        line = middle + 6e-4 * np.sin(2.0 * np.pi * s / wave + phase)
        taper = 1.0 - _smooth_step((np.abs(s) - 0.6 * length) / (0.4 * length))
        r = np.minimum(np.abs(t - line) / half, 1.0)
        depth = np.maximum(depth, bottom * taper * np.cos(0.5 * np.pi * r) ** 2)
    return depth


def _smooth_step(x: Array) -> Array:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
